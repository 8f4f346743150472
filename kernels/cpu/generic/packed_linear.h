// linear() over packed weights (kernels/cpu/packed/format.h) and 16-bit activations, for any
// instruction set. The order of sums is, for a column:
//   acc = 0; for each block of 256 in ascending K:
//     part = 0; for each sub-block of it in ascending K:
//       dot = sum of (code - offset) × a                    exact
//       part = fma(float(dot), weight scale, part)
//       part = fma(float(sum of a), min, part)              where the format has minima
//     acc = fma(part, activation scale, acc)
//   out[t][n] = acc (+ bias[n])
// Two loops follow it: few rows take a cell's codes straight from registers; many rows unpack a
// panel once and take a tile of rows × groups from it at a time.
//
// Isa supplies, for 16 columns at a time:
//   Floats, Ints    vectors: zero, load, store, splat, fma, *, to_float
//   Cell            the codes of a cell: unpack<F>(bytes, cell), store_panel<kType>(cell, bytes)
//   dots            the integers of one sub-block of a cell for some rows
//   tile_dots       of a panel's groups for some rows
//   kSignedCodes    whether codes of a format whose offset is 128 come as what they stand for
//   kFewRows, kManyRows (rows from which panels pay; 0: never), kTileRows, kTileGroups,
//   kPanelCellBytes
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// Rows that share a panel: as many as make unpacking it cheap, few enough that their sums stay in
// the first cache level beside it.
inline constexpr int kChunkRows = 96;

template <class Isa, DType kType>
struct PackedLinear {
  static constexpr PackedFormat F = kPackedFormatOf<kType>;
  using Floats = typename Isa::Floats;
  using Ints = typename Isa::Ints;
  using Cell = typename Isa::Cell;

  static constexpr int kSubs = F.subs();
  static constexpr int kSubUnits = kUnits / kSubs;
  static constexpr int kOffset = Isa::kSignedCodes && F.offset == 128 ? 0 : F.offset;
  // Super blocks of weights and blocks of activations are the same 256 elements.
  static_assert(kSuperCells == kBlockCells);

  // Scale and min of each sub-block of a cell.
  struct Scales {
    Floats scale[kSubs];
    Floats min[kSubs];
  };

  // What the cells of a super block share, widened once.
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

  // part after one sub-block: the sub-th of a block.
  static inline Floats step(Ints dot, const ActivationBlock& a, int sub, Floats scale, Floats min,
                            Floats part) {
    if constexpr (kOffset != 0) {
      dot = dot - Isa::template times<kOffset>(kSubs == 1 ? a.total + sub : a.sum + sub);
    }
    part = fma(to_float(dot), scale, part);
    if constexpr (F.has_min()) {
      part = fma(Floats::splat(kSubs == 1 ? a.float_total[sub] : a.float_sum[sub]), min, part);
    }
    return part;
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
    const ActivationBlock* a[R];
    Floats acc[R];
    for (int r = 0; r < R; ++r) {
      a[r] = args.x.row(row + r);
      acc[r] = Floats::zero();
    }
    for (int64_t left = args.k / kCellElements; left > 0; left -= kBlockCells) {
      const int cells = F.is_super() || left >= kBlockCells ? kBlockCells : static_cast<int>(left);
      const Super super = read_super(scale);
      scale += F.super_bytes();
      Floats part[R];
      for (int r = 0; r < R; ++r) part[r] = Floats::zero();
      for (int c = 0; c < cells; ++c) {
        Isa::prefetch(codes, F.cell_bytes());
        Cell cell;
        Isa::template unpack<kType>(codes, cell);
        const Scales s = read_scales(scale, super);
#pragma GCC unroll 2
        for (int sub = 0; sub < kSubs; ++sub) {
          Ints dot[R];
          Isa::template dots<kType, R, kSubUnits>(cell, sub * kSubUnits, a, c, dot);
          for (int r = 0; r < R; ++r) {
            part[r] = step(dot[r], *a[r], kSubs * c + sub, s.scale[sub], s.min[sub], part[r]);
          }
        }
        codes += F.cell_bytes();
        scale += F.scale_bytes();
      }
      for (int r = 0; r < R; ++r) {
        acc[r] = fma(part[r], Floats::splat(a[r]->scale), acc[r]);
        ++a[r];
      }
    }
    for (int r = 0; r < R; ++r) finish(args, row + r, group * kGroupColumns, acc[r]);
  }

