// The types whose codes are points of a lattice: from the blocks of sixteen columns to cells of
// indices, their upper bits and signs (packed/format.h).
#pragma once

#include <cstring>

#include "core/quant/blocks.h"
#include "kernels/cpu/packed/words.h"

namespace weft::cpu {

// One column's block, taken apart.
struct LatticeColumn {
  uint16_t d;
  uint16_t index[64];           // of each point, as packed/lattice.h has them
  uint32_t signs[kSuperCells];  // bit e: element e of the cell is negative
  uint8_t scales[kSuperCells];  // of the cell's first 16 elements, of its last 16 in the high bits
};

// Four times eight signs of which the eighth is implied.
static inline uint32_t four_even_signs(uint32_t word) {
  uint32_t signs = 0;
  for (int p = 0; p < 4; ++p) signs |= even_signs(word >> (7 * p)) << (8 * p);
  return signs;
}

inline constexpr int kShiftedDown = 2048;

static inline void read_column(const BlockIQ1_S& b, LatticeColumn& to) {
  to.d = b.d;
  for (int c = 0; c < kSuperCells; ++c) {
    const int word = b.high[c];
    to.scales[c] = word >> 12 & 7;
    for (int p = 0; p < 4; ++p) {
      const int index = b.points[4 * c + p] | (word >> (3 * p) & 7) << 8;
      to.index[4 * c + p] = static_cast<uint16_t>(index | (word & 0x8000 ? kShiftedDown : 0));
    }
  }
}

static inline void read_column(const BlockIQ1_M& b, LatticeColumn& to) {
  const int d = b.scales[0] >> 12 | (b.scales[1] >> 12) << 4 | (b.scales[2] >> 12) << 8 |
                (b.scales[3] >> 12) << 12;
  to.d = static_cast<uint16_t>(d);
  for (int i = 0; i < 32; ++i) {
    // Three bits of the index and, above them, whether the shift is down.
    const int nibble = b.high[i / 2] >> (4 * (i % 2)) & 15;
    to.index[i] = static_cast<uint16_t>(b.points[i] | nibble << 8);
  }
  for (int c = 0; c < kSuperCells; ++c) {
    const int six = b.scales[c / 2] >> (6 * (c % 2));
    to.scales[c] = static_cast<uint8_t>((six & 7) | (six >> 3 & 7) << 4);
  }
}

static inline void read_column(const BlockIQ2_XXS& b, LatticeColumn& to) {
  to.d = b.d;
  for (int c = 0; c < kSuperCells; ++c) {
    const uint32_t word = b.groups[c].signs_and_scale;
    to.signs[c] = four_even_signs(word);
    to.scales[c] = static_cast<uint8_t>(word >> 28);
    for (int p = 0; p < 4; ++p) to.index[4 * c + p] = b.groups[c].points[p];
  }
}

static inline void read_column(const BlockIQ2_XS& b, LatticeColumn& to) {
  to.d = b.d;
  std::memcpy(to.scales, b.scales, sizeof(to.scales));
  for (int c = 0; c < kSuperCells; ++c) {
    to.signs[c] = 0;
    for (int p = 0; p < 4; ++p) {
      const uint32_t point = b.points[4 * c + p];
      to.index[4 * c + p] = point & 511;
      to.signs[c] |= even_signs(point >> 9) << (8 * p);
    }
  }
}

static inline void read_column(const BlockIQ2_S& b, LatticeColumn& to) {
  to.d = b.d;
  std::memcpy(to.scales, b.scales, sizeof(to.scales));
  std::memcpy(to.signs, b.signs, sizeof(to.signs));
  for (int i = 0; i < 32; ++i) {
    const int top = b.high[i / 4] >> (2 * (i % 4)) & 3;
    to.index[i] = static_cast<uint16_t>(b.points[i] | top << 8);
  }
}

static inline void read_column(const BlockIQ3_XXS& b, LatticeColumn& to) {
  to.d = b.d;
  for (int c = 0; c < kSuperCells; ++c) {
    const uint32_t word = b.signs_and_scales[c];
    to.signs[c] = four_even_signs(word);
    to.scales[c] = static_cast<uint8_t>(word >> 28);
  }
  for (int i = 0; i < 64; ++i) to.index[i] = b.points[i];
}

static inline void read_column(const BlockIQ3_S& b, LatticeColumn& to) {
  to.d = b.d;
  std::memcpy(to.signs, b.signs, sizeof(to.signs));
  for (int c = 0; c < kSuperCells; ++c) to.scales[c] = b.scales[c / 2] >> (4 * (c % 2)) & 15;
  for (int i = 0; i < 64; ++i) {
    const int top = b.high[i / 8] >> (i % 8) & 1;
    to.index[i] = static_cast<uint16_t>(b.points[i] | top << 8);
  }
}

// Bits 0, 4, 8 … 28 of a word, side by side.
static inline uint32_t every_fourth_bit(uint32_t x) {
  x &= 0x11111111u;
  x = (x | x >> 3) & 0x03030303u;
  x = (x | x >> 6) & 0x000f000fu;
  return (x | x >> 12) & 0xffu;
}

template <class B>
static inline void write_points(const LatticeColumn* columns, int c, std::byte* to) {
  constexpr LatticeFormat kLattice = kPackedFormatOf<B::kType>.lattice;
  constexpr int kPoints = kLattice.points();
  uint8_t low[kPoints][kGroupColumns];
  uint8_t high[kGroupColumns][kLattice.high_bytes() + 1];  // one more: no array is empty
  WordLanes signs;
  for (int j = 0; j < kGroupColumns; ++j) {
    const uint16_t* const index = columns[j].index + kPoints * c;
    uint32_t field = 0;
    for (int p = 0; p < kPoints; ++p) {
      low[p][j] = static_cast<uint8_t>(index[p]);
      field |= static_cast<uint32_t>(index[p] >> 8) << (kLattice.high_bits * p);
    }
    std::memcpy(high[j], &field, kLattice.high_bytes());
    signs.lane[j] = columns[j].signs[c];
  }
  std::memcpy(to, low, sizeof(low));
  for (int j = 0; j < kGroupColumns; ++j) {
    std::memcpy(to + kLattice.high_at() + j * kLattice.high_bytes(), high[j],
                kLattice.high_bytes());
  }
  if constexpr (kLattice.signs) {
    WordLanes plane;
    for_lanes(plane, [&](int j) {
      uint32_t word = 0;
      for (int i = 0; i < 4; ++i) word |= every_fourth_bit(signs.lane[j] >> i) << (8 * i);
      return word;
    });
    std::memcpy(to + kLattice.signs_at(), &plane, sizeof(plane));
  }
}

// pack_group() of these types.
template <class B>
static inline void pack_lattice(const std::byte* rows, int64_t row_bytes, int columns, int64_t k,
                                std::byte* group) {
  constexpr PackedFormat kFormat = kPackedFormatOf<B::kType>;
  // A missing column stays zero: by its scale, whatever point number 0 is.
  LatticeColumn from[kGroupColumns] = {};
  std::byte* scales = group;
  std::byte* cells = group + kFormat.scales_size(k);
  for (int64_t b = 0; b < k / B::kElements; ++b) {
    for (int j = 0; j < columns; ++j) {
      const std::byte* block = rows + j * row_bytes + b * static_cast<int64_t>(sizeof(B));
      read_column(*reinterpret_cast<const B*>(block), from[j]);
    }
    for (const LatticeColumn& column : from) {
      std::memcpy(scales, &column.d, sizeof(column.d));
      scales += sizeof(column.d);
    }
    for (int c = 0; c < kSuperCells; ++c) {
      for (const LatticeColumn& column : from) *scales++ = std::byte{column.scales[c]};
      write_points<B>(from, c, cells);
      cells += kFormat.cell_bytes();
    }
  }
}

}  // namespace weft::cpu
