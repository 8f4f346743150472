// Q1_0: 128 signs and one scale.
//   x = bit ? d : -d
// The bit of value i is bit i % 8 of qs[i / 8].
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ1_0 {
  static constexpr DType kType = DType::kQ1_0;
  static constexpr int kElements = 128;
  uint16_t d;  // half
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ1_0) == 18);

WEFT_HD void decode_block(const BlockQ1_0& block, float* out) {
  const float d = float_from_half(block.d);
  for (int i = 0; i < 128; ++i) out[i] = (block.qs[i / 8] >> (i % 8)) & 1 ? d : -d;
}

}  // namespace weft
