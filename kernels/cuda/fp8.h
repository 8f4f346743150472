// F8_E4M3: sign, four bits of exponent (bias 7), three of mantissa; no infinities; the largest is
// 448, and 0x7f, 0xff are NaN, which nothing here makes or reads.
//
// The bits of a code, shifted into the place of a half's, are the half that is 2^-8 of it,
// subnormals included. So a code is read by two bit operations and the multiplication by its scale,
// which is kept as what those bits are multiplied with: 2^8 × the scale.
#pragma once

#include "core/half.h"

namespace weft::cuda {

// Of a row whose largest magnitude this is (finite): the power of two S for which the row, divided
// by it, lies within ±448 × 2^-8 and not within half of that, as a float that a half holds.
WEFT_HD float fp8_scale(float largest) {
  const uint32_t bits = bits_from_float(largest);
  // 1.75 × 2^8 is the largest code; a row beyond 1.75 × 2^e needs the next power.
  int exponent = static_cast<int>(bits >> 23) - 127 + ((bits & 0x7fffff) > 0x600000 ? 1 : 0);
  if (exponent > 15) exponent = 15;    // beyond 57344 values are cut
  if (exponent < -24) exponent = -24;  // the smallest half
  return float_from_bits(static_cast<uint32_t>(exponent + 127) << 23);
}

// The code nearest to 2^8 × x (finite), ties to even; magnitudes beyond 448 become 448.
WEFT_HD uint8_t fp8_from_float(float x) {
  const uint32_t sign = bits_from_float(x) >> 24 & 0x80;
  const uint32_t bits = bits_from_float(x) & 0x7fffffff;
  if (bits >= bits_from_float(0x1.dp+0f)) return static_cast<uint8_t>(sign | 0x7e);
  if (bits < bits_from_float(0x1p-14f)) {
    // Multiples of 2^-17: adding the float whose last place that is rounds to one.
    const uint32_t units =
        bits_from_float(float_from_bits(bits) + 0x1p+6f) - bits_from_float(0x1p+6f);
    return static_cast<uint8_t>(sign | units);
  }
  const uint32_t odd = bits >> 20 & 1;
  const uint32_t rounded = bits - (uint32_t{127 - 15} << 23) + 0x7ffff + odd;
  return static_cast<uint8_t>(sign | rounded >> 20);
}

// 2^-8 of the code, exactly.
WEFT_HD float float_from_fp8(uint8_t code) {
  const uint32_t half = (code & 0x80u) << 8 | (code & 0x7fu) << 7;
  return float_from_half(static_cast<uint16_t>(half));
}

}  // namespace weft::cuda
