// Packed weights: quantised matrices in the order in which the integer kernels read them. Sixteen
// columns (output features; rows of the file's matrix) lie side by side, so that a vector's lanes
// are columns: no sum ever runs across lanes, and every instruction set adds in the same order.
//
// A group is 16 columns × all K; a cell 16 columns × 32 of K, that is eight units of 4 of K: in a
// unit, byte 4j + i is the code of column j, element i. A weight is  scale × (code - offset) (+
// min) with one scale (and min) for each sub-block of 16 or 32 elements. Codes of few bits are cut
// into planes of 64 bytes that unpack by shifts and masks alone:
//   8 bits  vector v: unit v
//   4 bits  vector v < 4: unit v in the low nibbles, unit v + 4 in the high ones
//   2 bits  vector v < 2: unit v + 2i in bits 2i, 2i + 1
//   1 bit   bit i: unit i
// A code of 6 bits is 4 + 2, its low bits first; 5 is 4 + 1, 3 is 2 + 1.
//
// The IQ types' codes are points of a lattice, of 4 or 8 elements each (packed/lattice.h). A cell
// is then, for each point in ascending K, a row of 16 bytes: the low eight bits of the columns'
// indices; what is above those, 1 to 4 bits a point, the first lowest, in a byte (or two) a column;
// and, where points have signs, 64 bytes as of a plane of 1 bit: whether the element is negative.
//
// Weights of floats, where they meet BF16 activations, are groups of cells too: numbers of 16 bits,
// rounded to BF16, without scales; in a unit, here of 2 of K, the pair at 4j is column j's. Cells
// have 16 such units.
//
// Scales and minima of six bits (kScaleMin), of cell c and column j of eight cells, three planes:
//   byte 16 c + j, c < 8          the low four bits: of the scale below, of the minimum above
//   byte 128 + 16 c + j, c < 4    the high two of scale and minimum of cell c, then of cell c + 4
//
// In memory a group is its scales in ascending K, padded to 64 bytes, then its cells.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace weft::cpu {

inline constexpr int kGroupColumns = 16;
inline constexpr int kCellElements = 32;
inline constexpr int kUnits = 8;       // of a cell
inline constexpr int kUnitBytes = 64;  // unpacked: one byte a code
inline constexpr int kSuperCells = 8;  // cells of a block of 256
inline constexpr int kScaleMinBytes = 192;

// How scales are kept, for 16 columns at a time; d, m: half floats.
enum class ScaleKind : uint8_t {
  kHalf,      // a cell: d                                      scale = d
  kHalfMin,   // a cell: d, m                                   scale = d, min = m
  kE8M0,      // a cell: bytes e                                scale = 2^(e - 128), as fp4.h says
  kSuper,     // eight cells: d                                 scale = d
  kSigned,    // eight cells: d; a sub-block: signed bytes s    scale = d × s
  kScaleMin,  // eight cells: d, m, s and t of six bits         scale = d × s, min = -(m × t)
  kNibbles,   // eight cells: d, m; a sub-block: bytes s + 16 t, likewise
  kOdd,    // eight cells: d; a cell: bytes s + 16 t         scale = d × unit × (2 s + 1), for the
           //                                                second sub-block with t
  kUE4M3,  // a sub-block: bytes e                           scale as fp4.h says
  kNone,   // of floats
};

// The scales and minima of eight cells, a byte each: [cell][column].
struct ScaleMins {
  alignas(64) std::byte scale[kSuperCells * kGroupColumns];
  alignas(64) std::byte min[kSuperCells * kGroupColumns];

