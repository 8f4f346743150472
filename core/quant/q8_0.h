// Q8_0: 32 signed bytes and one scale.
//   x = d · q
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ8_0 {
  static constexpr DType kType = DType::kQ8_0;
  static constexpr int kElements = 32;
  uint16_t d;  // half
  int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

WEFT_HD void decode_block(const BlockQ8_0& block, float* out) {
  const float d = float_from_half(block.d);
  for (int j = 0; j < 32; ++j) out[j] = static_cast<float>(block.qs[j]) * d;
}

}  // namespace weft
