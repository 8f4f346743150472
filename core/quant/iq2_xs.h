// IQ2_XS: 256 values; eight values are one lattice point with signs, 16 share a scale.
//   x = d · (0.5 + scale) · 0.25 · ±point
// points[i]: index in bits 0..8, seven sign bits in bits 9..15 (the eighth is implied).
// scales[g]: low nibble for the first 16, high nibble for the last 16 values of group g of 32.
#pragma once

#include "core/quant/iq2_grids.h"

namespace weft {

struct WEFT_PACKED BlockIQ2_XS {
  static constexpr DType kType = DType::kIQ2_XS;
  static constexpr int kElements = kSuperBlock;
  uint16_t d;  // half
  uint16_t points[32];
  uint8_t scales[8];
};
static_assert(sizeof(BlockIQ2_XS) == 74);

WEFT_HD void decode_block(const BlockIQ2_XS& block, float* out) {
  const uint64_t* grid = iq2_xs_grid();
  const float d = float_from_half(block.d);
  for (int i = 0; i < 32; ++i, out += 8) {
    const int nibble = (block.scales[i / 4] >> (4 * ((i / 2) % 2))) & 15;
    const float scale = d * (0.5f + static_cast<float>(nibble)) * 0.25f;
    const uint64_t point = grid[block.points[i] & 511];
    const uint32_t signs = even_signs(block.points[i] >> 9);
    for (int j = 0; j < 8; ++j)
      out[j] = with_sign(scale * static_cast<float>(lattice_coordinate(point, j)), signs, j);
  }
}

}  // namespace weft
