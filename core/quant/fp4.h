// What the 4-bit float formats share: the E2M1 element and the 8-bit scales.
// Elements are kept doubled so that they are integers; the scales are halved in turn.
#pragma once

#include "core/quant/block.h"

namespace weft {

// Twice the value of each E2M1 code: sign in bit 3, then 0, 0.5, 1, 1.5, 2, 3, 4, 6.
// Code 8 (minus zero) decodes as plus zero.
WEFT_HD const int8_t* fp4_doubled_levels() {
  static constexpr int8_t kLevels[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  return kLevels;
}

// Half the E8M0 scale 2^(code - 127), that is 2^(code - 128). Codes 0 and 1 give subnormals; 255,
// NaN in the OCP specification, is 2^127 here as in the format's reference.
WEFT_HD float half_scale_from_e8m0(uint8_t code) {
  if (code < 2) return float_from_bits(0x00200000u << code);
  return float_from_bits(static_cast<uint32_t>(code - 1) << 23);
}

// Half the unsigned E4M3 scale (bias 7, subnormals below 2^-6). Bit 7 is ignored, but for the one
// NaN code: 0x7f gives 0, 0xff 240, as in the format's reference.
WEFT_HD float half_scale_from_ue4m3(uint8_t code) {
  if (code == 0x7f) return 0.0f;
  const uint32_t exponent = (code >> 3) & 15;
  const uint32_t mantissa = code & 7;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
  return float_from_bits((exponent + 119) << 23 | mantissa << 20);
}

}  // namespace weft
