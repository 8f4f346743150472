// IQ1_M: 256 values; eight values are one lattice point, shifted a little, 16 share a scale.
//   x = d · (2·scale + 1) · (point ± 0.125)
// Point i: index low eight bits in points[i]; nibble i % 2 of high[i / 2] holds the top three bits
// and, in its highest bit, whether the shift is negative. Word i / 8 of scales holds the 3-bit
// scale of points 2s and 2s + 1 (s = i / 2) in bits 3·(s % 4) and up; the top nibbles of the four
// words are the half d, lowest first.
#pragma once

#include "core/quant/iq1_grid.h"
#include "core/quant/iq1_s.h"

namespace weft {

struct WEFT_PACKED BlockIQ1_M {
  static constexpr DType kType = DType::kIQ1_M;
  static constexpr int kElements = kSuperBlock;
  uint8_t points[32];
  uint8_t high[16];
  uint16_t scales[4];
};
static_assert(sizeof(BlockIQ1_M) == 56);

WEFT_HD void decode_block(const BlockIQ1_M& block, float* out) {
  const uint64_t* grid = iq1_grid();
  const int d_bits = block.scales[0] >> 12 | (block.scales[1] >> 12) << 4 |
                     (block.scales[2] >> 12) << 8 | (block.scales[3] >> 12) << 12;
  const float d = float_from_half(static_cast<uint16_t>(d_bits));
  for (int i = 0; i < 32; ++i, out += 8) {
    const int stored = (block.scales[i / 8] >> (3 * ((i / 2) % 4))) & 7;
    const float scale = d * static_cast<float>(2 * stored + 1);
    const int nibble = (block.high[i / 2] >> (4 * (i % 2))) & 15;
    const float shift = nibble & 8 ? -kIq1Shift : kIq1Shift;
    const uint64_t point = grid[block.points[i] | (nibble & 7) << 8];
    for (int j = 0; j < 8; ++j) {
      const int8_t coordinate = static_cast<int8_t>(lattice_coordinate(point, j));
      out[j] = scale * (static_cast<float>(coordinate) + shift);
    }
  }
}

}  // namespace weft
