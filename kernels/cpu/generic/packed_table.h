// From a type known at run time to its packed kernel, and the quantisation of its inputs.
#pragma once

#include "kernels/cpu/generic/packed_linear.h"

namespace weft::cpu {

// Null for a type that is not in kPackedFormats.
template <class Isa, int I = 0>
static PackedLinearRun packed_kernel(DType type) {
  constexpr int kCount = sizeof(kPackedFormats) / sizeof(kPackedFormats[0]);
  if constexpr (I == kCount) {
    return nullptr;
  } else {
    if (kPackedFormats[I].type == type) return PackedLinear<Isa, kPackedFormats[I].type>::run;
    return packed_kernel<Isa, I + 1>(type);
  }
}

// One row: k is a multiple of 32. Isa::largest(x) is the bit pattern of the largest |x| of 32
// elements, above infinity's if there is a NaN; Isa::quantize(x, inverse, cell, sums) rounds them
// times `inverse` to integers.
template <class Isa>
static void quantize_row(const float* x, int64_t k, ActivationBlock* blocks) {
  for (int64_t left = k / kCellElements; left > 0; left -= kBlockCells, ++blocks) {
    const int cells = left < kBlockCells ? static_cast<int>(left) : kBlockCells;
    ActivationBlock& block = *blocks;
    uint32_t bits = 0;
    for (int c = 0; c < cells; ++c) {
      const uint32_t of_cell = Isa::largest(x + c * kCellElements);
      bits = bits > of_cell ? bits : of_cell;
    }
    float largest;
    __builtin_memcpy(&largest, &bits, sizeof(largest));
    const bool finite = bits < 0x7f800000u;
    const bool some = finite && largest >= kActivationLeast;
    if (!some) {
      __builtin_memset(&block, 0, sizeof(block));
      if (!finite) block.scale = __builtin_nanf("");
      x += cells * kCellElements;
      continue;
    }
    block.scale = largest / kActivationLevels;
    const float inverse = kActivationLevels / largest;
    for (int c = 0; c < cells; ++c, x += kCellElements) {
      int32_t sum[2] = {0, 0};
      Isa::quantize(x, inverse, block.cells + c * kActivationCellBytes, sum);
      const int32_t total = sum[0] + sum[1];
      for (int h = 0; h < 2; ++h) {
        block.sum[2 * c + h] = sum[h];
        block.float_sum[2 * c + h] = static_cast<float>(sum[h]);
      }
      block.total[c] = total;
      block.float_total[c] = static_cast<float>(total);
    }
  }
}

}  // namespace weft::cpu
