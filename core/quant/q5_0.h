// Q5_0: 32 values of 5 bits and one scale.
//   x = d · (q - 16)
// Byte j of qs holds the low four bits of value j (low nibble) and of value j + 16 (high
// nibble); bit i of the 32-bit word qh is the fifth bit of value i.
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ5_0 {
  static constexpr DType kType = DType::kQ5_0;
  static constexpr int kElements = 32;
  uint16_t d;      // half
  uint32_t qh;     // fifth bits
  uint8_t qs[16];  // nibbles
};
static_assert(sizeof(BlockQ5_0) == 22);

WEFT_HD void decode_block(const BlockQ5_0& block, float* out) {
  const float d = float_from_half(block.d);
  const uint32_t high = block.qh;
  for (int j = 0; j < 16; ++j) {
    const int low = (block.qs[j] & 15) | static_cast<int>((high >> j) & 1) << 4;
    const int upper = (block.qs[j] >> 4) | static_cast<int>((high >> (j + 16)) & 1) << 4;
    out[j] = static_cast<float>(low - 16) * d;
    out[j + 16] = static_cast<float>(upper - 16) * d;
  }
}

}  // namespace weft
