// A GPU for tests: runs kernels that were compiled as plain C++ (kernels/cuda/device/host.h), one
// block after another, a fiber for each thread, and stops at what a GPU would let pass or answer
// with a hang:
//   - global memory touched outside of an allocation, or by two blocks of one launch of which one
//     writes (the order of blocks is nobody's promise);
//   - shared memory read before it is written, touched past an array's end, or touched by two
//     threads of which one writes, without a barrier between them (in a warp: sync_warp());
//   - a copy_async that is read, or overtaken, before it was waited for;
//   - misaligned accesses; a barrier or a warp's operation that not all threads reach.
// Each is a KernelFault that names the kernel, the block, the thread and the place.
//
// What it cannot show: timing, memory ordering between blocks beyond the above, and the last bits
// of hardware arithmetic (mma adds its 16 products in double precision and rounds once).
//
// One per process. Thread-safe: launches take turns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "kernels/cuda/stream.h"
#include "tests/kernels/cuda/test_gpu.h"

namespace weft::test {

struct KernelFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// How many blocks were run so far: for tests that ask what was launched.
int64_t blocks_run();

// The n-th launch or copy from now on (1: the next) fails, as one does on a device that has had a
// fault: its stream says so and takes nothing after it. Once; 0: none will.
void fail_operation(int64_t n);
// Whether this is that operation, of which `stream` then tells. Launches ask themselves.
bool operation_fails(cuda::Stream& stream, const char* what);

// Of allocate_device(): only what was allocated there may be touched by kernels.
std::size_t device_bytes_in_use();

}  // namespace weft::test
