// linear() over packed weights (kernels/cpu/packed/format.h) and 16-bit activations, for any
// instruction set. The order of sums is one chain a column:
//   acc = 0; for each sub-block in ascending K:
//     dot = sum of (code - offset) × a                          exact
//     acc = fma(float(dot) × activation scale, weight scale, acc)
//     acc = fma(activation scale × sum of a, min, acc)          where the format has minima
//   out[t][n] = acc (+ bias[n])
// Two loops follow it: few rows take a cell's codes straight from registers; many rows unpack a
// panel once and take a tile of rows × groups from it at a time.
//
// Isa supplies, for 16 columns at a time:
//   Floats, Ints    vectors: zero, load, store, splat, fma, *, to_float
//   Cell            the codes of a cell: unpack<F>(bytes, cell), store_panel<kType>(cell, bytes)
//   dots            the integers of one sub-block of a cell for some rows
//   tile_dots       of a panel's groups for some rows
//   kFewRows, kManyRows (rows from which panels pay; 0: never), kTileRows, kTileGroups,
//   kPanelCellBytes
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// Cells of a panel: codes and scales of a tile's groups stay in the first cache level.
inline constexpr int kPanelCells = 16;

template <class Isa, DType kType>
struct PackedLinear {
  static constexpr PackedFormat F = kPackedFormatOf<kType>;
  using Floats = typename Isa::Floats;
  using Ints = typename Isa::Ints;
  using Cell = typename Isa::Cell;

  static constexpr int kSubs = F.subs();
  static constexpr int kSubUnits = kUnits / kSubs;
  static constexpr int kSuper = F.is_super() ? kSuperCells : 1;

  // Scale and min of each sub-block of a cell.
  struct Scales {
    Floats scale[kSubs];
    Floats min[kSubs];
  };

  // What eight cells share, widened once.
  struct Super {
    Floats d;
    Floats m;
  };

  static inline Super read_super(const std::byte* p) {
    Super s = {Floats::zero(), Floats::zero()};
    if constexpr (F.is_super()) s.d = Floats::from_halves(p);
    if constexpr (F.is_super() && F.has_min()) s.m = Floats::zero() - Floats::from_halves(p + 32);
    return s;
  }

  static inline Scales read_scales(const std::byte* p, const Super& super) {
    Scales s;
    if constexpr (F.scale == ScaleKind::kHalf) {
      s.scale[0] = Floats::from_halves(p);
    } else if constexpr (F.scale == ScaleKind::kHalfMin) {
      s.scale[0] = Floats::from_halves(p);
      s.min[0] = Floats::from_halves(p + 32);
    } else if constexpr (F.scale == ScaleKind::kE8M0) {
      s.scale[0] = Floats::from_e8m0(p);
    } else if constexpr (F.scale == ScaleKind::kSuper) {
      s.scale[0] = super.d;
    } else if constexpr (F.scale == ScaleKind::kSigned) {
      for (int i = 0; i < kSubs; ++i) s.scale[i] = super.d * Floats::from_signed(p + 16 * i);
    } else if constexpr (F.scale == ScaleKind::kScaleMin) {
      for (int i = 0; i < kSubs; ++i) {
        s.scale[i] = super.d * Floats::from_bytes(p + 32 * i);
        s.min[i] = super.m * Floats::from_bytes(p + 32 * i + 16);
      }
    } else {
      for (int i = 0; i < kSubs; ++i) {
        s.scale[i] = super.d * Floats::from_low_nibbles(p + 16 * i);
        s.min[i] = super.m * Floats::from_high_nibbles(p + 16 * i);
      }
    }
    return s;
  }

  static inline float scaled_sum(const ActivationScale& a, int sub) {
    return kSubs == 1 ? a.scaled_total : a.scaled_sum[sub];
  }
  static inline int32_t sum(const ActivationScale& a, int sub) {
    return kSubs == 1 ? a.total : a.sum[sub];
  }

  // acc after one sub-block.
  static inline Floats step(Ints dot, const ActivationScale& a, int sub, Floats scale, Floats min,
                            Floats acc) {
    if constexpr (F.offset != 0) dot = dot - Ints::splat(F.offset * sum(a, sub));
    acc = fma(to_float(dot) * Floats::splat(a.scale), scale, acc);
    if constexpr (F.has_min()) acc = fma(Floats::splat(scaled_sum(a, sub)), min, acc);
    return acc;
  }

