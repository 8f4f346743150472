// linear() over weights of floats packed as BF16 and activations rounded to BF16, by AMX tiles. For
// a column:
//   acc = 0; for each cell of 32 of K in ascending order:
//     even = odd = 0; for each pair of the cell in ascending order:
//       even = fma(a[2p], w[2p], even); odd = fma(a[2p + 1], w[2p + 1], odd)
//     acc = acc + (even + odd)
//   out[t][n] = acc (+ bias[n])
// rounded to nearest, ties to even, subnormal results being zero: what tdpbf16ps does (Intel SDM).
// Not the order of generic/bf16_linear.h, so here tiles compute one row as they do many, with fewer
// rows of their own. That takes as long as sixteen, which is still less than reading the weights.
//
// A cell of 16 columns is a B tile as it lies; 32 elements of 16 rows' activations are an A tile
// whose rows lie a row of activations apart.
#pragma once

#include <immintrin.h>
#include <type_traits>

#include "kernels/cpu/amx/tile_shape.h"
#include "kernels/cpu/generic/bf16_linear.h"

namespace weft::cpu::amx {
namespace {

template <class Tiles>
struct Bf16Linear {
  static constexpr int kCellBytes = 2 * kCellElements * kGroupColumns;  // of weights
  static constexpr int kInputBytes = 2 * kCellElements;                 // of a row, beside a cell

  // 2 × 2 sums: a tile that is loaded (8 cycles) serves two products (16 each), and four products
  // lie between two of a chain of sums, which takes 52 cycles a link.
  static constexpr int kTileRows = 16;
  static constexpr int kBlockRows = 2 * kTileRows;
  static constexpr int kInputs = 4, kWeights = 6;

  // Cells that all rows meet before the next ones: two groups' are 16 KiB, which stay in the first
  // cache level while as much of each block's activations passes by from the second.
  static constexpr int64_t kCells = 8;

  // Sums of kGroups × kChunkRows lie in the scratch, a tile's in one piece. More groups read the
  // activations less often, more rows the weights. Six are what linear() is shared out by.
  static constexpr int kSumsOfTile = kTileRows * kGroupColumns;
  static constexpr int kGroups = 6;
  static constexpr int64_t kChunkRows =
      kBf16Scratch / sizeof(float) / (kGroups * kSumsOfTile) / 2 * kBlockRows;

  struct Shapes {
    TileShape tile[kMostTiles];
  };
  // For blocks of so many rows, at most kBlockRows.
  static Shapes shapes(int64_t rows) {
    const int first = static_cast<int>(rows < kTileRows ? rows : kTileRows);
    const int second = static_cast<int>(rows) - first;
    const TileShape upper = {first, 64};
    const TileShape lower = {second, second == 0 ? 0 : 64};
    return {{upper, upper, lower, lower, upper, lower, {16, 64}, {16, 64}}};
  }

  template <int kNumber>
  using Tile = std::integral_constant<int, kNumber>;

  // fn(tile, its sums in memory) for R × C tiles of sums.
  template <int R, int C, class Fn>
  static inline void for_sums(float* sums, const Fn& fn) {
    constexpr int kNextRows = kGroups * kSumsOfTile;
    fn(Tile<0>{}, sums);
    if constexpr (C == 2) fn(Tile<1>{}, sums + kSumsOfTile);
    if constexpr (R == 2) fn(Tile<2>{}, sums + kNextRows);
    if constexpr (R == 2 && C == 2) fn(Tile<3>{}, sums + kNextRows + kSumsOfTile);
  }

  static inline const std::byte* cell_of(const PackedLinearArgs& args, int64_t group,
                                         int64_t cell) {
    return args.weight + (group * (args.k / kCellElements) + cell) * kCellBytes;
  }

  // Cells [first, first + cells) of R × 16 rows, or as many as the tiles are configured to, and C
  // groups; sums grow. streams: the weights come from memory, for these rows alone.
  template <int R, int C>
  static inline void block(const PackedLinearArgs& args, int64_t group, int64_t row, int64_t first,
                           int64_t cells, bool streams, float* sums) {
    for_sums<R, C>(sums, [first](auto tile, const float* from) {
      if (first == 0) {
        Tiles::template zero<decltype(tile)::value>();
      } else {
        Tiles::template load<decltype(tile)::value>(from, 4 * kGroupColumns);
      }
    });
    const int64_t stride = args.x.row_step;
    const std::byte* const inputs = args.x.block(row, 0) + first * kInputBytes;
    const std::byte* const weights[] = {cell_of(args, group, first),
                                        cell_of(args, group + C - 1, first)};
    for (int64_t c = 0; c < cells; ++c) {
      for (int g = 0; streams && g < C; ++g) prefetch(weights[g] + c * kCellBytes);
      Tiles::template load<kInputs>(inputs + c * kInputBytes, stride);
      Tiles::template load<kWeights>(weights[0] + c * kCellBytes, kUnitBytes);
      Tiles::template bf16_dot<0, kInputs, kWeights>();
      if constexpr (C == 2) {
        Tiles::template load<kWeights + 1>(weights[1] + c * kCellBytes, kUnitBytes);
        Tiles::template bf16_dot<1, kInputs, kWeights + 1>();
      }
      if constexpr (R == 2) {
        Tiles::template load<kInputs + 1>(inputs + kTileRows * stride + c * kInputBytes, stride);
        Tiles::template bf16_dot<2, kInputs + 1, kWeights>();
        if constexpr (C == 2) Tiles::template bf16_dot<3, kInputs + 1, kWeights + 1>();
      }
    }
    for_sums<R, C>(sums, [](auto tile, float* to) {
      Tiles::template store<decltype(tile)::value>(to, 4 * kGroupColumns);
    });
  }