  template <int R>
  static inline void exactly(const PackedLinearArgs& args, int64_t group, int64_t row,
                             int64_t rows) {
    if constexpr (R > 0) {
      if (rows == R) return few_rows<R>(args, group, row);
      exactly<R - 1>(args, group, row, rows);
    }
  }

  // In as many passes as it takes, of as equal a number of rows as can be.
  static void few(const PackedLinearArgs& args, int64_t begin, int64_t end) {
    const int64_t passes = (args.rows + Isa::kFewRows - 1) / Isa::kFewRows;
    for (int64_t group = begin; group < end; ++group) {
      for (int64_t pass = 0, row = 0; pass < passes; ++pass) {
        const int64_t next = args.rows * (pass + 1) / passes;
        exactly<Isa::kFewRows>(args, group, row, next - row);
        row = next;
      }
    }
  }

  // --- Many rows ---------------------------------------------------------------------------

  // One block of a group, unpacked.
  struct Panel {
    alignas(64) std::byte codes[kBlockCells * Isa::kPanelCellBytes];
    Scales scales[kBlockCells];
  };

  // What a thread works in: panels, and the sums so far of a chunk of rows. In the output itself,
  // whose rows are often a power of two apart, they would share a few cache sets.
  template <int C>
  struct Desk {
    Panel panel[C];
    float acc[kChunkRows][C * kGroupColumns];
  };

  static inline const std::byte* codes_of(const PackedLinearArgs& args, int64_t group,
                                          int64_t cell) {
    return args.weight + group * F.group_size(args.k) + F.scales_size(args.k) +
           cell * F.cell_bytes();
  }

  // Cells [first, first + cells) of a group: a block.
  static inline void unpack_panel(const PackedLinearArgs& args, int64_t group, int64_t first,
                                  int cells, Panel& panel) {
    const std::byte* scale = args.weight + group * F.group_size(args.k) +
                             first / kSuperCells * F.super_bytes() + first * F.scale_bytes();
    const std::byte* codes = codes_of(args, group, first);
    const Super super = read_super(scale);
    scale += F.super_bytes();
    for (int c = 0; c < cells; ++c) {
      Cell cell;
      Isa::template unpack<kType>(codes + c * F.cell_bytes(), cell);
      Isa::template store_panel<kType>(cell, panel.codes + c * Isa::kPanelCellBytes);
      panel.scales[c] = read_scales(scale + c * F.scale_bytes(), super);
    }
  }

  // One block of R rows × C groups.
  template <int R, int C>
  static inline void tile(const Panel* panels, int cells, const ActivationBlock* const (&a)[R],
                          float (*acc)[C * kGroupColumns]) {
    Floats part[R][C];
    for (int r = 0; r < R; ++r) {
      for (int g = 0; g < C; ++g) part[r][g] = Floats::zero();
    }
    for (int c = 0; c < cells; ++c) {
      const std::byte* codes = panels[0].codes + c * Isa::kPanelCellBytes;
#pragma GCC unroll 2
      for (int sub = 0; sub < kSubs; ++sub) {
        Ints dot[R][C];
        Isa::template tile_dots<R, C, kSubUnits>(codes, sizeof(Panel), sub * kSubUnits, a, c, dot);
        for (int r = 0; r < R; ++r) {
          for (int g = 0; g < C; ++g) {
            const Scales& s = panels[g].scales[c];
            part[r][g] =
                step(dot[r][g], *a[r], kSubs * c + sub, s.scale[sub], s.min[sub], part[r][g]);
          }
        }
      }
    }
    for (int r = 0; r < R; ++r) {
      for (int g = 0; g < C; ++g) {
        float* to = acc[r] + g * kGroupColumns;
        fma(part[r][g], Floats::splat(a[r]->scale), Floats::load(to)).store(to);
      }
    }
  }

