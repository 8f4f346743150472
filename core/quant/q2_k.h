// Q2_K: 256 values of 2 bits in 16 groups of 16, each with a 4-bit scale and a 4-bit minimum.
//   x = (d · scale) · q - (dmin · min)
// scales[g]: low nibble scale, high nibble minimum of values 16g .. 16g + 15.
// Value i lies in qs[32·(i / 128) + i % 32], bits 2·((i / 32) % 4) and up.
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ2_K {
  static constexpr DType kType = DType::kQ2_K;
  static constexpr int kElements = kSuperBlock;
  uint8_t scales[16];
  uint8_t qs[64];
  uint16_t d;     // half
  uint16_t dmin;  // half
};
static_assert(sizeof(BlockQ2_K) == 84);

WEFT_HD void decode_block(const BlockQ2_K& block, float* out) {
  const float d = float_from_half(block.d);
  const float dmin = float_from_half(block.dmin);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(block.scales[group] & 15);
    const float min = dmin * static_cast<float>(block.scales[group] >> 4);
    const uint8_t* q = block.qs + 32 * (group / 8) + 16 * (group % 2);
    const int shift = 2 * ((group / 2) % 4);
    for (int l = 0; l < 16; ++l)
      out[16 * group + l] = scale * static_cast<float>((q[l] >> shift) & 3) - min;
  }
}

}  // namespace weft
