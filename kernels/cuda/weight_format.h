// How a weight lies in device memory: one description for each file type, which the packer
// (pack_weight.h) writes by and the kernels are compiled for.
//
// A weight is   base × sub × level  -  min,   level = code - zero  or  table[code]
// where `level` and `sub` are integers whose product a half float holds (exactly up to 2048, to 11
// bits beyond, which only Q6_K and IQ4_XS reach), so that tensor cores multiply what the file
// stores and not a rounded copy of it. `base`, a half in the file, multiplies their float32 sum
// over a *span* of K. Minima are a small matrix product of their own: min of each group × sum of x
// over the group.
//
// Sixteen rows (output features) are a tile, 64 of K a unit, 256 a block. A lane of a warp holds,
// with g = lane / 4 and t = lane % 4, four *octets* of a unit: rows g and g + 8 (r = 0, 1), columns
// 32c + 8t … + 7 (c = 0, 1). Its codes are in planes of 4, 2 and 1 bits, so that a warp reads a
// plane as 32 neighbouring words:
//   16 bits  Vec4 number 2c + r: the octet, a float a half word
//    8 bits  Vec4 number c: octet r in words 2r, 2r + 1, a code a byte
//    4 bits  one Vec4: octet (c, r) is word 2c + r
//    2 bits  one Vec2: word c, octet r from bit 8r of either half on
//    1 bit   one word: octet (c, r) from bit 4(2c + r) of either half on
// In the smaller planes an octet's pair i (columns 2i, 2i + 1) has its first code in the low and
// its second in the high half of a word, so that one mask leaves two codes where two halves are
// wanted. A code of 6 bits is 4 + 2, its low bits first; 5 is 4 + 1, 3 is 2 + 1.
//
// In memory a tile is its parts in this order, each padded to 16 bytes (row 8r + g of the tile):
//   codes  [unit][plane][lane]
//   subs   [unit][g][r][group of the unit]    byte sub + 128, or a half
//   bases  span 32: [unit][g][r][c]  span 256: [block][g][r]    half (or bfloat16)
//   mins   [block][g][r][group of the block]  byte, or a half
//   min_bases  [block][g][r]                  half
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace weft::cuda {

inline constexpr int kTileRows = 16;
inline constexpr int kUnitColumns = 64;
inline constexpr int kBlockColumns = 256;
inline constexpr int kBlockUnits = kBlockColumns / kUnitColumns;

enum class Levels : uint8_t {
  kLinear,
  kIq4,
  kFp4,
  kIq1,
  kIq2,
  kIq3Xxs,
  kIq3S,
  kSign,
  kHalf,
  kBfloat
};
enum class Sub : uint8_t { kNone, kByte, kHalf };
enum class Min : uint8_t { kNone, kByte, kHalf };

struct WeightFormat {
  int bits = 0;
  int zero = 0;  // of linear levels
  Levels levels = Levels::kLinear;
  int span = 32;  // of K that share a base: 32, 256; 0: no base at all
  Sub sub = Sub::kNone;
  int group = 32;  // of K that share a sub and a min: 16 or 32
  Min min = Min::kNone;
  bool bfloat_base = false;
  int base_divisor = 1;  // of the stored base: a power of two that a half has no room for

  bool operator==(const WeightFormat&) const = default;

  constexpr int unit_code_bytes() const { return kTileRows * kUnitColumns * bits / 8; }
  constexpr int unit_groups() const { return kUnitColumns / group; }
  constexpr int block_groups() const { return kBlockColumns / group; }
  constexpr int unit_sub_bytes() const {
    return sub == Sub::kNone ? 0 : kTileRows * unit_groups() * (sub == Sub::kHalf ? 2 : 1);
  }
  constexpr int unit_base_bytes() const { return span == 32 ? kTileRows * 2 * 2 : 0; }
  constexpr int block_base_bytes() const { return span == 256 ? kTileRows * 2 : 0; }
  constexpr int block_min_bytes() const {
    return min == Min::kNone ? 0 : kTileRows * block_groups() * (min == Min::kHalf ? 2 : 1);
  }
  constexpr int block_min_base_bytes() const { return min == Min::kByte ? kTileRows * 2 : 0; }
};

// Where the parts of a tile lie, in bytes from its start.
struct TileLayout {
  int64_t subs, bases, mins, min_bases, size_bytes;
};

constexpr TileLayout tile_layout(const WeightFormat& f, int64_t units) {
  const auto padded = [](int64_t bytes) { return (bytes + 15) / 16 * 16; };
  const int64_t blocks = (units + kBlockUnits - 1) / kBlockUnits;
  TileLayout layout{};
  layout.subs = padded(units * f.unit_code_bytes());
  layout.bases = layout.subs + padded(units * f.unit_sub_bytes());
  layout.mins = layout.bases + padded(units * f.unit_base_bytes() + blocks * f.block_base_bytes());
  layout.min_bases = layout.mins + padded(blocks * f.block_min_bytes());
  layout.size_bytes = layout.min_bases + padded(blocks * f.block_min_base_bytes());
  return layout;
}

// The levels of a table, each plus 128, by ascending code; unused codes are 128, that is zero. As
// the little-endian words that byte permutations take.
struct LevelTable {
  uint32_t words[4] = {0x80808080u, 0x80808080u, 0x80808080u, 0x80808080u};
};

constexpr LevelTable level_table(Levels levels) {
  constexpr int8_t kIq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                               1,    13,   25,  38,  53,  69,  89,  113};
  constexpr int8_t kFp4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  constexpr int8_t kIq1[8] = {-9, -7, -1, 1, 7, 9, 0, 0};  // eight times {-1, 0, 1} ± 1/8
  constexpr int8_t kIq2[8] = {-43, -25, -8, 8, 25, 43, 0, 0};
  constexpr int8_t kIq3Xxs[16] = {-62, -52, -44, -36, -28, -20, -12, -4,
                                  4,   12,  20,  28,  36,  44,  52,  62};
  constexpr int8_t kIq3S[16] = {-15, -13, -11, -9, -7, -5, -3, -1, 1, 3, 5, 7, 9, 11, 13, 15};
  constexpr int8_t kSign[8] = {-1, 1, 0, 0, 0, 0, 0, 0};
  const int8_t* values = nullptr;
  int count = 16;
  switch (levels) {
    case Levels::kIq4:
      values = kIq4;
      break;
    case Levels::kFp4:
      values = kFp4;
      break;
    case Levels::kIq3Xxs:
      values = kIq3Xxs;
      break;
    case Levels::kIq3S:
      values = kIq3S;
      break;
    case Levels::kIq1:
      values = kIq1;
      count = 8;
      break;
    case Levels::kIq2:
      values = kIq2;
      count = 8;
      break;
    case Levels::kSign:
      values = kSign;
      count = 8;
      break;
    default:
      return {};
  }
  LevelTable table;
  for (int i = 0; i < count; ++i) {
    const auto byte = static_cast<uint32_t>(values[i] + 128);
    table.words[i / 4] = (table.words[i / 4] & ~(0xffu << (8 * (i % 4)))) | byte << (8 * (i % 4));
  }
  return table;
}

