// TQ1_0: 256 ternary values and one scale; a byte holds five values (3^5 = 243 ≤ 256).
//   x = d · (t - 1),  t in 0..2
// A byte is the fraction 0.t0 t1 t2 t3 t4 in base three, scaled to 256 and rounded up: times
// three, the carry out of the byte is the next digit.
//   qs[0..31]   byte m holds values m, m + 32, m + 64, m + 96, m + 128
//   qs[32..47]  byte m holds values 160 + m, + 16, + 32, + 48, + 64  (m from 0)
//   qh[0..3]    byte m holds values 240 + m, + 4, + 8, + 12  (four digits)
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockTQ1_0 {
  static constexpr DType kType = DType::kTQ1_0;
  static constexpr int kElements = kSuperBlock;
  uint8_t qs[48];
  uint8_t qh[4];
  uint16_t d;  // half
};
static_assert(sizeof(BlockTQ1_0) == 54);

// Writes `digits` values of one byte, `stride` apart.
WEFT_HD void decode_trits(uint32_t byte, float d, int digits, int stride, float* out) {
  for (int n = 0; n < digits; ++n) {
    const uint32_t tripled = byte * 3;
    out[n * stride] = static_cast<float>(static_cast<int>(tripled >> 8) - 1) * d;
    byte = tripled & 0xff;
  }
}

WEFT_HD void decode_block(const BlockTQ1_0& block, float* out) {
  const float d = float_from_half(block.d);
  for (int m = 0; m < 32; ++m) decode_trits(block.qs[m], d, 5, 32, out + m);
  for (int m = 0; m < 16; ++m) decode_trits(block.qs[32 + m], d, 5, 16, out + 160 + m);
  for (int m = 0; m < 4; ++m) decode_trits(block.qh[m], d, 4, 4, out + 240 + m);
}

}  // namespace weft
