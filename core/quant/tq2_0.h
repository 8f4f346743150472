// TQ2_0: 256 values of 2 bits and one scale; made for ternary weights, though a fourth value
// (+2) can be written.
//   x = d · (q - 1)
// Value i lies in qs[32·(i / 128) + i % 32], bits 2·((i / 32) % 4) and up.
#pragma once

#include "core/quant/block.h"

namespace weft {

struct WEFT_PACKED BlockTQ2_0 {
  static constexpr DType kType = DType::kTQ2_0;
  static constexpr int kElements = kSuperBlock;
  uint8_t qs[64];
  uint16_t d;  // half
};
static_assert(sizeof(BlockTQ2_0) == 66);

WEFT_HD void decode_block(const BlockTQ2_0& block, float* out) {
  const float d = float_from_half(block.d);
  for (int group = 0; group < 8; ++group) {
    const uint8_t* q = block.qs + 32 * (group / 4);
    const int shift = 2 * (group % 4);
    for (int l = 0; l < 32; ++l)
      out[32 * group + l] = static_cast<float>(((q[l] >> shift) & 3) - 1) * d;
  }
}

}  // namespace weft
