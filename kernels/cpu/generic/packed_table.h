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

// One row: k is a multiple of 32. Isa::quantize(x, inverse, cell, sums) rounds the 32 elements of
// a cell times `inverse` to integers; Isa::largest(x) is the bit pattern of the largest |x|, above
// infinity's if there is a NaN.
template <class Isa>
static void quantize_row(const float* x, int64_t k, std::byte* cells, ActivationScale* scales) {
  for (int64_t c = 0; c < k / kCellElements; ++c, x += kCellElements) {
    const uint32_t bits = Isa::largest(x);
    float largest;
    __builtin_memcpy(&largest, &bits, sizeof(largest));
    const bool finite = bits < 0x7f800000u;
    const bool some = finite && largest >= kActivationLeast;
    const float scale = some ? largest / kActivationLevels : finite ? 0.0f : __builtin_nanf("");
    int32_t sum[2] = {0, 0};
    std::byte* cell = cells + c * kActivationCellBytes;
    if (some) {
      Isa::quantize(x, kActivationLevels / largest, cell, sum);
    } else {
      __builtin_memset(cell, 0, kActivationCellBytes);
    }
    ActivationScale& s = scales[c];
    s.scale = scale;
    s.sum[0] = sum[0];
    s.sum[1] = sum[1];
    s.total = sum[0] + sum[1];
    s.scaled_sum[0] = scale * static_cast<float>(sum[0]);
    s.scaled_sum[1] = scale * static_cast<float>(sum[1]);
    s.scaled_total = scale * static_cast<float>(s.total);
    s.padding = 0;
  }
}

}  // namespace weft::cpu