  // From and to kScaleMinBytes bytes.
  [[gnu::always_inline]] void unpack(const std::byte* __restrict p) {
    for (int i = 0; i < kHalf; ++i) {
      const auto low = [&](int half) { return static_cast<unsigned>(p[half * kHalf + i]); };
      const auto high = static_cast<unsigned>(p[2 * kHalf + i]);
      scale[i] = static_cast<std::byte>((low(0) & 15) | (high << 4 & 0x30));
      min[i] = static_cast<std::byte>(low(0) >> 4 | (high << 2 & 0x30));
      scale[kHalf + i] = static_cast<std::byte>((low(1) & 15) | (high & 0x30));
      min[kHalf + i] = static_cast<std::byte>(low(1) >> 4 | (high >> 2 & 0x30));
    }
  }
  [[gnu::always_inline]] void pack(std::byte* p) const {
    uint8_t s[2 * kHalf], t[2 * kHalf], low[2 * kHalf], high[kHalf];
    __builtin_memcpy(s, scale, sizeof(s));
    __builtin_memcpy(t, min, sizeof(t));
    for (int i = 0; i < 2 * kHalf; ++i) low[i] = static_cast<uint8_t>((s[i] & 15) | t[i] << 4);
    for (int i = 0; i < kHalf; ++i) {
      high[i] = static_cast<uint8_t>(s[i] >> 4 | (t[i] >> 2 & 0x0c) | (s[kHalf + i] & 0x30) |
                                     (t[kHalf + i] << 2 & 0xc0));
    }
    __builtin_memcpy(p, low, sizeof(low));
    __builtin_memcpy(p + sizeof(low), high, sizeof(high));
  }

 private:
  static constexpr int kHalf = kSuperCells * kGroupColumns / 2;
};

// Codes that stand for the entries of a table of signed bytes; kept plus the format's offset.
// kSigns: -1, 1.
enum class CodeTable : uint8_t { kNone, kIq4, kFp4, kSigns };

// Codes that are points of a lattice.
struct LatticeFormat {
  int elements = 0;   // of a point: 4, 8; 0: no lattice
  int high_bits = 0;  // of an index, above its low eight: 0, 1, 2, 4
  bool signs = false;
  float unit = 1.0f;  // a power of two: what a coordinate of one stands for, over d × (2 s + 1)

  [[gnu::always_inline]] constexpr int points() const { return elements == 0 ? 0 : 32 / elements; }
  // Of the bits above the low eight, of one column.
  [[gnu::always_inline]] constexpr int high_bytes() const { return (high_bits * points() + 7) / 8; }
  // Where those bits, and the signs, begin in a cell.
  [[gnu::always_inline]] constexpr int high_at() const { return kGroupColumns * points(); }
  [[gnu::always_inline]] constexpr int signs_at() const {
    return high_at() + kGroupColumns * high_bytes();
  }
};

// Members are always inlined: instruction sets that share this header must not share code.
struct PackedFormat {
  DType type;
  int planes;     // the bits of a code, the sum of its planes: 8, 4, 2, 1; 0: of a lattice
  int sub_block;  // 16 or 32 elements
  int offset;     // what the code is above the integer it stands for
  ScaleKind scale;
  CodeTable table = CodeTable::kNone;
  LatticeFormat lattice = {};

  [[gnu::always_inline]] constexpr int subs() const { return kCellElements / sub_block; }
  [[gnu::always_inline]] constexpr bool is_lattice() const { return lattice.elements != 0; }
  [[gnu::always_inline]] constexpr bool has_min() const {
    return scale == ScaleKind::kHalfMin || scale == ScaleKind::kScaleMin ||
           scale == ScaleKind::kNibbles;
  }
  // Scales that are shared by eight cells: K is then a multiple of 256.
  [[gnu::always_inline]] constexpr bool is_super() const { return super_bytes() != 0; }
  [[gnu::always_inline]] constexpr int super_bytes() const {
    switch (scale) {
      case ScaleKind::kSuper:
      case ScaleKind::kSigned:
      case ScaleKind::kOdd:
        return 32;
      case ScaleKind::kNibbles:
        return 64;
      case ScaleKind::kScaleMin:
        return 64 + kScaleMinBytes;
      default:
        return 0;
    }
  }
  [[gnu::always_inline]] constexpr int scale_bytes()
      const {  // of one cell, without its share of super_bytes()
    switch (scale) {
      case ScaleKind::kHalf:
        return 32;
      case ScaleKind::kHalfMin:
        return 64;
      case ScaleKind::kE8M0:
      case ScaleKind::kOdd:
        return 16;
      case ScaleKind::kSuper:
      case ScaleKind::kScaleMin:
      case ScaleKind::kNone:
        return 0;
      case ScaleKind::kSigned:
      case ScaleKind::kNibbles:
      case ScaleKind::kUE4M3:
        return 16 * subs();
    }
    return 0;
  }
  [[gnu::always_inline]] constexpr int cell_bytes() const {
    if (!is_lattice()) return kUnitBytes * planes;
    return lattice.signs_at() + (lattice.signs ? kUnitBytes : 0);
  }

