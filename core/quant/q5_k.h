// Q5_K: 256 values of 5 bits in 8 groups of 32, each with a 6-bit scale and minimum (k_scales.h).
//   x = (d · scale) · q - (dmin · min)
// Bytes 32p .. 32p + 31 of qs hold the low four bits of group 2p in their low and of group 2p + 1
// in their high nibbles; the fifth bit of value i is bit i / 32 of qh[i % 32].
#pragma once

#include "core/quant/block.h"
#include "core/quant/k_scales.h"

namespace weft {

struct WEFT_PACKED BlockQ5_K {
  static constexpr DType kType = DType::kQ5_K;
  static constexpr int kElements = kSuperBlock;
  uint16_t d;     // half
  uint16_t dmin;  // half
  uint8_t scales[12];
  uint8_t qh[32];
  uint8_t qs[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

WEFT_HD void decode_block(const BlockQ5_K& block, float* out) {
  const float d = float_from_half(block.d);
  const float dmin = float_from_half(block.dmin);
  for (int group = 0; group < 8; ++group) {
    const ScaleMin packed = unpack_scale_min(block.scales, group);
    const float scale = d * static_cast<float>(packed.scale);
    const float min = dmin * static_cast<float>(packed.min);
    const uint8_t* q = block.qs + 32 * (group / 2);
    const int shift = 4 * (group % 2);
    for (int l = 0; l < 32; ++l) {
      const int value = ((q[l] >> shift) & 15) | ((block.qh[l] >> group) & 1) << 4;
      out[32 * group + l] = scale * static_cast<float>(value) - min;
    }
  }
}

}  // namespace weft