  // A cell four cells on: groups lie powers of two apart, where the first cache level holds few
  // lines of each, so into the second.
  static inline void prefetch(const std::byte* cell) {
    for (int line = 0; line < kCellBytes; line += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(cell + 4 * kCellBytes + line), _MM_HINT_T1);
    }
  }

  // Rows [begin, begin + rows), in blocks of R × 16 or one of fewer, of at most kGroups groups.
  template <int R>
  static inline void chunk(const PackedLinearArgs& args, int64_t group, int64_t groups,
                           int64_t begin, int64_t rows, float* sums) {
    const int64_t all = args.k / kCellElements;
    // One block takes all of K at once: its sums stay in the tiles.
    const bool streams = rows <= kBlockRows;
    const int64_t step = streams ? all : kCells;
    for (int64_t cell = 0; cell < all; cell += step) {
      const int64_t cells = cell + step < all ? step : all - cell;
      for (int64_t g = 0; g < groups; g += 2) {
        for (int64_t row = 0; row < rows; row += kBlockRows) {
          float* const to = sums + (row / kTileRows * kGroups + g) * kSumsOfTile;
          if (g + 2 <= groups) {
            block<R, 2>(args, group + g, begin + row, cell, cells, streams, to);
          } else {
            block<R, 1>(args, group + g, begin + row, cell, cells, streams, to);
          }
        }
      }
    }
    write(args, group, groups, begin, rows, sums);
  }

  static inline void write(const PackedLinearArgs& args, int64_t group, int64_t groups,
                           int64_t begin, int64_t rows, const float* sums) {
    for (int64_t row = 0; row < rows; ++row) {
      float* const out = args.out + (begin + row) * args.out_stride;
      const float* from =
          sums + row / kTileRows * kGroups * kSumsOfTile + row % kTileRows * kGroupColumns;
      for (int64_t g = 0; g < groups; ++g, from += kSumsOfTile) {
        const int64_t column = (group + g) * kGroupColumns;
        const int64_t left = args.columns - column;
        const int64_t count = left < kGroupColumns ? left : kGroupColumns;
        for (int64_t j = 0; j < count; ++j) {
          out[column + j] = args.bias != nullptr ? from[j] + args.bias[column + j] : from[j];
        }
      }
    }
  }

  // PackedLinearRun.
  static void run(const PackedLinearArgs& args, int64_t begin, int64_t end, std::byte* scratch) {
    auto* const sums = reinterpret_cast<float*>(scratch);
    const int64_t rest = args.rows % kBlockRows;
    const int64_t whole = args.rows - rest;
    for (; begin < end; begin += kGroups) {
      const int64_t groups = end - begin < kGroups ? end - begin : kGroups;
      if (whole > 0) {
        const Tiles tiles(shapes(kBlockRows).tile);
        for (int64_t row = 0; row < whole; row += kChunkRows) {
          const int64_t rows = whole - row < kChunkRows ? whole - row : kChunkRows;
          chunk<2>(args, begin, groups, row, rows, sums);
        }
      }
      if (rest > 0) {
        const Tiles tiles(shapes(rest).tile);
        if (rest > kTileRows) {
          chunk<2>(args, begin, groups, whole, rest, sums);
        } else {
          chunk<1>(args, begin, groups, whole, rest, sums);
        }
      }
    }
  }
};

template <class Tiles>
static constexpr PackedKernels bf16_kernels() {
  return {.linear = [](DType type) -> PackedLinearRun {
            return find_float_format(type) != nullptr ? Bf16Linear<Tiles>::run : nullptr;
          },
          .quantize_row = round_row_to_bf16,
          .block_bytes = sizeof(Bf16Block),
          .whole_rows = true,
          .order = "tdpbf16ps"};
}

}  // namespace
}  // namespace weft::cpu::amx
