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
// Weights of floats, where they meet BF16 activations, are groups of cells too: numbers of 16 bits,
// rounded to BF16, without scales; in a unit, here of 2 of K, the pair at 4j is column j's. Cells
// have 16 such units.
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

// How scales are kept, for 16 columns at a time; d, m: half floats.
enum class ScaleKind : uint8_t {
  kHalf,      // a cell: d                                      scale = d
  kHalfMin,   // a cell: d, m                                   scale = d, min = m
  kE8M0,      // a cell: bytes e                                scale = 2^(e - 128), as fp4.h says
  kSuper,     // eight cells: d                                 scale = d
  kSigned,    // eight cells: d; a sub-block: signed bytes s    scale = d × s
  kScaleMin,  // eight cells: d, m; a sub-block: bytes s, t     scale = d × s, min = -(m × t)
  kNibbles,   // eight cells: d, m; a sub-block: bytes s + 16 t, likewise
  kNone,      // of floats
};

// Codes that stand for the entries of a table of signed bytes; kept plus the format's offset.
enum class CodeTable : uint8_t { kNone, kIq4, kFp4 };

// Members are always inlined: instruction sets that share this header must not share code.
struct PackedFormat {
  DType type;
  int planes;     // the bits of a code, the sum of its planes: 8, 4, 2, 1
  int sub_block;  // 16 or 32 elements
  int offset;     // what the code is above the integer it stands for
  ScaleKind scale;
  CodeTable table = CodeTable::kNone;

  [[gnu::always_inline]] constexpr int subs() const { return kCellElements / sub_block; }
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
        return 32;
      case ScaleKind::kScaleMin:
      case ScaleKind::kNibbles:
        return 64;
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
        return 16;
      case ScaleKind::kSuper:
      case ScaleKind::kNone:
        return 0;
      case ScaleKind::kSigned:
      case ScaleKind::kNibbles:
        return 16 * subs();
      case ScaleKind::kScaleMin:
        return 32 * subs();
    }
    return 0;
  }
  [[gnu::always_inline]] constexpr int cell_bytes() const { return kUnitBytes * planes; }

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
    {DType::kTQ2_0, 2, 32, 1, ScaleKind::kSuper},
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
