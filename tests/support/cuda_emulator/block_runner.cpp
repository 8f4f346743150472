#include "tests/support/cuda_emulator/block_runner.h"

#include <algorithm>
#include <cstring>

namespace weft::test {

using cuda::kWarp;

std::vector<int> BlockRunner::turns(int count) const {
  std::vector<int> order(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) order[static_cast<std::size_t>(i)] = i;
  if (launch_->order == TurnOrder::kDescending) std::reverse(order.begin(), order.end());
  return order;
}

std::string BlockRunner::where(int thread) const {
  std::string text = launch_->name + ": block " + std::to_string(block_.x);
  if (launch_->grid.y > 1 || launch_->grid.z > 1) text += ", " + std::to_string(block_.y);
  if (launch_->grid.z > 1) text += ", " + std::to_string(block_.z);
  return text + ", thread " + std::to_string(thread);
}

std::string BlockRunner::doing(int thread) const {
  switch (at(thread).state) {
    case State::kAtBlockBarrier:
      return "waits at the block's barrier";
    case State::kAtPhase:
      return "waits for a barrier's phase";
    case State::kAtWarp:
      return std::string("waits at ") + warp_operation_name(at(thread).call->operation);
    case State::kDone:
      return "has returned";
    case State::kReady:
      break;
  }
  return "runs";
}

void BlockRunner::fault(const std::string& what) const {
  throw KernelFault(where(now_) + ": " + what);
}

Moment BlockRunner::moment() const {
  return {.thread = now_,
          .barriers = barriers_,
          .warp_barriers = warp_barriers_[static_cast<std::size_t>(now_ / kWarp)]};
}

bool BlockRunner::advance_warp(int warp) {
  const int first = warp * kWarp;
  for (const int lane : turns(kWarp)) {
    now_ = first + lane;
    if (current().state != State::kReady) continue;
    current().fiber.resume();
    if (current().fiber.done()) current().state = State::kDone;
    if (!fault_.empty()) throw KernelFault(fault_);
  }

  WarpCalls calls{};
  int waiter = -1;
  int other = -1;  // does something else
  for (int lane = 0; lane < kWarp; ++lane) {
    const Thread& t = at(first + lane);
    if (t.state == State::kAtWarp) calls[static_cast<std::size_t>(lane)] = t.call;
    if (waiter < 0 && t.state == State::kAtWarp) waiter = first + lane;
  }
  if (waiter < 0) return false;
  for (int thread = first; thread < first + kWarp; ++thread) {
    if (at(thread).state == State::kAtPhase) return false;  // will come when that ends
  }
  for (int thread = first; thread < first + kWarp; ++thread) {
    const Thread& t = at(thread);
    const bool same = t.state == State::kAtWarp && t.call->operation == at(waiter).call->operation;
    if (!same) other = thread;
  }
  if (other >= 0) {
    throw KernelFault(where(waiter) + ": " + doing(waiter) + ", but thread " +
                      std::to_string(other) + " of its warp " + doing(other));
  }
  now_ = first;
  const bool of_warpgroup = calls[0]->operation >= WarpOperation::kWarpgroupFence;
  const std::string wrong = of_warpgroup ? serve_warpgroup(warp, calls) : serve(calls);
  if (!wrong.empty()) fault(wrong);
  if (calls[0]->operation == WarpOperation::kSync) {
    ++warp_barriers_[static_cast<std::size_t>(warp)];
  }
  for (int lane = 0; lane < kWarp; ++lane) at(first + lane).state = State::kReady;
  return true;
}

// Every thread that has not returned is at the barrier; if some have returned, the others would
// wait for them on some hardware.
void BlockRunner::release_block_barrier() {
  int returned = -1;
  int waiting = -1;
  for (int thread = 0; thread < launch_->threads; ++thread) {
    if (at(thread).state == State::kAtPhase) {
      throw KernelFault(where(thread) + ": waits for a barrier's phase that never ends");
    }
  }
  for (int thread = 0; thread < launch_->threads; ++thread) {
    (at(thread).state == State::kDone ? returned : waiting) = thread;
  }
  if (returned >= 0) {
    throw KernelFault(where(waiting) + ": " + doing(waiting) + ", but thread " +
                      std::to_string(returned) + " " + doing(returned));
  }
  ++barriers_;
  async_.note_block_barrier();
  for (int thread = 0; thread < launch_->threads; ++thread) at(thread).state = State::kReady;
}

void BlockRunner::run(const Launch& launch, cuda::Dim3 block) {
  launch_ = &launch;
  block_ = block;
  block_number_ =
      static_cast<uint32_t>((block.z * launch.grid.y + block.y) * launch.grid.x + block.x);
  if (launch.threads % kWarp != 0) {
    throw KernelFault(launch.name + ": " + std::to_string(launch.threads) +
                      " threads are no whole number of warps");
  }
  shared_.reset(launch.shared_bytes);
  async_.reset(launch.threads);
  changes_ = 0;
  barriers_ = 0;
  warp_barriers_.assign(static_cast<std::size_t>(launch.threads / kWarp), 0);
  fault_.clear();
  while (threads_.size() < static_cast<std::size_t>(launch.threads)) {
    threads_.push_back(std::make_unique<Thread>());
  }
  for (int thread = 0; thread < launch.threads; ++thread) {
    Thread& t = at(thread);
    t.state = State::kReady;
    t.copies.clear();
    t.copy_groups.clear();
    t.fiber.start([this] {
      // Nothing may leave a fiber; run() throws it on.
      try {
        (*launch_->body)(shared_.data());
      } catch (const KernelFault& e) {
        fault_ = e.what();
      }
    });
  }

  const std::vector<int> warps = turns(launch.threads / kWarp);
  for (;;) {
    for (const int warp : warps) {
      while (advance_warp(warp)) {
      }
    }
    const auto done = [&](int thread) { return at(thread).state == State::kDone; };
    int running = 0;
    for (int thread = 0; thread < launch.threads; ++thread) running += done(thread) ? 0 : 1;
    if (running == 0) break;
    if (!release_phases()) release_block_barrier();
  }
  now_ = 0;
  if (const std::string wrong = async_.unfinished(); !wrong.empty()) fault(wrong);
}

bool BlockRunner::release_phases() {
  if (changes_ == async_.changes()) return false;
  changes_ = async_.changes();
  for (int thread = 0; thread < launch_->threads; ++thread) {
    if (at(thread).state == State::kAtPhase) at(thread).state = State::kReady;
  }
  return true;
}

std::string BlockRunner::serve_warpgroup(int warp, const WarpCalls& calls) {
  const int first = warp * kWarp;
  const WarpCall& call = *calls[0];
  switch (call.operation) {
    case WarpOperation::kWarpgroupFence:
      return async_.fence(first);
    case WarpOperation::kWarpgroupCommit:
      return async_.commit(first);
    case WarpOperation::kWarpgroupWait:
      return async_.wait_for_groups(call.open, moment());
    default:
      break;
  }
  AsyncMemory::Product product{.kind = call.kind,
                               .tokens = call.tokens,
                               .b = call.descriptor,
                               .accumulate = call.accumulate};
  for (std::size_t lane = 0; lane < calls.size(); ++lane) {
    product.d[lane] = calls[lane]->d;
    product.a[lane] = calls[lane]->a;
    if (calls[lane]->descriptor != product.b) return "multiplies by a matrix of its lane's own";
  }
  return async_.multiply(product, moment());
}

void BlockRunner::init_barrier(const void* barrier, int arrivals) {
  touch_shared(barrier, sizeof(uint64_t), alignof(uint64_t), cuda::host::Access::kWrite);
  if (const std::string wrong = async_.init_barrier(barrier, arrivals, now_); !wrong.empty()) {
    fault(wrong);
  }
}
void BlockRunner::fence_barriers() { async_.fence_barriers(now_); }
void BlockRunner::arrive(const void* barrier, int bytes) {
  if (const std::string wrong = async_.arrive(barrier, bytes, moment()); !wrong.empty()) {
    fault(wrong);
  }
}
void BlockRunner::wait_for_phase(const void* barrier, int parity) {
  for (;;) {
    bool over = false;
    const std::string wrong = async_.wait(barrier, parity, moment(), over);
    if (!wrong.empty()) fault(wrong);
    if (over) return;
    Thread& t = current();
    t.state = State::kAtPhase;
    t.fiber.give_way();
  }
}
void BlockRunner::start_bulk_copy(void* to, const void* from, int bytes, const void* barrier) {
  touch_global(from, static_cast<std::size_t>(bytes), 1, cuda::host::Access::kRead);
  if (const std::string wrong = async_.start_copy(to, from, bytes, barrier, moment());
      !wrong.empty()) {
    fault(wrong);
  }
}
uint32_t BlockRunner::shared_offset(const void* p) const {
  return static_cast<uint32_t>(static_cast<const std::byte*>(p) - shared_.data());
}

void BlockRunner::wait_for_block() {
  Thread& t = current();
  t.state = State::kAtBlockBarrier;
  t.fiber.give_way();
}

void BlockRunner::wait_for_warp(WarpCall& call) {
  Thread& t = current();
  t.state = State::kAtWarp;
  t.call = &call;
  t.fiber.give_way();
}

void BlockRunner::touch_global(const void* p, std::size_t bytes, std::size_t alignment,
                               cuda::host::Access access) {
  const std::string wrong = global_.touch(p, bytes, alignment, access, block_number_);
  if (!wrong.empty()) fault(wrong);
}

void BlockRunner::touch_shared(const void* p, std::size_t bytes, std::size_t alignment,
                               cuda::host::Access access) {
  const auto offset = static_cast<const std::byte*>(p) - shared_.data();
  if (static_cast<std::size_t>(offset) % alignment != 0) {
    fault("touches " + std::to_string(bytes) + " bytes of shared memory at byte " +
          std::to_string(offset) + ", misaligned");
  }
  std::string wrong;
  switch (access) {
    case cuda::host::Access::kRead:
      wrong = shared_.read(p, bytes, moment());
      break;
    case cuda::host::Access::kWrite:
      wrong = shared_.write(p, bytes, moment());
      break;
    case cuda::host::Access::kAtomic:
      wrong = shared_.add(p, bytes, moment());
      break;
  }
  if (!wrong.empty()) fault(wrong);
}

void BlockRunner::start_copy(void* to, const void* from, int valid_bytes) {
  constexpr std::size_t kBytes = 16;
  const auto offset = static_cast<const std::byte*>(to) - shared_.data();
  if (static_cast<std::size_t>(offset) % kBytes != 0) {
    fault("copies to shared memory at byte " + std::to_string(offset) + ", misaligned");
  }
  if (valid_bytes < 0 || valid_bytes > static_cast<int>(kBytes)) {
    fault("copies " + std::to_string(valid_bytes) + " bytes of 16");
  }
  if (valid_bytes > 0) {
    // The source is aligned to 16 even where fewer bytes are read.
    const auto misaligned = reinterpret_cast<std::uintptr_t>(from) % kBytes;
    if (misaligned != 0) {
      fault("copies from global memory misaligned by " + std::to_string(misaligned));
    }
    touch_global(from, static_cast<std::size_t>(valid_bytes), 1, cuda::host::Access::kRead);
  }
  if (const std::string wrong = shared_.start_copy(to, moment()); !wrong.empty()) fault(wrong);
  current().copies.push_back({to, from, valid_bytes});
}

void BlockRunner::commit_copies() {
  Thread& t = current();
  t.copy_groups.push_back(std::move(t.copies));
  t.copies.clear();
}

void BlockRunner::wait_for_copies(int open) {
  Thread& t = current();
  while (t.copy_groups.size() > static_cast<std::size_t>(open)) {
    for (const Copy& copy : t.copy_groups.front()) {
      std::memset(copy.to, 0, 16);
      if (copy.valid_bytes > 0) {
        std::memcpy(copy.to, copy.from, static_cast<std::size_t>(copy.valid_bytes));
      }
      shared_.finish_copy(copy.to, moment());
    }
    t.copy_groups.pop_front();
  }
}

}  // namespace weft::test
