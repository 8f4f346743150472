#include "tests/support/cuda_emulator/async_memory.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/half.h"

namespace weft::test {
namespace {

using cuda::kWarp;

bool& same_as_mma() {
  static bool same = true;
  return same;
}

}  // namespace

void set_warpgroup_arithmetic(bool same) { same_as_mma() = same; }

void AsyncMemory::reset(int threads) {
  barriers_.clear();
  chunks_.clear();
  known_.clear();
  seen_.clear();
  if (num_warps_ > 0) warps_ = {};
  num_warps_ = threads / kWarp;
  changes_ = 0;
  clock_ = 0;
}

AsyncMemory::Chunk& AsyncMemory::chunk(std::size_t offset) {
  const std::size_t i = offset / kChunk;
  if (chunks_.size() <= i) chunks_.resize(i + 1);
  return chunks_[i];
}

void AsyncMemory::note_block_barrier() {
  for (Known& known : known_) known.fill(clock_);
  for (auto& [address, barrier] : barriers_) {
    for (auto& seen : seen_) seen[static_cast<std::size_t>(barrier.id)] = barrier.phase;
  }
}

std::string AsyncMemory::unfinished() const {
  for (const auto& [address, barrier] : barriers_) {
    if (!barrier.copies.empty()) return "returns while a bulk copy is on its way";
  }
  for (int warp = 0; warp < num_warps_; ++warp) {
    const Warp& w = warps_[static_cast<std::size_t>(warp)];
    if (!w.open.empty() || !w.groups.empty()) return "returns while products are at work";
    if (w.made != warps_[static_cast<std::size_t>(warp / 4 * 4)].made) {
      return "returns, but warp " + std::to_string(warp) +
             " did not make the products of its warpgroup";
    }
  }
  return "";
}

// --- Barriers ----------------------------------------------------------------------------------

std::string AsyncMemory::init_barrier(const void* barrier, int arrivals, int thread) {
  if (arrivals <= 0) return "makes a barrier of " + std::to_string(arrivals) + " arrivals";
  if (barriers_.contains(barrier)) return "makes a barrier that was made before";
  const auto threads = static_cast<std::size_t>(num_warps_ * kWarp);
  if (known_.empty()) known_.resize(threads);
  if (seen_.empty()) seen_.resize(threads);
  for (auto& seen : seen_) seen.push_back(0);
  barriers_[barrier] = {.id = static_cast<int>(barriers_.size()),
                        .arrivals = arrivals,
                        .missing = arrivals,
                        .maker = thread};
  return "";
}

std::string AsyncMemory::fence_barriers(int thread) {
  for (auto& [address, barrier] : barriers_) barrier.fenced |= barrier.maker == thread;
  return "";
}

AsyncMemory::Barrier* AsyncMemory::find(const void* barrier, std::string& wrong,
                                        const Moment& now) {
  const auto found = barriers_.find(barrier);
  if (found == barriers_.end()) {
    wrong = "uses a barrier that nobody made";
    return nullptr;
  }
  // That it was made is seen after a barrier of the block.
  wrong = shared_.read(barrier, sizeof(uint64_t), now);
  return wrong.empty() ? &found->second : nullptr;
}

void AsyncMemory::end_phase(Barrier& barrier) {
  ++changes_;
  ++barrier.phase;
  barrier.missing = barrier.arrivals;
  barrier.released = barrier.arrived;
}

std::string AsyncMemory::arrive(const void* address, int bytes, const Moment& now) {
  std::string wrong;
  Barrier* const barrier = find(address, wrong, now);
  if (barrier == nullptr) return wrong;
  if (barrier->missing == 0) finish_copies(*barrier, now);
  if (barrier->missing == 0) return "arrives at a barrier whose phase is full";
  Known& mine = known(now.thread);
  mine[static_cast<std::size_t>(now.warp())] = ++clock_;
  for (std::size_t i = 0; i < mine.size(); ++i) {
    barrier->arrived[i] = std::max(barrier->arrived[i], mine[i]);
  }
  ++changes_;
  barrier->bytes += bytes;
  if (--barrier->missing == 0 && barrier->bytes == 0 && barrier->copies.empty()) {
    end_phase(*barrier);
  }
  return "";
}

void AsyncMemory::finish_copies(Barrier& barrier, const Moment& now) {
  for (const Copy& copy : barrier.copies) {
    std::memcpy(copy.to, copy.from, static_cast<std::size_t>(copy.bytes));
    for (int i = 0; i < copy.bytes; i += static_cast<int>(kChunk)) {
      auto* const at = static_cast<std::byte*>(copy.to) + i;
      shared_.finish_bulk_copy(at, now);
      Chunk& c = chunk(static_cast<std::size_t>(at - shared_.data()));
      c.barrier = barrier.id;
      c.phase = barrier.phase;
    }
    barrier.bytes -= copy.bytes;
  }
  barrier.copies.clear();
  if (barrier.bytes == 0) end_phase(barrier);
}

std::string AsyncMemory::wait(const void* address, int parity, const Moment& now, bool& over) {
  std::string wrong;
  Barrier* const barrier = find(address, wrong, now);
  if (barrier == nullptr) return wrong;
  const auto ended = [&] { return barrier->phase % 2 != parity; };
  if (!ended() && barrier->missing == 0) finish_copies(*barrier, now);
  over = ended();
  if (!over) return "";
  seen_[static_cast<std::size_t>(now.thread)][static_cast<std::size_t>(barrier->id)] =
      barrier->phase;
  Known& mine = known(now.thread);
  for (std::size_t i = 0; i < mine.size(); ++i) {
    mine[i] = std::max(mine[i], barrier->released[i]);
  }
  return "";
}

// --- Copies ------------------------------------------------------------------------------------

std::string AsyncMemory::start_copy(void* to, const void* from, int bytes, const void* address,
                                    const Moment& now) {
  std::string wrong;
  Barrier* const barrier = find(address, wrong, now);
  if (barrier == nullptr) return wrong;
  if (!barrier->fenced) return "copies in bulk to a barrier that was not fenced";
  if (bytes <= 0 || bytes % static_cast<int>(kChunk) != 0 ||
      reinterpret_cast<std::uintptr_t>(from) % kChunk != 0) {
    return "copies " + std::to_string(bytes) + " bytes in bulk, misaligned";
  }
  const Known& mine = known(now.thread);
  for (int i = 0; i < bytes; i += static_cast<int>(kChunk)) {
    auto* const at = static_cast<std::byte*>(to) + i;
    const auto offset = static_cast<std::size_t>(at - shared_.data());
    if (offset % kChunk != 0) return "copies in bulk to shared memory, misaligned";
    const Chunk& c = chunk(offset);
    const std::string where = "copies in bulk to shared memory at byte " + std::to_string(offset);
    if (c.at_work > 0) return where + " that a product at work reads";
    for (std::size_t warp = 0; warp < c.read.size(); ++warp) {
      if (c.read[warp] > mine[warp]) {
        return where + " that a product of warp " + std::to_string(warp) +
               " read, without waiting for it";
      }
    }
    if (wrong = shared_.start_bulk_copy(at, now); !wrong.empty()) return wrong;
  }
  ++changes_;
  barrier->copies.push_back({to, from, bytes});
  return "";
}

// --- Products ----------------------------------------------------------------------------------

std::string AsyncMemory::alike(int warp, const std::array<uint64_t, 3>& what) {
  warps_[static_cast<std::size_t>(warp)].made.push_back(what);
  return (warp / 4 + 1) * 4 <= num_warps_ ? "" : "is of no whole warpgroup";
}

std::string AsyncMemory::fence(int first) {
  warps_[static_cast<std::size_t>(first / kWarp)].fenced = true;
  return "";
}

std::size_t AsyncMemory::operand_offset(uint64_t b, int k, int column) {
  const auto bytes = [b](int shift) { return static_cast<std::size_t>(b >> shift & 0x3fff) * 16; };
  const std::size_t start = bytes(0);
  const auto row = static_cast<std::size_t>(column % 8);
  const std::size_t eight = static_cast<std::size_t>(column / 8) * bytes(32);
  const auto depth = static_cast<std::size_t>(k);
  if (b >> 62 == 1) {
    const std::size_t at = start + eight + row * 128 + depth * 2;
    return at ^ ((at >> 7 & 7) << 4);
  }
  return start + eight + depth / 8 * bytes(16) + row * 16 + depth % 8 * 2;
}

std::string AsyncMemory::multiply(const Product& product, const Moment& now) {
  Warp& warp = warps_[static_cast<std::size_t>(now.warp())];
  if (std::string wrong = alike(now.warp(), {product.b, static_cast<uint64_t>(product.tokens),
                                             static_cast<uint64_t>(product.accumulate)});
      !wrong.empty()) {
    return wrong;
  }
  if (!warp.fenced) return "multiplies without a fence after its registers were written";
  const uint64_t swizzle = product.b >> 62;
  if (swizzle > 1) return "multiplies by a matrix of unknown swizzle";
  Pending pending{.product = product};
  for (int column = 0; column < 8 * product.tokens; ++column) {
    for (const int k : {0, 8}) {
      const std::size_t offset = operand_offset(product.b, k, column);
      if (std::string wrong = shared_.read_asynchronously(offset, kChunk); !wrong.empty()) {
        return wrong;
      }
      Chunk& c = chunk(offset);
      if (c.barrier < 0) return "multiplies by shared memory that no bulk copy wrote";
      for (int lane = 0; lane < kWarp; ++lane) {
        const auto thread = static_cast<std::size_t>(now.thread + lane);
        if (seen_[thread][static_cast<std::size_t>(c.barrier)] <= c.phase) {
          return "multiplies by shared memory at byte " + std::to_string(offset) +
                 ", copied in bulk, without waiting for it";
        }
      }
      ++c.at_work;
      pending.chunks.push_back(offset);
    }
  }
  // Results are nobody's until the wait.
  pending.chained = warp.at_work[product.d[0]]++ > 0;
  for (float* const d : product.d) {
    pending.before.insert(pending.before.end(), d, d + 4 * product.tokens);
    std::fill(d, d + 4 * product.tokens, std::numeric_limits<float>::quiet_NaN());
  }
  warp.open.push_back(std::move(pending));
  return "";
}

std::string AsyncMemory::commit(int first) {
  Warp& warp = warps_[static_cast<std::size_t>(first / kWarp)];
  warp.groups.push_back(std::move(warp.open));
  warp.open.clear();
  warp.fenced = false;
  return "";
}

// Products and sums as mma's in the emulator (warp_operations.cpp): 16 products in double on top of
// what was there, rounded once.
void AsyncMemory::compute(const Product& p, std::vector<float>& results) const {
  constexpr int kRows = 16, kDepth = 16;
  const auto number = [&](uint16_t bits) {
    return static_cast<double>(p.kind == cuda::host::Mma::kHalf ? float_from_half(bits)
                                                                : float_from_bf16(bits));
  };
  double a[kRows][kDepth];
  for (int lane = 0; lane < kWarp; ++lane) {
    const uint32_t* const words = p.a[static_cast<std::size_t>(lane)];
    for (int word = 0; word < 4; ++word) {
      for (int half = 0; half < 2; ++half) {
        a[lane / 4 + 8 * (word % 2)][2 * (lane % 4) + half + 8 * (word / 2)] =
            number(static_cast<uint16_t>(words[word] >> (16 * half)));
      }
    }
  }
  const std::byte* const memory = shared_.data();
  for (int column = 0; column < 8 * p.tokens; ++column) {
    double b[kDepth];
    for (int k = 0; k < kDepth; ++k) {
      uint16_t bits = 0;
      std::memcpy(&bits, memory + operand_offset(p.b, k, column), sizeof(bits));
      b[k] = number(bits);
    }
    for (int row = 0; row < kRows; ++row) {
      const int lane = row % 8 * 4 + column % 8 / 2;
      const int i = 4 * (column / 8) + row / 8 * 2 + column % 2;
      float& d = results[static_cast<std::size_t>(lane * 4 * p.tokens + i)];
      double sum = p.accumulate ? static_cast<double>(d) : 0.0;
      for (int k = 0; k < kDepth; ++k) sum += a[row][k] * b[k];
      d = static_cast<float>(sum);
      if (!same_as_mma()) d = std::nextafter(d, 0.0f);
    }
  }
}

std::string AsyncMemory::wait_for_groups(int open, const Moment& now) {
  Warp& warp = warps_[static_cast<std::size_t>(now.warp())];
  while (warp.groups.size() > static_cast<std::size_t>(open)) {
    for (const Pending& pending : warp.groups.front()) {
      const Product& product = pending.product;
      std::vector<float>& results = warp.results[product.d[0]];
      if (!pending.chained) results = pending.before;
      compute(product, results);
      if (--warp.at_work[product.d[0]] == 0) {
        const float* from = results.data();
        for (float* const d : product.d) {
          std::copy(from, from + 4 * product.tokens, d);
          from += 4 * product.tokens;
        }
      }
      ++clock_;
      for (const std::size_t offset : pending.chunks) {
        Chunk& c = chunk(offset);
        --c.at_work;
        c.read[static_cast<std::size_t>(now.warp())] = clock_;
      }
    }
    warp.groups.erase(warp.groups.begin());
  }
  return "";
}

}  // namespace weft::test
