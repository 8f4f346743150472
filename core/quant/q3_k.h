// Q3_K: 256 values of 3 bits in 16 groups of 16, each with a signed 6-bit scale (k_scales.h).
//   x = (d · scale) · (q - 4)
// The low two bits of value i lie in qs[32·(i / 128) + i % 32], bits 2·((i / 32) % 4) and up;
// its third bit is bit i / 32 of hmask[i % 32].
#pragma once

#include "core/quant/block.h"
#include "core/quant/k_scales.h"

namespace weft {

struct WEFT_PACKED BlockQ3_K {
  static constexpr DType kType = DType::kQ3_K;
  static constexpr int kElements = kSuperBlock;
  uint8_t hmask[32];
  uint8_t qs[64];
  uint8_t scales[12];
  uint16_t d;  // half
};
static_assert(sizeof(BlockQ3_K) == 110);

WEFT_HD void decode_block(const BlockQ3_K& block, float* out) {
  const float d = float_from_half(block.d);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(unpack_q3_k_scale(block.scales, group));
    const uint8_t* q = block.qs + 32 * (group / 8) + 16 * (group % 2);
    const uint8_t* high = block.hmask + 16 * (group % 2);
    const int shift = 2 * ((group / 2) % 4);
    for (int l = 0; l < 16; ++l) {
      const int value = ((q[l] >> shift) & 3) | ((high[l] >> (group / 2)) & 1) << 2;
      out[16 * group + l] = scale * static_cast<float>(value - 4);
    }
  }
}

}  // namespace weft
