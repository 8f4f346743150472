// IQ1_S: 256 values in groups of 32; eight values are one lattice point, shifted a little.
//   x = d · (2·scale + 1) · (point ± 0.125)
// Point i: index low eight bits in points[i], top three bits in bits 3·(i % 4) and up of
// high[i / 4]. high[g] further holds the scale in bits 12..14 and in bit 15 whether the shift is
// negative.
#pragma once

#include "core/quant/iq1_grid.h"

namespace weft {

inline constexpr float kIq1Shift = 0.125f;

struct WEFT_PACKED BlockIQ1_S {
  static constexpr DType kType = DType::kIQ1_S;
  static constexpr int kElements = kSuperBlock;
  uint16_t d;  // half
  uint8_t points[32];
  uint16_t high[8];
};
static_assert(sizeof(BlockIQ1_S) == 50);

WEFT_HD void decode_block(const BlockIQ1_S& block, float* out) {
  const uint64_t* grid = iq1_grid();
  const float d = float_from_half(block.d);
  for (int i = 0; i < 32; ++i, out += 8) {
    const int word = block.high[i / 4];
    const float scale = d * static_cast<float>(2 * ((word >> 12) & 7) + 1);
    const float shift = word & 0x8000 ? -kIq1Shift : kIq1Shift;
    const uint64_t point = grid[block.points[i] | ((word >> (3 * (i % 4))) & 7) << 8];
    for (int j = 0; j < 8; ++j) {
      const int8_t coordinate = static_cast<int8_t>(lattice_coordinate(point, j));
      out[j] = scale * (static_cast<float>(coordinate) + shift);
    }
  }
}

}  // namespace weft