// The format of a type; bits == 0 where it has none and is held as float32.
constexpr WeightFormat weight_format(DType type) {
  switch (type) {
    case DType::kF16:
      return {.bits = 16, .levels = Levels::kHalf, .span = 0};
    case DType::kBF16:
      return {.bits = 16, .levels = Levels::kBfloat, .span = 0};
    case DType::kQ4_0:
      return {.bits = 4, .zero = 8};
    case DType::kQ4_1:
      return {.bits = 4, .min = Min::kHalf};
    case DType::kQ5_0:
      return {.bits = 5, .zero = 16};
    case DType::kQ5_1:
      return {.bits = 5, .min = Min::kHalf};
    case DType::kQ8_0:
      return {.bits = 8, .zero = 128};
    case DType::kQ2_K:
      return {.bits = 2, .span = 256, .sub = Sub::kByte, .group = 16, .min = Min::kByte};
    case DType::kQ3_K:
      return {.bits = 3, .zero = 4, .span = 256, .sub = Sub::kByte, .group = 16};
    case DType::kQ4_K:
      return {.bits = 4, .span = 256, .sub = Sub::kByte, .min = Min::kByte};
    case DType::kQ5_K:
      return {.bits = 5, .span = 256, .sub = Sub::kByte, .min = Min::kByte};
    case DType::kQ6_K:
      return {.bits = 6, .zero = 32, .span = 256, .sub = Sub::kByte, .group = 16};
    case DType::kIQ4_NL:
      return {.bits = 4, .levels = Levels::kIq4};
    case DType::kIQ4_XS:
      return {.bits = 4, .levels = Levels::kIq4, .span = 256, .sub = Sub::kByte};
    case DType::kIQ1_S:
    case DType::kIQ1_M:
      return {.bits = 3,
              .levels = Levels::kIq1,
              .span = 256,
              .sub = Sub::kByte,
              .group = 16,
              .base_divisor = 8};
    case DType::kIQ2_XXS:
    case DType::kIQ2_XS:
    case DType::kIQ2_S:
      return {.bits = 3,
              .levels = Levels::kIq2,
              .span = 256,
              .sub = Sub::kByte,
              .group = 16,
              .base_divisor = 8};
    case DType::kIQ3_XXS:
      return {
          .bits = 4, .levels = Levels::kIq3Xxs, .span = 256, .sub = Sub::kByte, .base_divisor = 4};
    case DType::kIQ3_S:
      return {.bits = 4, .levels = Levels::kIq3S, .span = 256, .sub = Sub::kByte};
    case DType::kMXFP4:
      return {.bits = 4, .levels = Levels::kFp4, .bfloat_base = true};
    case DType::kNVFP4:
      return {.bits = 4, .levels = Levels::kFp4, .span = 0, .sub = Sub::kHalf, .group = 16};
    case DType::kTQ1_0:
    case DType::kTQ2_0:
      return {.bits = 2, .zero = 1, .span = 256};
    case DType::kQ1_0:
      return {.bits = 1, .levels = Levels::kSign};
    case DType::kQ2_0:
      return {.bits = 2, .zero = 1};
    default:
      return {};
  }
}

constexpr int blocks_of(int units) { return (units + kBlockUnits - 1) / kBlockUnits; }

// The one plan by which K is cut for a weight, whatever the number of rows of x: segments of whole
// blocks, each summed up from zero, then added in ascending order. Eight, so that a small matrix
// gives work to eight warps of each of its tiles; fewer where there are fewer blocks.
inline constexpr int kSegments = 8;
constexpr int segment_units(int units) {
  return (blocks_of(units) + kSegments - 1) / kSegments * kBlockUnits;
}

// A packed weight, or part of one, in device memory.
struct PackedWeight {
  const std::byte* tiles = nullptr;
  int rows = 0;
  int units = 0;
  int64_t tile_bytes = 0;
};

}  // namespace weft::cuda
