// IQ2_XXS: 256 values in groups of 32; eight values are one lattice point with signs.
//   x = d · (0.5 + scale) · 0.25 · ±point
// A group is four indices into the lattice and a word: sign bits of point p in bits 7p .. 7p + 6
// (the eighth is implied), the scale in bits 28..31.
#pragma once

#include "core/quant/iq2_grids.h"

namespace weft {

struct WEFT_PACKED BlockIQ2_XXS {
  static constexpr DType kType = DType::kIQ2_XXS;
  static constexpr int kElements = kSuperBlock;
  struct WEFT_PACKED Group {
    uint8_t points[4];
    uint32_t signs_and_scale;
  };
  uint16_t d;  // half
  Group groups[8];
};
static_assert(sizeof(BlockIQ2_XXS) == 66);

WEFT_HD void decode_block(const BlockIQ2_XXS& block, float* out) {
  const uint64_t* grid = iq2_xxs_grid();
  const float d = float_from_half(block.d);
  for (int g = 0; g < 8; ++g) {
    const uint32_t word = block.groups[g].signs_and_scale;
    const float scale = d * (0.5f + static_cast<float>(word >> 28)) * 0.25f;
    for (int p = 0; p < 4; ++p, out += 8) {
      const uint64_t point = grid[block.groups[g].points[p]];
      const uint32_t signs = even_signs(word >> (7 * p));
      for (int j = 0; j < 8; ++j)
        out[j] = with_sign(scale * static_cast<float>(lattice_coordinate(point, j)), signs, j);
    }
  }
}

}  // namespace weft
