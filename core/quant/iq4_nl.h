// IQ4_NL: 32 values of 4 bits that index a fixed table of uneven steps, and one scale.
//   x = d · table[q]
// Byte j holds value j in its low and value j + 16 in its high nibble.
#pragma once

#include "core/quant/block.h"

namespace weft {

// The 16 levels, ascending; shared with IQ4_XS.
WEFT_HD const int8_t* iq4_levels() {
  static constexpr int8_t kLevels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                         1,    13,   25,  38,  53,  69,  89,  113};
  return kLevels;
}

struct WEFT_PACKED BlockIQ4_NL {
  static constexpr DType kType = DType::kIQ4_NL;
  static constexpr int kElements = 32;
  uint16_t d;      // half
  uint8_t qs[16];  // nibbles
};
static_assert(sizeof(BlockIQ4_NL) == 18);

WEFT_HD void decode_block(const BlockIQ4_NL& block, float* out) {
  const int8_t* levels = iq4_levels();
  const float d = float_from_half(block.d);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(levels[block.qs[j] & 15]);
    out[j + 16] = d * static_cast<float>(levels[block.qs[j] >> 4]);
  }
}

}  // namespace weft