  // The first R of `rows` rows, or as many as there are; their blocks begin at cell `first`.
  template <int R, int C>
  static inline void tile_of(const PackedLinearArgs& args, const Desk<C>& desk, int64_t row,
                             int64_t rows, int64_t first, int cells,
                             float (*acc)[C * kGroupColumns]) {
    if constexpr (R > 0) {
      if (rows < R) return tile_of<R - 1, C>(args, desk, row, rows, first, cells, acc);
      const ActivationBlock* a[R];
      for (int r = 0; r < R; ++r) a[r] = args.x.row(row + r) + first / kBlockCells;
      tile<R, C>(desk.panel, cells, a, acc);
    }
  }

  // C groups from `group` on, for rows [begin, end), at most kChunkRows.
  template <int C>
  static void many(const PackedLinearArgs& args, int64_t group, int64_t begin, int64_t end,
                   Desk<C>& desk) {
    const int64_t rows = end - begin;
    for (int64_t row = 0; row < rows; ++row) {
      for (int g = 0; g < C; ++g) Floats::zero().store(desk.acc[row] + g * kGroupColumns);
    }
    const int64_t k_cells = args.k / kCellElements;
    for (int64_t first = 0; first < k_cells; first += kBlockCells) {
      const int64_t left = k_cells - first;
      const int cells = left < kBlockCells ? static_cast<int>(left) : kBlockCells;
      for (int g = 0; g < C; ++g) unpack_panel(args, group + g, first, cells, desk.panel[g]);
      for (int64_t row = 0; row < rows; row += Isa::kTileRows) {
        // A part of what the next panels will be made of is asked for before each tile. (After the
        // last block of a group come the scales of the next.)
        for (int g = 0; g < C; ++g) {
          const int64_t size = kBlockCells * F.cell_bytes();
          const std::byte* const next = codes_of(args, group + g, first + cells);
          const int64_t to = size * (row + Isa::kTileRows) / rows;
          for (int64_t i = size * row / rows; i < to; i += 64) Isa::prefetch_line(next + i);
        }
        tile_of<Isa::kTileRows, C>(args, desk, begin + row, rows - row, first, cells,
                                   desk.acc + row);
      }
    }
    for (int64_t row = 0; row < rows; ++row) {
      for (int g = 0; g < C; ++g) {
        finish(args, begin + row, (group + g) * kGroupColumns,
               Floats::load(desk.acc[row] + g * kGroupColumns));
      }
    }
  }

  template <int C>
  static void many(const PackedLinearArgs& args, int64_t group, std::byte* scratch) {
    static_assert(sizeof(Desk<C>) <= kPackedScratch);
    auto& desk = *reinterpret_cast<Desk<C>*>(scratch);
    for (int64_t row = 0; row < args.rows; row += kChunkRows) {
      const int64_t end = args.rows - row < kChunkRows ? args.rows : row + kChunkRows;
      many<C>(args, group, row, end, desk);
    }
  }

  // Groups [begin, end) of all rows. scratch: kPackedScratch bytes, aligned to 64.
  static void run(const PackedLinearArgs& args, int64_t begin, int64_t end,
                  [[maybe_unused]] std::byte* scratch) {
    if constexpr (Isa::kManyRows != 0) {
      if (args.rows >= Isa::kManyRows) {
        for (; begin + Isa::kTileGroups <= end; begin += Isa::kTileGroups) {
          many<Isa::kTileGroups>(args, begin, scratch);
        }
        for (; begin < end; ++begin) many<1>(args, begin, scratch);
        return;
      }
    }
    few(args, begin, end);
  }
};

}  // namespace weft::cpu
