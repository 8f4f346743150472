// MXFP4: 32 values of 4-bit float (E2M1) and one power of two as scale (E8M0).
//   x = 2^(e - 127) · element
// Byte j holds value j in its low and value j + 16 in its high nibble.
#pragma once

#include "core/quant/fp4.h"

namespace weft {

struct WEFT_PACKED BlockMXFP4 {
  static constexpr DType kType = DType::kMXFP4;
  static constexpr int kElements = 32;
  uint8_t e;       // E8M0
  uint8_t qs[16];  // nibbles
};
static_assert(sizeof(BlockMXFP4) == 17);

WEFT_HD void decode_block(const BlockMXFP4& block, float* out) {
  const int8_t* levels = fp4_doubled_levels();
  const float d = half_scale_from_e8m0(block.e);
  for (int j = 0; j < 16; ++j) {
    out[j] = static_cast<float>(levels[block.qs[j] & 15]) * d;
    out[j + 16] = static_cast<float>(levels[block.qs[j] >> 4]) * d;
  }
}

}  // namespace weft
