// Q6_K: 256 values of 6 bits in 16 groups of 16, each with a signed 8-bit scale.
//   x = (d · scale) · (q - 32)
// Within each half of 128 values: value i has its low four bits in ql[i % 64] (low nibble for
// i < 64, else high) and its top two bits in qh[i % 32], bits 2·(i / 32) and up. A half takes 64
// bytes of ql, 32 of qh and 8 scales.
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockQ6_K {
  static constexpr DType kType = DType::kQ6_K;
  static constexpr int kElements = kSuperBlock;
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;  // half
};
static_assert(sizeof(BlockQ6_K) == 210);

WEFT_HD void decode_block(const BlockQ6_K& block, float* out) {
  const float d = float_from_half(block.d);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(block.scales[group]);
    const int half = group / 8;
    const int first = 16 * (group % 8);  // within the half
    const uint8_t* low = block.ql + 64 * half + first % 64;
    const uint8_t* high = block.qh + 32 * half + first % 32;
    const int low_shift = 4 * (first / 64);
    const int high_shift = 2 * (first / 32);
    for (int l = 0; l < 16; ++l) {
      const int value = ((low[l] >> low_shift) & 15) | ((high[l] >> high_shift) & 3) << 4;
      out[16 * group + l] = scale * static_cast<float>(value - 32);
    }
  }
}

}  // namespace weft
