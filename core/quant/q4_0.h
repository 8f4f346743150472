// Q4_0: 32 values of 4 bits and one scale.
//   x = d · (q - 8)
// Byte j holds value j in its low and value j + 16 in its high nibble.
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ4_0 {
  static constexpr DType kType = DType::kQ4_0;
  static constexpr int kElements = 32;
  uint16_t d;      // half
  uint8_t qs[16];  // nibbles
};
static_assert(sizeof(BlockQ4_0) == 18);

WEFT_HD void decode_block(const BlockQ4_0& block, float* out) {
  const float d = float_from_half(block.d);
  for (int j = 0; j < 16; ++j) {
    out[j] = static_cast<float>((block.qs[j] & 15) - 8) * d;
    out[j + 16] = static_cast<float>((block.qs[j] >> 4) - 8) * d;
  }
}

}  // namespace weft
