// IQ3_S: 256 values in groups of 32; four values are one lattice point.
//   x = d · (1 + 2·scale) · ±point
// Point i: index low eight bits in points[i], ninth bit in bit i % 8 of high[i / 8]. The sign of
// value v is bit v % 8 of signs[v / 8]. scales[h]: low nibble group 2h, high nibble group 2h + 1.
#pragma once

#include "core/quant/iq3_grids.h"

namespace weft {

struct WEFT_PACKED BlockIQ3_S {
  static constexpr DType kType = DType::kIQ3_S;
  static constexpr int kElements = kSuperBlock;
  uint16_t d;  // half
  uint8_t points[64];
  uint8_t high[8];
  uint8_t signs[32];
  uint8_t scales[4];
};
static_assert(sizeof(BlockIQ3_S) == 110);

WEFT_HD void decode_block(const BlockIQ3_S& block, float* out) {
  const uint32_t* grid = iq3_s_grid();
  const float d = float_from_half(block.d);
  for (int i = 0; i < 64; ++i, out += 4) {
    const int nibble = (block.scales[i / 16] >> (4 * ((i / 8) % 2))) & 15;
    const float scale = d * static_cast<float>(1 + 2 * nibble);
    const int top = (block.high[i / 8] >> (i % 8)) & 1;
    const uint32_t point = grid[block.points[i] | top << 8];
    const uint32_t signs = block.signs[i / 2] >> (4 * (i % 2));
    for (int j = 0; j < 4; ++j)
      out[j] = with_sign(scale * static_cast<float>(lattice_coordinate(point, j)), signs, j);
  }
}

}  // namespace weft
