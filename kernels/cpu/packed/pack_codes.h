// Where a file's blocks keep their codes: from the blocks of sixteen columns to words of codes, one
// to a byte, [cell][unit][column].
#pragma once

#include "core/quant/blocks.h"
#include "kernels/cpu/packed/words.h"

namespace weft::cpu {

// The same block of sixteen columns.
using BlockColumns = const std::byte* [kGroupColumns];

struct CellCodes {
  WordLanes unit[kUnits];
};

template <class B>
inline constexpr int kCellsOf = B::kElements / kCellElements;

// 16 bytes: values j in the low, j + 16 in the high nibbles.
static inline void nibbles_of_16(const WordLanes* qs, CellCodes& cell) {
  for (int u = 0; u < 4; ++u) {
    const WordLanes& q = qs[u];
    for_lanes(cell.unit[u], [&](int j) { return q.lane[j] & 0x0f0f0f0fu; });
    for_lanes(cell.unit[u + 4], [&](int j) { return q.lane[j] >> 4 & 0x0f0f0f0fu; });
  }
}

// Cells by pairs: the first in the low, the second in the high nibbles of 32 bytes.
static inline void nibbles_of_32(const WordLanes* qs, CellCodes* cells) {
  for (int pair = 0; pair < 4; ++pair) {
    for (int u = 0; u < kUnits; ++u) {
      const WordLanes& q = qs[kUnits * pair + u];
      for_lanes(cells[2 * pair].unit[u], [&](int j) { return q.lane[j] & 0x0f0f0f0fu; });
      for_lanes(cells[2 * pair + 1].unit[u], [&](int j) { return q.lane[j] >> 4 & 0x0f0f0f0fu; });
    }
  }
}

// Value i in qs[32·(i / 128) + i % 32], bits 2·((i / 32) % 4) and up.
static inline void pairs_of_bits(const WordLanes* qs, CellCodes* cells) {
  for (int c = 0; c < kSuperCells; ++c) {
    const int shift = 2 * (c % 4);
    for (int u = 0; u < kUnits; ++u) {
      const WordLanes& q = qs[kUnits * (c / 4) + u];
      for_lanes(cells[c].unit[u], [&](int j) { return q.lane[j] >> shift & 0x03030303u; });
    }
  }
}

// Adds bit c of 32 bytes to cell c's codes, as their bit kTo.
template <int kTo>
static inline void add_bits(const WordLanes* bits, CellCodes* cells) {
  for (int c = 0; c < kSuperCells; ++c) {
    for (int u = 0; u < kUnits; ++u) {
      WordLanes& codes = cells[c].unit[u];
      const WordLanes& from = bits[u];
      for_lanes(codes,
                [&](int j) { return codes.lane[j] | (from.lane[j] >> c & 0x01010101u) << kTo; });
    }
  }
}

// Adds bit i of a column's field to its code i, as its fifth.
template <class B>
static inline void add_fifth_bits(const BlockColumns& columns, CellCodes& cell) {
  WordLanes fifth;
  for (int j = 0; j < kGroupColumns; ++j) {
    std::memcpy(&fifth.lane[j], columns[j] + offsetof(B, qh), 4);
  }
  for (int u = 0; u < kUnits; ++u) {
    WordLanes& codes = cell.unit[u];
    // The multiplication puts four copies side by side, each moved on by seven bits.
    for_lanes(codes, [&](int j) {
      const uint32_t four = fifth.lane[j] >> (4 * u) & 15;
      return codes.lane[j] | (four * 0x00204081u & 0x01010101u) << 4;
    });
  }
}

template <class B>
static inline void read_nibbles16(const BlockColumns& columns, CellCodes* cells) {
  constexpr int kCells = kCellsOf<B>;
  WordLanes qs[4 * kCells];
  turn_words<4 * kCells>(columns, offsetof(B, qs), qs);
  for (int c = 0; c < kCells; ++c) nibbles_of_16(qs + 4 * c, cells[c]);
}

template <class B>
static inline void read_nibbles32(const BlockColumns& columns, CellCodes* cells) {
  WordLanes qs[32];
  turn_words<32>(columns, offsetof(B, qs), qs);
  nibbles_of_32(qs, cells);
}

template <class B>
static inline void read_pairs(const BlockColumns& columns, CellCodes* cells) {
  WordLanes qs[16];
  turn_words<16>(columns, offsetof(B, qs), qs);
  pairs_of_bits(qs, cells);
}

static inline void read_codes(BlockTag<BlockQ4_0>, const BlockColumns& from, CellCodes* cells) {
  read_nibbles16<BlockQ4_0>(from, cells);
}
static inline void read_codes(BlockTag<BlockQ4_1>, const BlockColumns& from, CellCodes* cells) {
  read_nibbles16<BlockQ4_1>(from, cells);
}
static inline void read_codes(BlockTag<BlockIQ4_NL>, const BlockColumns& from, CellCodes* cells) {
  read_nibbles16<BlockIQ4_NL>(from, cells);
}
static inline void read_codes(BlockTag<BlockMXFP4>, const BlockColumns& from, CellCodes* cells) {
  read_nibbles16<BlockMXFP4>(from, cells);
}
static inline void read_codes(BlockTag<BlockIQ4_XS>, const BlockColumns& from, CellCodes* cells) {
  read_nibbles16<BlockIQ4_XS>(from, cells);
}
static inline void read_codes(BlockTag<BlockQ5_0>, const BlockColumns& from, CellCodes* cells) {
  read_nibbles16<BlockQ5_0>(from, cells);
  add_fifth_bits<BlockQ5_0>(from, *cells);
}
static inline void read_codes(BlockTag<BlockQ5_1>, const BlockColumns& from, CellCodes* cells) {
  read_nibbles16<BlockQ5_1>(from, cells);
  add_fifth_bits<BlockQ5_1>(from, *cells);
}
static inline void read_codes(BlockTag<BlockQ8_0>, const BlockColumns& from, CellCodes* cells) {
  turn_words<kUnits>(from, offsetof(BlockQ8_0, qs), cells->unit);
  for (WordLanes& codes : cells->unit) {
    for_lanes(codes, [&](int j) { return codes.lane[j] ^ 0x80808080u; });
  }
}
static inline void read_codes(BlockTag<BlockQ2_K>, const BlockColumns& from, CellCodes* cells) {
  read_pairs<BlockQ2_K>(from, cells);
}
// Groups of 16 elements: the first eight in the low, the last eight in the high nibbles of 8 bytes.
static inline void read_codes(BlockTag<BlockNVFP4>, const BlockColumns& from, CellCodes* cells) {
  WordLanes qs[8];
  turn_words<8>(from, offsetof(BlockNVFP4, qs), qs);
  for (int c = 0; c < kCellsOf<BlockNVFP4>; ++c) {
    for (int u = 0; u < kUnits; ++u) {
      const WordLanes& q = qs[4 * c + u / 4 * 2 + u % 2];
      const int shift = u % 4 / 2 * 4;
      for_lanes(cells[c].unit[u], [&](int j) { return q.lane[j] >> shift & 0x0f0f0f0fu; });
    }
  }
}
// A unit is a nibble: its bits to the lowest ones of four bytes.
static inline void read_codes(BlockTag<BlockQ1_0>, const BlockColumns& from, CellCodes* cells) {
  WordLanes qs[4];
  turn_words<4>(from, offsetof(BlockQ1_0, qs), qs);
  for (int c = 0; c < kCellsOf<BlockQ1_0>; ++c) {
    for (int u = 0; u < kUnits; ++u) {
      for_lanes(cells[c].unit[u],
                [&](int j) { return (qs[c].lane[j] >> (4 * u) & 15) * 0x00204081u & 0x01010101u; });
    }
  }
}
// A unit is a byte: its pairs of bits to the lowest ones of four bytes.
static inline void read_codes(BlockTag<BlockQ2_0>, const BlockColumns& from, CellCodes* cells) {
  WordLanes qs[4];
  turn_words<4>(from, offsetof(BlockQ2_0, qs), qs);
  for (int c = 0; c < kCellsOf<BlockQ2_0>; ++c) {
    for (int u = 0; u < kUnits; ++u) {
      const WordLanes& q = qs[2 * c + u / 4];
      for_lanes(cells[c].unit[u], [&](int j) {
        const uint32_t byte = q.lane[j] >> (8 * (u % 4)) & 0xff;
        return (byte | byte << 6 | byte << 12 | byte << 18) & 0x03030303u;
      });
    }
  }
}
// Digit n of each of four bytes, which are fractions in base three (tq1_0.h).
static inline uint32_t trits(uint32_t word, int n) {
  constexpr uint32_t kPowers[] = {1, 3, 9, 27, 81};
  constexpr uint32_t kEven = 0x00ff00ffu;
  const uint32_t even = (word & kEven) * kPowers[n] & kEven;
  const uint32_t odd = (word >> 8 & kEven) * kPowers[n] & kEven;
  return (even * 3 >> 8 & kEven) | (odd * 3 & 0xff00ff00u);
}
static inline void read_codes(BlockTag<BlockTQ1_0>, const BlockColumns& from, CellCodes* cells) {
  WordLanes qs[12];
  turn_words<12>(from, offsetof(BlockTQ1_0, qs), qs);
  WordLanes qh;
  for (int j = 0; j < kGroupColumns; ++j) {
    std::memcpy(&qh.lane[j], from[j] + offsetof(BlockTQ1_0, qh), 4);
  }
  const auto read = [](WordLanes& unit, const WordLanes& q, int n) {
    for_lanes(unit, [&](int j) { return trits(q.lane[j], n); });
  };
  for (int c = 0; c < 5; ++c) {
    for (int u = 0; u < kUnits; ++u) read(cells[c].unit[u], qs[u], c);
  }
  for (int i = 0; i < 20; ++i) read(cells[5 + i / 8].unit[i % 8], qs[8 + i % 4], i / 4);
  for (int u = 4; u < kUnits; ++u) read(cells[7].unit[u], qh, u - 4);
}
static inline void read_codes(BlockTag<BlockTQ2_0>, const BlockColumns& from, CellCodes* cells) {
  read_pairs<BlockTQ2_0>(from, cells);
}
static inline void read_codes(BlockTag<BlockQ3_K>, const BlockColumns& from, CellCodes* cells) {
  read_pairs<BlockQ3_K>(from, cells);
  WordLanes third[kUnits];
  turn_words<kUnits>(from, offsetof(BlockQ3_K, hmask), third);
  add_bits<2>(third, cells);
}
static inline void read_codes(BlockTag<BlockQ4_K>, const BlockColumns& from, CellCodes* cells) {
  read_nibbles32<BlockQ4_K>(from, cells);
}
static inline void read_codes(BlockTag<BlockQ5_K>, const BlockColumns& from, CellCodes* cells) {
  read_nibbles32<BlockQ5_K>(from, cells);
  WordLanes fifth[kUnits];
  turn_words<kUnits>(from, offsetof(BlockQ5_K, qh), fifth);
  add_bits<4>(fifth, cells);
}
// Halves of four cells: two in the low nibbles of 64 bytes, two in the high ones; the upper two
// bits of all four in 32 bytes.
static inline void read_codes(BlockTag<BlockQ6_K>, const BlockColumns& from, CellCodes* cells) {
  WordLanes low[32];
  WordLanes high[16];
  turn_words<32>(from, offsetof(BlockQ6_K, ql), low);
  turn_words<16>(from, offsetof(BlockQ6_K, qh), high);
  for (int c = 0; c < kSuperCells; ++c) {
    const int half = c / 4;
    const int quarter = c % 4;
    for (int u = 0; u < kUnits; ++u) {
      const WordLanes& l = low[16 * half + kUnits * (quarter % 2) + u];
      const WordLanes& h = high[kUnits * half + u];
      for_lanes(cells[c].unit[u], [&](int j) {
        return (l.lane[j] >> (4 * (quarter / 2)) & 0x0f0f0f0fu) |
               (h.lane[j] >> (2 * quarter) & 0x03030303u) << 4;
      });
    }
  }
}

}  // namespace weft::cpu