  // Bytes of a group's scales, and of the whole group. k: a multiple of the type's block.
  [[gnu::always_inline]] constexpr int64_t scales_size(int64_t k) const {
    const int64_t cells = k / kCellElements;
    return (cells / kSuperCells * super_bytes() + cells * scale_bytes() + 63) / 64 * 64;
  }
  [[gnu::always_inline]] constexpr int64_t group_size(int64_t k) const {
    return scales_size(k) + k / kCellElements * cell_bytes();
  }
};

inline constexpr PackedFormat kPackedFormats[] = {
    {DType::kQ4_0, 4, 32, 8, ScaleKind::kHalf},
    {DType::kQ4_1, 4, 32, 0, ScaleKind::kHalfMin},
    {DType::kQ5_0, 5, 32, 16, ScaleKind::kHalf},
    {DType::kQ5_1, 5, 32, 0, ScaleKind::kHalfMin},
    {DType::kQ8_0, 8, 32, 128, ScaleKind::kHalf},
    {DType::kQ2_K, 2, 16, 0, ScaleKind::kNibbles},
    {DType::kQ3_K, 3, 16, 4, ScaleKind::kSigned},
    {DType::kQ4_K, 4, 32, 0, ScaleKind::kScaleMin},
    {DType::kQ5_K, 5, 32, 0, ScaleKind::kScaleMin},
    {DType::kQ6_K, 6, 16, 32, ScaleKind::kSigned},
    {DType::kIQ4_NL, 4, 32, 128, ScaleKind::kHalf, CodeTable::kIq4},
    {DType::kIQ4_XS, 4, 32, 128, ScaleKind::kSigned, CodeTable::kIq4},
    {DType::kMXFP4, 4, 32, 128, ScaleKind::kE8M0, CodeTable::kFp4},
    {DType::kNVFP4, 4, 16, 128, ScaleKind::kUE4M3, CodeTable::kFp4},
    {DType::kQ1_0, 1, 32, 128, ScaleKind::kHalf, CodeTable::kSigns},
    {DType::kQ2_0, 2, 32, 1, ScaleKind::kHalf},
    // Five values to a byte, as the file has them, would take more to unpack than to read.
    {DType::kTQ1_0, 2, 32, 1, ScaleKind::kSuper},
    {DType::kTQ2_0, 2, 32, 1, ScaleKind::kSuper},
    {DType::kIQ1_S, 0, 32, 128, ScaleKind::kOdd, CodeTable::kNone, {8, 4, false, 0.125f}},
    {DType::kIQ1_M, 0, 16, 128, ScaleKind::kOdd, CodeTable::kNone, {8, 4, false, 0.125f}},
    {DType::kIQ2_XXS, 0, 32, 128, ScaleKind::kOdd, CodeTable::kNone, {8, 0, true, 0.125f}},
    {DType::kIQ2_XS, 0, 16, 128, ScaleKind::kOdd, CodeTable::kNone, {8, 1, true, 0.125f}},
    {DType::kIQ2_S, 0, 16, 128, ScaleKind::kOdd, CodeTable::kNone, {8, 2, true, 0.125f}},
    {DType::kIQ3_XXS, 0, 32, 128, ScaleKind::kOdd, CodeTable::kNone, {4, 0, true, 0.25f}},
    {DType::kIQ3_S, 0, 32, 128, ScaleKind::kOdd, CodeTable::kNone, {4, 1, true, 1.0f}},
};

static constexpr const PackedFormat* find_packed_format(DType type) {
  for (const PackedFormat& format : kPackedFormats) {
    if (format.type == type) return &format;
  }
  return nullptr;
}

// Floats as BF16.
inline constexpr PackedFormat kFloatFormats[] = {
    {DType::kF32, 16, 32, 0, ScaleKind::kNone},
    {DType::kF16, 16, 32, 0, ScaleKind::kNone},
    {DType::kBF16, 16, 32, 0, ScaleKind::kNone},
};

static constexpr const PackedFormat* find_float_format(DType type) {
  for (const PackedFormat& format : kFloatFormats) {
    if (format.type == type) return &format;
  }
  return nullptr;
}

template <DType kType>
inline constexpr PackedFormat kPackedFormatOf = *find_packed_format(kType);

}  // namespace weft::cpu
