// IQ2_S: 256 values; eight values are one lattice point with signs, 16 share a scale.
//   x = d · (0.5 + scale) · 0.25 · ±point
// Point i: index low eight bits in points[i], top two bits in bits 2·(i % 4) and up of
// high[i / 4]; its eight sign bits are signs[i].
// scales[g]: low nibble for the first 16, high nibble for the last 16 values of group g of 32.
#pragma once

#include "core/quant/iq2_grids.h"

namespace weft {

struct WEFT_PACKED BlockIQ2_S {
  static constexpr DType kType = DType::kIQ2_S;
  static constexpr int kElements = kSuperBlock;
  uint16_t d;  // half
  uint8_t points[32];
  uint8_t signs[32];
  uint8_t high[8];
  uint8_t scales[8];
};
static_assert(sizeof(BlockIQ2_S) == 82);

WEFT_HD void decode_block(const BlockIQ2_S& block, float* out) {
  const uint64_t* grid = iq2_s_grid();
  const float d = float_from_half(block.d);
  for (int i = 0; i < 32; ++i, out += 8) {
    const int nibble = (block.scales[i / 4] >> (4 * ((i / 2) % 2))) & 15;
    const float scale = d * (0.5f + static_cast<float>(nibble)) * 0.25f;
    const int top = (block.high[i / 4] >> (2 * (i % 4))) & 3;
    const uint64_t point = grid[block.points[i] | top << 8];
    for (int j = 0; j < 8; ++j)
      out[j] =
          with_sign(scale * static_cast<float>(lattice_coordinate(point, j)), block.signs[i], j);
  }
}

}  // namespace weft
