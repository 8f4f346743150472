// What kernels for sm_90a use beside device.h: barriers in shared memory that count bytes, copies
// in bulk that arrive at them, and products of a *warpgroup* (four warps, the first a multiple of
// four) that run beside its threads. Nothing else of Hopper is used, so that little can only be
// seen on hardware: hopper_hardware.h holds the instructions, hopper_host.h the calls that the
// tests' emulator answers.
//
// How they are used, which the emulator insists on:
//   - a barrier is made by one thread, which then fences; the others see it after sync_threads().
//   - what a bulk copy brought is seen by threads that waited for its barrier.
//   - a product reads its operands at any time until warpgroup_wait() says that its group is over:
//     until then a's registers and b's shared memory stay as they are, and d is nobody's.
//   - groups begin with warpgroup_fence(), after which registers that threads wrote may be read.
#pragma once

#include "kernels/cuda/device/device.h"

namespace weft::cuda {

// The threads of a warpgroup.
inline constexpr int kWarpgroup = 4 * kWarp;

// How a matrix of 16-bit elements [column][k], k together, lies in shared memory for a product: in
// pieces of 8 columns × 16 bytes.
enum class Swizzle : uint8_t {
  // A piece is 128 bytes, column by column. `leading_bytes` lead to the next eight of k,
  // `stride_bytes` to the next eight columns.
  kNone = 0,
  // Columns are 128 bytes, eight of them 1024 (and aligned so), in which the 16 bytes at b lie at
  // b ^ (column % 8) × 16. `stride_bytes` lead to the next eight columns.
  k128 = 1,
};

// The descriptor of such a matrix that begins at this address of shared memory (PTX ISA, "Matrix
// descriptor format"). Later elements of k are reached by adding their bytes / 16.
WEFT_DEVICE uint64_t matrix_descriptor(uint32_t address, Swizzle swizzle, int leading_bytes,
                                       int stride_bytes) {
  return static_cast<uint64_t>(address >> 4 & 0x3fff) |
         static_cast<uint64_t>(leading_bytes / 16) << 16 |
         static_cast<uint64_t>(stride_bytes / 16) << 32 | static_cast<uint64_t>(swizzle) << 62;
}

}  // namespace weft::cuda

#if defined(__CUDACC__)
#include "kernels/cuda/device/hopper_hardware.h"
#else
#include "kernels/cuda/device/hopper_host.h"
#endif