  static inline void finish(const PackedLinearArgs& args, int64_t row, int64_t column, Floats acc) {
    float* out = args.out + row * args.out_stride + column;
    if (column + kGroupColumns <= args.columns) {
      if (args.bias != nullptr) acc = acc + Floats::load(args.bias + column);
      acc.store(out);
      return;
    }
    float lanes[kGroupColumns];
    acc.store(lanes);
    for (int64_t j = 0; column + j < args.columns; ++j) {
      out[j] = args.bias != nullptr ? lanes[j] + args.bias[column + j] : lanes[j];
    }
  }

  // --- Few rows ----------------------------------------------------------------------------

  // Rows [row, row + R) of one group.
  template <int R>
  static inline void few_rows(const PackedLinearArgs& args, int64_t group, int64_t row) {
    const std::byte* scale = args.weight + group * F.group_size(args.k);
    const std::byte* codes = scale + F.scales_size(args.k);
    const std::byte* a[R];
    const ActivationScale* a_scale[R];
    Floats acc[R];
    for (int r = 0; r < R; ++r) {
      a[r] = args.x.row(row + r);
      a_scale[r] = args.x.row_scales(row + r);
      acc[r] = Floats::zero();
    }
    const int64_t cells = args.k / kCellElements;
    for (int64_t c = 0; c < cells; c += kSuper) {
      const Super super = read_super(scale);
      scale += F.super_bytes();
      for (int i = 0; i < kSuper; ++i) {
        Isa::prefetch(codes, F.cell_bytes());
        Cell cell;
        Isa::template unpack<kType>(codes, cell);
        const Scales s = read_scales(scale, super);
#pragma GCC unroll 2
        for (int sub = 0; sub < kSubs; ++sub) {
          Ints dot[R];
          Isa::template dots<kType, R, kSubUnits>(cell, sub * kSubUnits, a,
                                                  (c + i) * kActivationCellBytes, dot);
          for (int r = 0; r < R; ++r) {
            acc[r] = step(dot[r], a_scale[r][c + i], sub, s.scale[sub], s.min[sub], acc[r]);
          }
        }
        codes += F.cell_bytes();
        scale += F.scale_bytes();
      }
    }
    for (int r = 0; r < R; ++r) finish(args, row + r, group * kGroupColumns, acc[r]);
  }

  template <int R>
  static inline void rest_of_few(const PackedLinearArgs& args, int64_t group, int64_t row) {
    if constexpr (R > 0) {
      if (args.rows - row == R) return few_rows<R>(args, group, row);
      rest_of_few<R - 1>(args, group, row);
    }
  }

