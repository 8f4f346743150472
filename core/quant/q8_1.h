// Q8_1: Q8_0 with the scaled sum of its values beside it, which dot products against formats with
// a minimum use. Made for activations; files do not carry it in practice.
//   x = d · q,  s = d · Σ q
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ8_1 {
  static constexpr DType kType = DType::kQ8_1;
  static constexpr int kElements = 32;
  uint16_t d;  // half
  uint16_t s;  // half; plays no part in decoding
  int8_t qs[32];
};
static_assert(sizeof(BlockQ8_1) == 36);

WEFT_HD void decode_block(const BlockQ8_1& block, float* out) {
  const float d = float_from_half(block.d);
  for (int j = 0; j < 32; ++j) out[j] = static_cast<float>(block.qs[j]) * d;
}

}  // namespace weft
