// Q5_1: 32 values of 5 bits, a scale and a minimum.
//   x = d · q + m
// Byte j of qs holds the low four bits of value j (low nibble) and of value j + 16 (high
// nibble); bit i of the 32-bit word qh is the fifth bit of value i.
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ5_1 {
  static constexpr DType kType = DType::kQ5_1;
  static constexpr int kElements = 32;
  uint16_t d;      // half
  uint16_t m;      // half
  uint32_t qh;     // fifth bits
  uint8_t qs[16];  // nibbles
};
static_assert(sizeof(BlockQ5_1) == 24);

WEFT_HD void decode_block(const BlockQ5_1& block, float* out) {
  const float d = float_from_half(block.d);
  const float m = float_from_half(block.m);
  const uint32_t high = block.qh;
  for (int j = 0; j < 16; ++j) {
    const int low = (block.qs[j] & 15) | static_cast<int>((high >> j) & 1) << 4;
    const int upper = (block.qs[j] >> 4) | static_cast<int>((high >> (j + 16)) & 1) << 4;
    out[j] = static_cast<float>(low) * d + m;
    out[j + 16] = static_cast<float>(upper) * d + m;
  }
}

}  // namespace weft