  static void few(const PackedLinearArgs& args, int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      int64_t row = 0;
      for (; row + Isa::kFewRows <= args.rows; row += Isa::kFewRows) {
        few_rows<Isa::kFewRows>(args, group, row);
      }
      rest_of_few<Isa::kFewRows - 1>(args, group, row);
    }
  }

  // --- Many rows ---------------------------------------------------------------------------

  // The unpacked codes and scales of one group's cells.
  struct Panel {
    alignas(64) std::byte codes[kPanelCells * Isa::kPanelCellBytes];
    Scales scales[kPanelCells];
  };

  static inline void unpack_panel(const PackedLinearArgs& args, int64_t group, int64_t first,
                                  int64_t count, Panel& panel) {
    const std::byte* base = args.weight + group * F.group_size(args.k);
    const std::byte* scale = base + first / kSuper * F.super_bytes() + first * F.scale_bytes();
    const std::byte* codes = base + F.scales_size(args.k) + first * F.cell_bytes();
    for (int64_t c = 0; c < count; c += kSuper) {
      const Super super = read_super(scale);
      scale += F.super_bytes();
      for (int i = 0; i < kSuper; ++i) {
        Cell cell;
        Isa::template unpack<kType>(codes, cell);
        Isa::template store_panel<kType>(cell, panel.codes + (c + i) * Isa::kPanelCellBytes);
        panel.scales[c + i] = read_scales(scale, super);
        codes += F.cell_bytes();
        scale += F.scale_bytes();
      }
    }
  }

  template <int R, int C>
  static inline void tile(const PackedLinearArgs& args, const Panel* panels, int64_t row,
                          int64_t column, int64_t first, int64_t count) {
    Floats acc[R][C];
    float* out = args.out + row * args.out_stride + column;
    const std::byte* a[R];
    const ActivationScale* a_scale[R];
    for (int r = 0; r < R; ++r) {
      a[r] = args.x.row(row + r) + first * kActivationCellBytes;
      a_scale[r] = args.x.row_scales(row + r) + first;
      for (int g = 0; g < C; ++g) {
        acc[r][g] = first == 0 ? Floats::zero()
                               : Floats::load(out + r * args.out_stride + g * kGroupColumns);
      }
    }
    for (int64_t c = 0; c < count; ++c) {
#pragma GCC unroll 2
      for (int sub = 0; sub < kSubs; ++sub) {
        Ints dot[R][C];
        Isa::template tile_dots<R, C, kSubUnits>(panels[0].codes + c * Isa::kPanelCellBytes,
                                                 sizeof(Panel), sub * kSubUnits, a,
                                                 c * kActivationCellBytes, dot);
        for (int r = 0; r < R; ++r) {
          for (int g = 0; g < C; ++g) {
            const Scales& s = panels[g].scales[c];
            acc[r][g] = step(dot[r][g], a_scale[r][c], sub, s.scale[sub], s.min[sub], acc[r][g]);
          }
        }
      }
    }
    const bool last = first + count == args.k / kCellElements;
    for (int r = 0; r < R; ++r) {
      for (int g = 0; g < C; ++g) {
        if (last && args.bias != nullptr) {
          acc[r][g] = acc[r][g] + Floats::load(args.bias + column + g * kGroupColumns);
        }
        acc[r][g].store(out + r * args.out_stride + g * kGroupColumns);
      }
    }
  }

  template <int R, int C>
  static inline void rest_of_tiles(const PackedLinearArgs& args, const Panel* panels, int64_t row,
                                   int64_t column, int64_t first, int64_t count) {
    if constexpr (R > 0) {
      if (args.rows - row == R) return tile<R, C>(args, panels, row, column, first, count);
      rest_of_tiles<R - 1, C>(args, panels, row, column, first, count);
    }
  }

  // C whole groups from `group` on.
  template <int C>
  static void many(const PackedLinearArgs& args, int64_t group, Panel* panels) {
    const int64_t cells = args.k / kCellElements;
    for (int64_t first = 0; first < cells; first += kPanelCells) {
      const int64_t count = cells - first < kPanelCells ? cells - first : kPanelCells;
      for (int g = 0; g < C; ++g) unpack_panel(args, group + g, first, count, panels[g]);
      const int64_t column = group * kGroupColumns;
      int64_t row = 0;
      for (; row + Isa::kTileRows <= args.rows; row += Isa::kTileRows) {
        tile<Isa::kTileRows, C>(args, panels, row, column, first, count);
      }
      rest_of_tiles<Isa::kTileRows - 1, C>(args, panels, row, column, first, count);
    }
  }

  // Groups [begin, end) of all rows. scratch: kPackedScratch bytes, aligned to 64.
  static void run(const PackedLinearArgs& args, int64_t begin, int64_t end,
                  [[maybe_unused]] std::byte* scratch) {
    if constexpr (Isa::kManyRows != 0) {
      static_assert(sizeof(Panel) * Isa::kTileGroups <= kPackedScratch);
      if (args.rows >= Isa::kManyRows) {
        auto* panels = reinterpret_cast<Panel*>(scratch);
        // A cut group has no place for whole vectors in the output.
        const int64_t uncut = args.columns / kGroupColumns;
        const int64_t whole = uncut < end ? uncut : end;
        for (; begin + Isa::kTileGroups <= whole; begin += Isa::kTileGroups) {
          many<Isa::kTileGroups>(args, begin, panels);
        }
        for (; begin < whole; ++begin) many<1>(args, begin, panels);
      }
    }
    few(args, begin, end);
  }
};

}  // namespace weft::cpu
