// NVFP4: 64 values of 4-bit float (E2M1) in 4 groups of 16, each with a scale of 8 bits (UE4M3).
//   x = scale · element
// Within group g, byte 8g + j holds value j in its low and value j + 8 in its high nibble.
// (A tensor-wide scale, where a model has one, is a tensor of its own and not applied here.)
#pragma once

#include "core/quant/fp4.h"

namespace weft {

struct WEFT_PACKED BlockNVFP4 {
  static constexpr DType kType = DType::kNVFP4;
  static constexpr int kElements = 64;
  uint8_t scales[4];  // UE4M3
  uint8_t qs[32];     // nibbles
};
static_assert(sizeof(BlockNVFP4) == 36);

WEFT_HD void decode_block(const BlockNVFP4& block, float* out) {
  const int8_t* levels = fp4_doubled_levels();
  for (int group = 0; group < 4; ++group, out += 16) {
    const float d = half_scale_from_ue4m3(block.scales[group]);
    const uint8_t* q = block.qs + 8 * group;
    for (int j = 0; j < 8; ++j) {
      out[j] = static_cast<float>(levels[q[j] & 15]) * d;
      out[j + 8] = static_cast<float>(levels[q[j] >> 4]) * d;
    }
  }
}

}  // namespace weft
