// Packed linear layers with AMX int8 tiles: many rows by tiles, few as with AVX-512 (one row would
// cost a tile what sixteen do). The dots are the same exact integers, so the bits are too.
//
// A unit of a panel, 16 columns × 4 of K, is a row of a B tile as it lies; the bytes of 16 rows'
// activations are an A tile whose rows lie a row of activations apart.
#pragma once

#include "kernels/cpu/amx/tile_shape.h"
#include "kernels/cpu/avx512/vbmi.h"

namespace weft::cpu::amx {
namespace {

using avx512::I32x16;

// Tiles of these numbers: sums of the high and the low bytes' products, then the factors.
inline constexpr int kHighSums = 0, kLowSums = 1, kHighBytes = 2, kLowBytes = 3, kCodes = 4;
inline constexpr int kTiles = 5;

// For sub-blocks of kUnitCount units.
template <int kUnitCount>
inline constexpr TileShape kTileShapes[kTiles] = {
    {16, 64}, {16, 64}, {16, 4 * kUnitCount}, {16, 4 * kUnitCount}, {kUnitCount, 64}};

template <class ActivationBlock, class Tiles>
struct Amx : avx512::Vbmi<ActivationBlock, false> {
  using Block = ActivationBlock;
  using Ints = I32x16;

  static constexpr bool serves(const PackedFormat&) { return true; }

  static constexpr int kManyRows = 16;
  static constexpr int kTileRows = 16;
  static constexpr int kLeastTileRows = 16;
  static constexpr int kTileGroups = 1;
  static constexpr int64_t panel_rows(const PackedFormat&) { return 0; }

  template <int kUnitCount>
  struct Setup {
    Tiles tiles{kTileShapes<kUnitCount>};
  };

  template <DType, int R, int C, int kUnitCount>
  static inline void tile_dots(const std::byte* codes, std::size_t /*group_distance*/, int first,
                               const Block* const (&a)[R], int at, Ints (&dot)[R][C]) {
    static_assert(R == 16 && C == 1);
    const std::byte* const bytes = a[0]->cells + Block::kCellBytes * at + 4 * first;
    const std::ptrdiff_t stride =
        reinterpret_cast<const std::byte*>(a[1]) - reinterpret_cast<const std::byte*>(a[0]);
    alignas(64) int32_t sums[Block::kHalves][R][kGroupColumns];
    Tiles::template load<kCodes>(codes + kUnitBytes * first, kUnitBytes);
    Tiles::template load<kHighBytes>(bytes, stride);
    Tiles::template zero<kHighSums>();
    Tiles::template dot<kHighSums, kHighBytes, kCodes>();
    if constexpr (Block::kHalves == 2) {
      Tiles::template load<kLowBytes>(bytes + 32, stride);
      Tiles::template zero<kLowSums>();
      Tiles::template dot<kLowSums, kLowBytes, kCodes>();
      Tiles::template store<kLowSums>(sums[1], sizeof(sums[1][0]));
    }
    Tiles::template store<kHighSums>(sums[0], sizeof(sums[0][0]));
    for (int r = 0; r < R; ++r) {
      __m512i sum = _mm512_load_si512(sums[0][r]);
      if constexpr (Block::kHalves == 2) {
        sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 8), _mm512_load_si512(sums[1][r]));
      }
      dot[r][0].v = _mm512_add_epi32(dot[r][0].v, sum);
    }
  }
};

}  // namespace
}  // namespace weft::cpu::amx
