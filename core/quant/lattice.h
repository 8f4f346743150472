// What the IQ formats share: lattices are kept as short codes and expanded to bytes at compile
// time, and seven stored signs imply the eighth.
#pragma once

#include <cstdint>

#include "core/quant/block.h"

namespace weft {

// The byte that each code of a coordinate stands for.
struct LatticeLevels {
  uint8_t level[8] = {};
};

// `Point` is uint64_t (8 coordinates of 2-bit codes) or uint32_t (4 coordinates of 3-bit codes).
template <typename Point, int kCount>
struct Lattice {
  Point points[kCount];
};

template <typename Point, int kCount>
WEFT_HD constexpr Lattice<Point, kCount> expand_lattice(const uint16_t (&codes)[kCount],
                                                        const LatticeLevels& levels) {
  constexpr int kBits = sizeof(Point) == 8 ? 2 : 3;
  Lattice<Point, kCount> lattice{};
  for (int i = 0; i < kCount; ++i) {
    for (unsigned c = 0; c < sizeof(Point); ++c) {
      const int code = (codes[i] >> (kBits * c)) & ((1 << kBits) - 1);
      lattice.points[i] |= static_cast<Point>(levels.level[code]) << (8 * c);
    }
  }
  return lattice;
}

// Coordinate c of a lattice point.
template <typename Point>
WEFT_HD int lattice_coordinate(Point point, int c) {
  return static_cast<int>((point >> (8 * c)) & 0xff);
}

// Eight sign bits from the seven stored ones: the number of minus signs is always even.
WEFT_HD uint32_t even_signs(uint32_t low7) {
  low7 &= 127;
  const uint32_t folded = low7 ^ (low7 >> 4);
  const uint32_t odd = (0x6996u >> (folded & 15)) & 1;  // parity of a nibble, as a table of bits
  return low7 | odd << 7;
}

WEFT_HD float with_sign(float value, uint32_t signs, int bit) {
  return (signs >> bit) & 1 ? -value : value;
}

}  // namespace weft
