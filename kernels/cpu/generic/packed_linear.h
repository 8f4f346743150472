// linear() over packed weights (kernels/cpu/packed/format.h) and activations in integers, for any
// instruction set. The order of sums is, for a column and 16-bit activations:
//   acc = 0; for each block of 256 in ascending K:
//     part = 0; for each sub-block of it in ascending K:
//       dot = sum of (code - offset) × a                    exact
//       part = fma(float(dot), weight scale, part)
//       part = fma(float(sum of a), min, part)              where the format has minima
//     acc = fma(part, activation scale, acc)
//   out[t][n] = acc (+ bias[n])
// With 8-bit ones, whose scales are a cell's, there is no part:
//       acc = fma(float(dot) × activation scale, weight scale, acc)
//       acc = fma(float(sum of a) × activation scale, min, acc)
// Two loops follow it: few rows take a cell's codes straight from registers; many rows unpack a
// panel once and take a tile of rows × groups from it at a time.
//
// Isa supplies, for 16 columns at a time:
//   Block           the activations it takes: Int16Block, Int8Block
//   Floats, Ints    vectors: zero, load, store, splat, fma, *, to_float
//   Cell            the codes of a cell: unpack<F>(bytes, cell), store_panel<kType>(cell, bytes)
//   dots            the integers of one sub-block of a cell for some rows
//   tile_dots       of a panel's groups for some rows
//   prefetch<n>     asks for codes or scales ahead of those that n rows meet; prefetch_line, a line
//   kSignedCodes    whether codes of a format whose offset is 128 come as what they stand for
//   Setup<n>        lives while tiles of sub-blocks of n units are computed
//   kFewRows, kManyRows (rows from which panels pay; 0: never), kTileRows, kTileGroups,
//   kPanelCellBytes
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// What works on vectors in registers is always inlined: GCC would take some of it out of line where
// it is the same for several types, and the vectors would go through memory.
template <class Isa, DType kType>
struct PackedLinear {
  static constexpr PackedFormat F = kPackedFormatOf<kType>;
  using Floats = typename Isa::Floats;
  using Ints = typename Isa::Ints;
  using Cell = typename Isa::Cell;
  using Block = typename Isa::Block;

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
    ScaleMins six_bits;
  };

  [[gnu::always_inline]] static inline Super read_super(const std::byte* p) {
    Super s;
    if constexpr (F.is_super()) s.d = Floats::from_halves(p);
    if constexpr (F.is_lattice()) s.d = s.d * Floats::splat(F.lattice.unit);
    if constexpr (F.is_super() && F.has_min()) s.m = Floats::zero() - Floats::from_halves(p + 32);
    if constexpr (F.scale == ScaleKind::kScaleMin) s.six_bits.unpack(p + 64);
    return s;
  }

  [[gnu::always_inline]] static inline Scales read_scales(const std::byte* p, const Super& super,
                                                          [[maybe_unused]] int cell) {
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
    } else if constexpr (F.scale == ScaleKind::kUE4M3) {
      for (int i = 0; i < kSubs; ++i) s.scale[i] = Floats::from_ue4m3(p + 16 * i);
    } else if constexpr (F.scale == ScaleKind::kOdd) {
      const Floats one = Floats::splat(1.0f);
      const Floats two = Floats::splat(2.0f);
      s.scale[0] = super.d * fma(Floats::from_low_nibbles(p), two, one);
      if constexpr (kSubs == 2) s.scale[1] = super.d * fma(Floats::from_high_nibbles(p), two, one);
    } else if constexpr (F.scale == ScaleKind::kSigned) {
      for (int i = 0; i < kSubs; ++i) s.scale[i] = super.d * Floats::from_signed(p + 16 * i);
    } else if constexpr (F.scale == ScaleKind::kScaleMin) {
      s.scale[0] = super.d * Floats::from_bytes(super.six_bits.scale + kGroupColumns * cell);
      s.min[0] = super.m * Floats::from_bytes(super.six_bits.min + kGroupColumns * cell);
    } else {
      for (int i = 0; i < kSubs; ++i) {
        s.scale[i] = super.d * Floats::from_low_nibbles(p + 16 * i);
        s.min[i] = super.m * Floats::from_high_nibbles(p + 16 * i);
      }
    }
    return s;
  }

  static inline const Block* block_of(const PackedLinearArgs& args, int64_t row, int64_t i) {
    return reinterpret_cast<const Block*>(args.x.block(row, i));
  }

  // The sum that a block's sub-blocks are added to, and what it is afterwards.
  [[gnu::always_inline]] static inline Floats begin_block(Floats acc) {
    return Block::kScales == 1 ? Floats::zero() : acc;
  }
  [[gnu::always_inline]] static inline Floats end_block(Floats part, const Block& a, Floats acc) {
    return Block::kScales == 1 ? fma(part, Floats::splat(a.scale[0]), acc) : part;
  }

  // part after one sub-block: the sub-th of a block.
  [[gnu::always_inline]] static inline Floats step(Ints dot, const Block& a, int sub, Floats scale,
                                                   Floats min, Floats part) {
    if constexpr (kOffset != 0) {
      dot = dot - Isa::template times<kOffset>(kSubs == 1 ? a.total + sub : a.sum + sub);
    }
    Floats product = to_float(dot);
    if constexpr (Block::kScales != 1) product = product * Floats::splat(a.scale[sub / kSubs]);
    part = fma(product, scale, part);
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
    const Block* a[R];
    Floats acc[R];
    for (int r = 0; r < R; ++r) {
      a[r] = block_of(args, row + r, 0);
      acc[r] = Floats::zero();
    }
    for (int64_t left = args.k / kCellElements; left > 0; left -= kBlockCells) {
      const int cells = F.is_super() || left >= kBlockCells ? kBlockCells : static_cast<int>(left);
      Isa::template prefetch<R>(scale, F.super_bytes() + cells * F.scale_bytes());
      const Super super = read_super(scale);
      scale += F.super_bytes();
      Floats part[R];
      for (int r = 0; r < R; ++r) part[r] = begin_block(acc[r]);
      for (int c = 0; c < cells; ++c) {
        Isa::template prefetch<R>(codes, F.cell_bytes());
        Cell cell;
        Isa::template unpack<kType>(codes, cell);
        const Scales s = read_scales(scale, super, c);
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
        acc[r] = end_block(part[r], *a[r], acc[r]);
        a[r] = reinterpret_cast<const Block*>(reinterpret_cast<const std::byte*>(a[r]) +
                                              args.x.block_step);
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

  // Groups [begin, end) of the rows from `first` on, in as many passes as it takes, of as equal a
  // number of rows as can be.
  static void few(const PackedLinearArgs& args, int64_t begin, int64_t end, int64_t first) {
    const int64_t rows = args.rows - first;
    const int64_t passes = (rows + Isa::kFewRows - 1) / Isa::kFewRows;
    for (int64_t group = begin; group < end; ++group) {
      for (int64_t pass = 0; pass < passes; ++pass) {
        const int64_t row = rows * pass / passes;
        exactly<Isa::kFewRows>(args, group, first + row, rows * (pass + 1) / passes - row);
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
    float acc[kBatchGroups / C][kBatchRows][C * kGroupColumns];
  };

  static inline const std::byte* codes_of(const PackedLinearArgs& args, int64_t group,
                                          int64_t cell) {
    return args.weight + group * F.group_size(args.k) + F.scales_size(args.k) +
           cell * F.cell_bytes();
  }

  static inline const std::byte* scales_of(const PackedLinearArgs& args, int64_t group,
                                           int64_t cell) {
    return args.weight + group * F.group_size(args.k) + cell / kSuperCells * F.super_bytes() +
           cell * F.scale_bytes();
  }

  // Cells [first, first + cells) of a group: a block.
  static inline void unpack_panel(const PackedLinearArgs& args, int64_t group, int64_t first,
                                  int cells, Panel& panel) {
    const std::byte* scale = scales_of(args, group, first);
    const std::byte* codes = codes_of(args, group, first);
    const Super super = read_super(scale);
    scale += F.super_bytes();
    for (int c = 0; c < cells; ++c) {
      Cell cell;
      Isa::template unpack<kType>(codes + c * F.cell_bytes(), cell);
      Isa::template store_panel<kType>(cell, panel.codes + c * Isa::kPanelCellBytes);
      panel.scales[c] = read_scales(scale + c * F.scale_bytes(), super, c);
    }
  }

  // Asks for a stretch of memory that is needed soon, little by little.
  struct Ahead {
    const std::byte* at = nullptr;
    const std::byte* end = nullptr;
    int64_t step = 0;

    Ahead() = default;
    // In `steps` steps.
    Ahead(const std::byte* from, int64_t bytes, int64_t steps)
        : at(from), end(from + bytes), step((bytes / steps + 64) / 64 * 64) {}
    void advance() {
      for (int64_t i = 0; i < step && at < end; i += 64, at += 64) Isa::prefetch_line(at);
    }
  };

  static inline void ask_for_scales(const PackedLinearArgs& args, int64_t group, int64_t cell) {
    Ahead(scales_of(args, group, cell), F.super_bytes() + kBlockCells * F.scale_bytes(), 1)
        .advance();
  }

  // One block of R rows × C groups.
  template <int R, int C>
  static inline void tile(const Panel* panels, int cells, const Block* const (&a)[R],
                          float (*acc)[C * kGroupColumns]) {
    Floats part[R][C];
    for (int r = 0; r < R; ++r) {
      for (int g = 0; g < C; ++g) {
        part[r][g] = begin_block(Floats::load(acc[r] + g * kGroupColumns));
      }
    }
    for (int c = 0; c < cells; ++c) {
      const std::byte* codes = panels[0].codes + c * Isa::kPanelCellBytes;
#pragma GCC unroll 2
      for (int sub = 0; sub < kSubs; ++sub) {
        Ints dot[R][C];
        Isa::template tile_dots<kType, R, C, kSubUnits>(codes, sizeof(Panel), sub * kSubUnits, a, c,
                                                        dot);
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
        end_block(part[r][g], *a[r], Floats::load(to)).store(to);
      }
    }
  }

  // Groups [group, group + groups), whole panels of C, for rows [begin, end): whole tiles, at most
  // kBatchRows. next: the first row that comes after these.
  template <int C>
  static void many(const PackedLinearArgs& args, int64_t group, int64_t groups, int64_t begin,
                   int64_t end, int64_t next, Desk<C>& desk) {
    constexpr int R = Isa::kTileRows;
    static_assert(kBatchRows % R == 0 && kBatchGroups % C == 0);
    const int64_t rows = end - begin;
    const int64_t panels = groups / C;
    for (int64_t p = 0; p < panels; ++p) {
      for (int64_t row = 0; row < rows; ++row) {
        for (int g = 0; g < C; ++g) Floats::zero().store(desk.acc[p][row] + g * kGroupColumns);
      }
    }
    const int64_t k_cells = args.k / kCellElements;
    for (int64_t first = 0; first < k_cells; first += kBlockCells) {
      const int64_t left = k_cells - first;
      const int cells = left < kBlockCells ? static_cast<int>(left) : kBlockCells;
      const bool last = left <= kBlockCells;
      const Block* const next_block =
          last ? block_of(args, next, 0) : block_of(args, begin, first / kBlockCells + 1);
      Ahead activations(reinterpret_cast<const std::byte*>(next_block),
                        rows * static_cast<int64_t>(sizeof(Block)), panels * (rows / R));
      for (int64_t p = 0; p < panels; ++p) {
        for (int g = 0; g < C; ++g) {
          unpack_panel(args, group + p * C + g, first, cells, desk.panel[g]);
        }
        // Then come other groups, another block of K, or what lies behind this batch.
        const bool same = p + 1 < panels;
        const int64_t then = group + (same ? (p + 1) * C : last ? groups : 0);
        const int64_t then_cell = same ? first : last ? 0 : first + cells;
        for (int g = 0; g < C; ++g) ask_for_scales(args, then + g, then_cell);
        Ahead codes[C];
        for (int g = 0; g < C; ++g) {
          codes[g] = {codes_of(args, then + g, then_cell), kBlockCells * F.cell_bytes(), rows / R};
        }
        for (int64_t row = 0; row < rows; row += R) {
          for (int g = 0; g < C; ++g) codes[g].advance();
          activations.advance();
          const Block* a[R];
          for (int r = 0; r < R; ++r) a[r] = block_of(args, begin + row + r, first / kBlockCells);
          tile<R, C>(desk.panel, cells, a, desk.acc[p] + row);
        }
      }
    }
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t p = 0; p < panels; ++p) {
        for (int g = 0; g < C; ++g) {
          finish(args, begin + row, (group + p * C + g) * kGroupColumns,
                 Floats::load(desk.acc[p][row] + g * kGroupColumns));
        }
      }
    }
  }

  // Groups [begin, end) of all rows. scratch: kPackedScratch bytes, aligned to 64.
  static void run(const PackedLinearArgs& args, int64_t begin, int64_t end,
                  [[maybe_unused]] std::byte* scratch) {
    if constexpr (Isa::kManyRows != 0) {
      constexpr int C = Isa::kTileGroups;
      static_assert(sizeof(Desk<C>) <= kPackedScratch);
      if (args.rows >= Isa::kManyRows) {
        [[maybe_unused]] const typename Isa::template Setup<kSubUnits> setup;
        const int64_t whole = args.rows / Isa::kTileRows * Isa::kTileRows;
        auto& desk = *reinterpret_cast<Desk<C>*>(scratch);
        while (begin + C <= end) {
          const int64_t left = (end - begin) / C * C;
          const int64_t groups = left < kBatchGroups ? left : kBatchGroups;
          const int64_t chunks = (whole + kBatchRows - 1) / kBatchRows;
          const int64_t tiles = whole / Isa::kTileRows;
          for (int64_t i = 0; i < chunks; ++i) {
            const int64_t until = tiles * (i + 1) / chunks * Isa::kTileRows;
            many(args, begin, groups, tiles * i / chunks * Isa::kTileRows, until,
                 i + 1 < chunks ? until : 0, desk);
          }
          // The rows that are left meet weights that are in the second cache level.
          few(args, begin, begin + groups, whole);
          begin += groups;
        }
      }
    }
    few(args, begin, end, 0);
  }
};

}  // namespace weft::cpu
