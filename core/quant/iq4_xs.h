// IQ4_XS: 256 values of 4 bits that index IQ4_NL's table, in 8 groups of 32 with 6-bit scales.
//   x = d · (scale - 32) · table[q]
// Scale of group g: low four bits in nibble g % 2 of scales_low[g / 2], top two bits in bits 2g
// and up of scales_high. Within a group, byte j holds value j (low nibble) and j + 16 (high).
#pragma once

#include "core/quant/iq4_nl.h"

namespace weft {

struct WEFT_PACKED BlockIQ4_XS {
  static constexpr DType kType = DType::kIQ4_XS;
  static constexpr int kElements = kSuperBlock;
  uint16_t d;  // half
  uint16_t scales_high;
  uint8_t scales_low[4];
  uint8_t qs[128];
};
static_assert(sizeof(BlockIQ4_XS) == 136);

// Scale of group 0..7, -32..31.
WEFT_HD int iq4_xs_scale(const BlockIQ4_XS& block, int group) {
  const int low = (block.scales_low[group / 2] >> (4 * (group % 2))) & 15;
  const int high = (block.scales_high >> (2 * group)) & 3;
  return (low | high << 4) - 32;
}

WEFT_HD void decode_block(const BlockIQ4_XS& block, float* out) {
  const int8_t* levels = iq4_levels();
  const float d = float_from_half(block.d);
  for (int group = 0; group < 8; ++group, out += 32) {
    const float scale = d * static_cast<float>(iq4_xs_scale(block, group));
    const uint8_t* q = block.qs + 16 * group;
    for (int j = 0; j < 16; ++j) {
      out[j] = scale * static_cast<float>(levels[q[j] & 15]);
      out[j + 16] = scale * static_cast<float>(levels[q[j] >> 4]);
    }
  }
}

}  // namespace weft
