// The calls of kernels/cuda/device/host.h, handed to the block that runs.
#include "tests/support/cuda_emulator/emulator.h"

#include <mutex>

#include "kernels/cuda/device/hopper.h"
#include "kernels/cuda/device/launch.h"
#include "tests/support/cuda_emulator/block_runner.h"
#include "tests/support/cuda_emulator/emulated_stream.h"
#include "tests/support/cuda_emulator/pending_copies.h"

namespace weft::test {
namespace {

constexpr int kDeviceFault = 719;  // cudaErrorLaunchFailure

struct Device {
  std::mutex mutex;  // of all below: a launch holds it to its end
  GlobalMemory memory;
  BlockRunner runner{memory};
  TurnOrder order = TurnOrder::kAscending;
  int64_t blocks = 0;
  int64_t until_failure = 0;  // operations, the one that fails included; 0: none fails
};

Device& device() {
  static Device the_device;
  return the_device;
}

}  // namespace

void set_turn_order(TurnOrder order) {
  const std::lock_guard lock(device().mutex);
  device().order = order;
}
int64_t blocks_run() {
  const std::lock_guard lock(device().mutex);
  return device().blocks;
}
void fail_operation(int64_t n) {
  const std::lock_guard lock(device().mutex);
  device().until_failure = n;
}

bool operation_fails(cuda::Stream& stream, const char* what) {
  const std::lock_guard lock(device().mutex);
  if (device().until_failure == 0 || --device().until_failure != 0) return false;
  stream.error = kDeviceFault;
  stream.failed_kernel = what;
  return true;
}

void* allocate_device(std::size_t size_bytes) {
  const std::lock_guard lock(device().mutex);
  return device().memory.allocate(size_bytes);
}
void free_device(void* p) {
  const std::lock_guard lock(device().mutex);
  device().memory.free(p);
}
void wait_for_device() {}
std::size_t device_bytes_in_use() {
  const std::lock_guard lock(device().mutex);
  return device().memory.bytes_in_use();
}

}  // namespace weft::test

namespace weft::cuda::host {

using test::device;
using test::WarpCall;
using test::WarpOperation;

namespace {

void run_launch(Stream& stream, const char* name, Dim3 grid, int threads, std::size_t shared_bytes,
                const std::function<void(void*)>& body) {
  if (stream.error != 0 || test::operation_fails(stream, name)) return;
  test::finish_copies();
  const std::lock_guard lock(device().mutex);
  const test::Launch what{.name = name,
                          .grid = grid,
                          .threads = threads,
                          .shared_bytes = shared_bytes,
                          .body = &body,
                          .order = device().order};
  device().memory.begin_launch();
  const int64_t blocks = int64_t{grid.x} * grid.y * grid.z;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t n = device().order == test::TurnOrder::kAscending ? i : blocks - 1 - i;
    const Dim3 block{static_cast<int>(n % grid.x), static_cast<int>(n / grid.x % grid.y),
                     static_cast<int>(n / (int64_t{grid.x} * grid.y))};
    ++device().blocks;
    device().runner.run(what, block);
  }
}

}  // namespace

void launch(Stream& stream, const char* name, Dim3 grid, int threads, std::size_t shared_bytes,
            const std::function<void(void*)>& body) {
  test::EmulatedStream* const emulated = test::EmulatedStream::of(stream);
  if (emulated != nullptr && emulated->recording.active) {
    emulated->recording.launches.push_back({name, grid, threads, shared_bytes, body});
    return;
  }
  if (emulated == nullptr || !emulated->deferred) {
    return run_launch(stream, name, grid, threads, shared_bytes, body);
  }
  emulated->queue.push(
      [=, &stream] { run_launch(stream, name, grid, threads, shared_bytes, body); });
}

int thread_index() { return device().runner.thread(); }
Dim3 block_index() { return device().runner.block(); }
Dim3 grid_size() { return device().runner.grid(); }
void sync_threads() { device().runner.wait_for_block(); }

void sync_warp() {
  WarpCall call{.operation = WarpOperation::kSync};
  device().runner.wait_for_warp(call);
}

uint64_t exchange(uint64_t value, int source_lane) {
  WarpCall call{.operation = WarpOperation::kExchange, .value = value, .source_lane = source_lane};
  device().runner.wait_for_warp(call);
  return call.value;
}

uint32_t ballot(bool predicate) {
  WarpCall call{.operation = WarpOperation::kBallot, .value = predicate ? 1u : 0u};
  device().runner.wait_for_warp(call);
  return static_cast<uint32_t>(call.value);
}

void load_matrices(const void* row, bool transposed, uint32_t (&words)[4]) {
  WarpCall call{.operation = WarpOperation::kMatrices,
                .row = static_cast<const uint16_t*>(row),
                .words = words,
                .transposed = transposed};
  device().runner.wait_for_warp(call);
}

void mma(Mma kind, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  WarpCall call{
      .operation = kind == Mma::kHalf ? WarpOperation::kMmaHalf : WarpOperation::kMmaBfloat,
      .d = d,
      .a = a,
      .b = b};
  device().runner.wait_for_warp(call);
}

void barrier_init(const void* barrier, int arrivals) {
  device().runner.init_barrier(barrier, arrivals);
}
void barrier_arrive(const void* barrier, int bytes) { device().runner.arrive(barrier, bytes); }
void barrier_wait(const void* barrier, int parity) {
  device().runner.wait_for_phase(barrier, parity);
}
void barrier_fence() { device().runner.fence_barriers(); }
void copy_bulk(void* to, const void* from, int bytes, const void* barrier) {
  device().runner.start_bulk_copy(to, from, bytes, barrier);
}
uint32_t shared_address(const void* p) { return device().runner.shared_offset(p); }

void warpgroup_fence() {
  WarpCall call{.operation = WarpOperation::kWarpgroupFence};
  device().runner.wait_for_warp(call);
}
void warpgroup_commit() {
  WarpCall call{.operation = WarpOperation::kWarpgroupCommit};
  device().runner.wait_for_warp(call);
}
void warpgroup_wait(int open) {
  WarpCall call{.operation = WarpOperation::kWarpgroupWait, .open = open};
  device().runner.wait_for_warp(call);
}
void warpgroup_multiply(Mma kind, float* d, int tokens, const uint32_t* a, uint64_t b,
                        bool accumulate) {
  WarpCall call{.operation = WarpOperation::kWarpgroupMultiply,
                .d = d,
                .a = a,
                .kind = kind,
                .tokens = tokens,
                .descriptor = b,
                .accumulate = accumulate};
  device().runner.wait_for_warp(call);
}

void touch_global(const void* p, std::size_t size_bytes, std::size_t alignment, Access access) {
  device().runner.touch_global(p, size_bytes, alignment, access);
}
void touch_shared(const void* p, std::size_t size_bytes, std::size_t alignment, Access access) {
  device().runner.touch_shared(p, size_bytes, alignment, access);
}
void check_index(int64_t index, int64_t count, int64_t bound) {
  if (index >= 0 && index + count <= bound) return;
  device().runner.fault("touches elements " + std::to_string(index) + " … " +
                        std::to_string(index + count - 1) + " of a shared array of " +
                        std::to_string(bound));
}

void copy_async(void* to, const void* from, int valid_bytes) {
  device().runner.start_copy(to, from, valid_bytes);
}
void copy_async_commit() { device().runner.commit_copies(); }
void copy_async_wait(int open) { device().runner.wait_for_copies(open); }

}  // namespace weft::cuda::host
