// linear() over weights of floats packed as BF16 and activations rounded to BF16, for any
// instruction set: half the multiply-adds' work where the processor has dots of BF16 pairs. For a
// column:
//   acc = 0; for each pair of K in ascending order:
//     acc = fma(w[2p + 1], a[2p + 1], acc); acc = fma(w[2p], a[2p], acc)
//   out[t][n] = acc (+ bias[n])
// which is what vdpbf16ps does (Intel SDM; AMD likewise, as tests see), but for subnormal sums,
// which it makes zero.
//
// Isa supplies, for 16 columns: Floats (zero, load, store, +), Pairs (load, splat(word)), and
// dot(acc, w, a).
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// PackedKernels::quantize_row.
static void round_row_to_bf16(const float* x, int64_t k, const Activations& to) {
  for (int64_t i = 0; i < k; ++i) {
    const uint16_t stored = round_to_bf16(x[i]);
    __builtin_memcpy(to.blocks + 2 * i, &stored, sizeof(stored));
  }
}

template <class Isa>
struct Bf16Linear {
  using Floats = typename Isa::Floats;
  using Pairs = typename Isa::Pairs;

  // Rows of a tile, and groups: enough chains of sums to hide the latency of a dot, few enough for
  // their registers. One row takes all groups of a slice.
  static constexpr int kRows = Isa::kTileRows;
  static constexpr int kGroups = Isa::kTileGroups;
  static constexpr int kGroupsOfOneRow = 6;
  // Pairs that all rows meet before the next ones: their weights stay in the first cache level.
  static constexpr int kPairs = 64;

  // Pairs [first, first + pairs) of R rows × C groups: acc, which lies apart by `stride`, grows.
  template <int R, int C>
  static inline void tile(const PackedLinearArgs& args, int64_t group, int64_t row, int64_t first,
                          int64_t pairs, float* acc, int64_t stride) {
    const std::byte* weight[C];
    const std::byte* a[R];
    Floats sum[R][C];
    for (int g = 0; g < C; ++g) weight[g] = group_of(args, group + g) + first * kUnitBytes;
    for (int r = 0; r < R; ++r) {
      a[r] = args.x.block(row + r, 0) + 4 * first;
      for (int g = 0; g < C; ++g) sum[r][g] = Floats::load(acc + r * stride + kGroupColumns * g);
    }
    for (int64_t p = 0; p < pairs; ++p) {
      Pairs w[C];
      for (int g = 0; g < C; ++g) {
        w[g] = Pairs::load(weight[g] + p * kUnitBytes);
        if constexpr (R <= 2) Isa::prefetch(weight[g] + p * kUnitBytes);
      }
      for (int r = 0; r < R; ++r) {
        const Pairs x = Pairs::splat(a[r] + 4 * p);
        for (int g = 0; g < C; ++g) sum[r][g] = Isa::dot(sum[r][g], w[g], x);
      }
    }
    for (int r = 0; r < R; ++r) {
      for (int g = 0; g < C; ++g) sum[r][g].store(acc + r * stride + kGroupColumns * g);
    }
  }

  static inline const std::byte* group_of(const PackedLinearArgs& args, int64_t group) {
    return args.weight + group * args.k * kGroupColumns * 2;
  }

  template <int R, int C>
  static inline void exactly(const PackedLinearArgs& args, int64_t group, int64_t row, int64_t rows,
                             int64_t first, int64_t pairs, float* acc, int64_t stride) {
    if constexpr (R > 0) {
      if (rows == R) return tile<R, C>(args, group, row, first, pairs, acc, stride);
      exactly<R - 1, C>(args, group, row, rows, first, pairs, acc, stride);
    }
  }

  // C groups from `group` on for rows [begin, end). Sums lie in the scratch until they are whole.
  template <int C>
  static void groups(const PackedLinearArgs& args, int64_t group, int64_t begin, int64_t end,
                     float* acc) {
    constexpr int64_t kStride = C * kGroupColumns;
    const int64_t rows = end - begin;
    for (int64_t i = 0; i < rows * kStride; ++i) acc[i] = 0.0f;
    const int64_t all = args.k / 2;
    // Few rows take all of K at once.
    const int64_t step = rows <= kRows ? all : kPairs;
    for (int64_t first = 0; first < all; first += step) {
      const int64_t pairs = first + step < all ? step : all - first;
      for (int64_t row = 0; row < rows; row += kRows) {
        exactly<kRows, C>(args, group, begin + row, rows - row < kRows ? rows - row : kRows, first,
                          pairs, acc + row * kStride, kStride);
      }
    }
    for (int64_t row = 0; row < rows; ++row) {
      float* out = args.out + (begin + row) * args.out_stride;
      const float* from = acc + row * kStride;
      for (int64_t j = 0, n = group * kGroupColumns; j < kStride && n < args.columns; ++j, ++n) {
        out[n] = args.bias != nullptr ? from[j] + args.bias[n] : from[j];
      }
    }
  }

  template <int C>
  static void chunks(const PackedLinearArgs& args, int64_t group, float* acc) {
    constexpr int64_t kChunk = kBf16Scratch / sizeof(float) / (kGroupsOfOneRow * kGroupColumns);
    constexpr int64_t kWhole = kChunk / kRows * kRows;
    for (int64_t row = 0; row < args.rows; row += kWhole) {
      groups<C>(args, group, row, args.rows - row < kWhole ? args.rows : row + kWhole, acc);
    }
  }

  // PackedLinearRun.
  static void run(const PackedLinearArgs& args, int64_t begin, int64_t end, std::byte* scratch) {
    auto* const acc = reinterpret_cast<float*>(scratch);
    if (args.rows == 1) {
      for (; begin + kGroupsOfOneRow <= end; begin += kGroupsOfOneRow) {
        groups<kGroupsOfOneRow>(args, begin, 0, 1, acc);
      }
    }
    for (; begin + kGroups <= end; begin += kGroups) chunks<kGroups>(args, begin, acc);
    for (; begin < end; ++begin) chunks<1>(args, begin, acc);
  }
};

template <class Isa>
static constexpr PackedKernels bf16_kernels() {
  return {.linear = [](DType type) -> PackedLinearRun {
            return find_float_format(type) != nullptr ? Bf16Linear<Isa>::run : nullptr;
          },
          .quantize_row = round_row_to_bf16,
          .block_bytes = sizeof(Bf16Block),
          .whole_rows = true};
}

}  // namespace weft::cpu
