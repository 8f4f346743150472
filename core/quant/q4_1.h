// Q4_1: 32 values of 4 bits, a scale and a minimum.
//   x = d · q + m
// Byte j holds value j in its low and value j + 16 in its high nibble.
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ4_1 {
  static constexpr DType kType = DType::kQ4_1;
  static constexpr int kElements = 32;
  uint16_t d;      // half
  uint16_t m;      // half
  uint8_t qs[16];  // nibbles
};
static_assert(sizeof(BlockQ4_1) == 20);

WEFT_HD void decode_block(const BlockQ4_1& block, float* out) {
  const float d = float_from_half(block.d);
  const float m = float_from_half(block.m);
  for (int j = 0; j < 16; ++j) {
    out[j] = static_cast<float>(block.qs[j] & 15) * d + m;
    out[j + 16] = static_cast<float>(block.qs[j] >> 4) * d + m;
  }
}

}  // namespace weft
