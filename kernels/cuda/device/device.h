// What kernel bodies are written in: the few things of a GPU that they use, under names of our own.
// Compiled by nvcc they are the hardware's (hardware.h); compiled as plain C++ they are calls that
// whoever links the kernels must supply (host.h), which is how their logic is tested on a machine
// without a GPU (tests/support/cuda_emulator/).
//
// A kernel is a struct of arguments that is copied to the device:
//
//   struct Scale {
//     static constexpr const char* kName = "scale";
//     static constexpr int kThreads = 256;            // of a block, in one dimension
//     struct Shared { SharedArray<float, 32> sums; }; // or NoShared
//     float* x;
//     WEFT_DEVICE void operator()(Shared& shared) const;
//   };
//
// Rules that keep the two worlds alike: global memory is touched through load() and store(), shared
// memory is made of SharedArrays, and all 32 lanes of a warp take part in a warp's operation.
#pragma once

#include "kernels/cuda/device/types.h"

#if defined(__CUDACC__)
#include "kernels/cuda/device/hardware.h"
#else
#include "kernels/cuda/device/host.h"
#endif

namespace weft::cuda {

WEFT_DEVICE int lane_index() { return thread_index() % kWarp; }
WEFT_DEVICE int warp_index() { return thread_index() / kWarp; }

// The sum over a warp's lanes, in every lane, added in one fixed order.
WEFT_DEVICE float warp_sum(float value) {
  WEFT_UNROLL
  for (int mask = kWarp / 2; mask > 0; mask /= 2) value += shuffle_xor(value, mask);
  return value;
}
template <class T>
WEFT_DEVICE T warp_max(T value) {
  WEFT_UNROLL
  for (int mask = kWarp / 2; mask > 0; mask /= 2) {
    const T other = shuffle_xor(value, mask);
    value = other > value ? other : value;
  }
  return value;
}

// Two 16-bit numbers in a word, the first in the low half.
WEFT_DEVICE uint32_t pack16(uint16_t low, uint16_t high) {
  return static_cast<uint32_t>(low) | static_cast<uint32_t>(high) << 16;
}

}  // namespace weft::cuda
