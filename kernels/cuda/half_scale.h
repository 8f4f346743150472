// The power of two that a row of floats is multiplied with before it is rounded to half floats.
#pragma once

#include "core/half.h"

namespace weft::cuda {

// Brings the row's largest magnitude into [2^14, 2^15), as far as float32 has the power's inverse
// too; 1 for zeros and for what is not finite, which stays so.
WEFT_HD float half_scale(float largest) {
  const int exponent = static_cast<int>(bits_from_float(largest) >> 23);  // biased
  if (largest == 0.0f || exponent == 0xff) return 1.0f;
  int scale = 127 + 14 - (exponent - 127);
  scale = scale > 252 ? 252 : scale < 2 ? 2 : scale;
  return float_from_bits(static_cast<uint32_t>(scale) << 23);
}

}  // namespace weft::cuda
