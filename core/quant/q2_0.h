// Q2_0: 64 values of 2 bits and one scale.
//   x = d · (q - 1)
// Value i lies in bits 2·(i % 4) and up of qs[i / 4].
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ2_0 {
  static constexpr DType kType = DType::kQ2_0;
  static constexpr int kElements = 64;
  uint16_t d;  // half
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ2_0) == 18);

WEFT_HD void decode_block(const BlockQ2_0& block, float* out) {
  const float d = float_from_half(block.d);
  for (int i = 0; i < 64; ++i)
    out[i] = static_cast<float>(((block.qs[i / 4] >> (2 * (i % 4))) & 3) - 1) * d;
}

}  // namespace weft
