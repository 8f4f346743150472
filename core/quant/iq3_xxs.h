// IQ3_XXS: 256 values in groups of 32; four values are one lattice point.
//   x = d · (0.5 + scale) · 0.5 · ±point
// points[8g .. 8g + 7] are the indices of group g. Its word: sign bits of values 8p .. 8p + 7 in
// bits 7p .. 7p + 6 (the eighth is implied), the scale in bits 28..31.
#pragma once

#include "core/quant/iq3_grids.h"

namespace weft {

struct WEFT_PACKED BlockIQ3_XXS {
  static constexpr DType kType = DType::kIQ3_XXS;
  static constexpr int kElements = kSuperBlock;
  uint16_t d;  // half
  uint8_t points[64];
  uint32_t signs_and_scales[8];
};
static_assert(sizeof(BlockIQ3_XXS) == 98);

WEFT_HD void decode_block(const BlockIQ3_XXS& block, float* out) {
  const uint32_t* grid = iq3_xxs_grid();
  const float d = float_from_half(block.d);
  for (int i = 0; i < 64; ++i, out += 4) {
    const uint32_t word = block.signs_and_scales[i / 8];
    const float scale = d * (0.5f + static_cast<float>(word >> 28)) * 0.5f;
    const uint32_t signs = even_signs(word >> (7 * ((i / 2) % 4))) >> (4 * (i % 2));
    const uint32_t point = grid[block.points[i]];
    for (int j = 0; j < 4; ++j)
      out[j] = with_sign(scale * static_cast<float>(lattice_coordinate(point, j)), signs, j);
  }
}

}  // namespace weft
