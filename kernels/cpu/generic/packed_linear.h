// linear() over packed weights (kernels/cpu/packed/format.h) and activations in integers, for any
// instruction set. The order of sums is, for a column and 16-bit activations:
//   acc = 0; for each block of 256 in ascending K:
//     part = 0; for each sub-block of it in ascending K:
//       dot = sum of (code - offset) × a                    exact
//       part = fma(float(dot), weight scale, part)
//       part = fma(float(sum of a), min, part)              where the format has minima
//     acc = fma(part, activation scale, acc)
//   out[t][n] = acc (+ bias[n])
// Q4_K's codes times their six-bit scales times activations fit 256 times into 32 bits
// (kWholeBlocks), so those products can be the weights of a panel:
//     part = 0; for each sub-block in ascending K: part = fma(float(sum of a), min, part)
//     part = fma(float(sum of dot × integer scale), d, part)
// With 8-bit activations, whose scales are a cell's, there is no part:
//       acc = fma(float(dot) × activation scale, weight scale, acc)
//       acc = fma(float(sum of a) × activation scale, min, acc)
// Two loops follow it: few rows meet a group at a time, whose codes are unpacked once for all of
// them; many rows are cut into tiles of rows × groups, which unpack codes as they use them or find
// them in a panel that was unpacked for all tiles.
//
// Isa supplies, for 16 columns at a time:
//   Block           the activations it takes: Int16Block, Int8Block
//   Floats, Ints    vectors: zero, load, store, splat, fma, +, *, to_float
//   Cell            the codes of a cell: unpack<F>(bytes, cell), store_panel<kType>(cell, bytes)
//   kFolds          whether panels may hold codes times integer scales: fold_panel<kType>(cell,
//                   scales, bytes)
//   dots            adds the integers of one sub-block of a cell for some rows
//   tile_dots       of some groups for some rows, from a panel
//   straight_dots   the same from packed codes, where panel_rows() is not 0
//   panel_rows      of a format: rows from which a panel pays; 0: from the first
//   prefetch        asks for codes or scales ahead of those that few rows are about to meet
//   prefetch_far    for those that tiles meet much later, into the second cache level;
//   prefetch_near   for those that they meet next; prefetch_both, for some of each by turns;
//                   prefetch_line, for one line; prefetch_for_write, for one of the output
//   kSignedCodes    whether codes of a format whose offset is 128 come as what they stand for
//   kFillsInTile    whether the first tile may unpack its panel (kFillsInTile below)
//   kSignedPanels   whether panels hold what codes stand for, whatever the offset
//   Setup<n>        lives while tiles of sub-blocks of n units are computed
//   kTileOrder      whether integers that tiles meet have an order of their own (Activations)
//   kFewRows        at most, of one pass over a group
//   kManyRows       from which tiles pay; 0: never
//   kTileRows, kLeastTileRows, kTileGroups: of a tile, at most and at least
//   kPanelCellBytes
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// Isa::panel_rows() of a format that tiles always take straight.
inline constexpr int64_t kNoPanels = INT64_MAX;

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

  // Whether a block's dots, times integer scales, are added as integers.
  static constexpr bool kWholeBlocks = Block::kScales == 1 && F.scale == ScaleKind::kScaleMin &&
                                       ((1 << F.planes) - 1) * 63 * kActivationSum <= INT32_MAX;
  static constexpr bool kFolds = kWholeBlocks && Isa::kFolds;
  // Whether the first tile unpacks a panel's codes beside its dots: that hides it where there are
  // registers for both, and other formats gain as little as it costs them.
  static constexpr bool kFillsInTile = Isa::kFillsInTile && (kFolds || F.is_lattice());

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

  // Of six bits, of a cell: the scale without d, and the minimum.
  [[gnu::always_inline]] static inline Ints integer_scale(const Super& super, int cell) {
    return Ints::from_bytes(super.six_bits.scale + kGroupColumns * cell);
  }
  [[gnu::always_inline]] static inline Floats six_bit_min(const Super& super, int cell) {
    return super.m * to_float(Ints::from_bytes(super.six_bits.min + kGroupColumns * cell));
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
      s.scale[0] = super.d * fma(to_float(Ints::from_low_nibbles(p)), two, one);
      if constexpr (kSubs == 2) {
        s.scale[1] = super.d * fma(to_float(Ints::from_high_nibbles(p)), two, one);
      }
    } else if constexpr (F.scale == ScaleKind::kSigned) {
      for (int i = 0; i < kSubs; ++i) {
        s.scale[i] = super.d * to_float(Ints::from_signed(p + 16 * i));
      }
    } else if constexpr (F.scale == ScaleKind::kScaleMin) {
      s.scale[0] = super.d * to_float(integer_scale(super, cell));
      s.min[0] = six_bit_min(super, cell);
    } else {
      for (int i = 0; i < kSubs; ++i) {
        s.scale[i] = super.d * to_float(Ints::from_low_nibbles(p + 16 * i));
        s.min[i] = super.m * to_float(Ints::from_high_nibbles(p + 16 * i));
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

  // What the dots of the sub-th sub-block of a block begin with.
  [[gnu::always_inline]] static inline Ints start(const Block& a, int sub) {
    if constexpr (kOffset == 0) {
      return Ints::splat(0);
    } else {
      return Isa::template times<kOffset>(kSubs == 1 ? a.minus_total + sub : a.minus_sum + sub);
    }
  }

  // part with the minimum of the i-th sub-block of a block.
  [[gnu::always_inline]] static inline Floats add_min(const Block& a, int i, Floats min,
                                                      Floats part) {
    return fma(Floats::splat(kSubs == 1 ? a.float_total[i] : a.float_sum[i]), min, part);
  }

  // part after the i-th sub-block of a block.
  [[gnu::always_inline]] static inline Floats step(Ints dot, const Block& a, int i, Floats scale,
                                                   Floats min, Floats part) {
    Floats product = to_float(dot);
    if constexpr (Block::kScales != 1) product = product * Floats::splat(a.scale[i / kSubs]);
    part = fma(product, scale, part);
    if constexpr (F.has_min()) part = add_min(a, i, min, part);
    return part;
  }

  static inline float* output_of(const PackedLinearArgs& args, int64_t row, int64_t group) {
    return args.out + row * args.out_stride + group * kGroupColumns;
  }

  static inline void finish(const PackedLinearArgs& args, int64_t row, int64_t group, Floats acc) {
    float* out = output_of(args, row, group);
    const int64_t column = group * kGroupColumns;
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
      Isa::prefetch(scale, F.super_bytes() + cells * F.scale_bytes());
      const Super super = read_super(scale);
      scale += F.super_bytes();
      Floats part[R];
      [[maybe_unused]] Ints total[R];
      for (int r = 0; r < R; ++r) {
        part[r] = begin_block(acc[r]);
        total[r] = Ints::splat(0);
      }
      for (int c = 0; c < cells; ++c) {
        Isa::prefetch(codes, F.cell_bytes());
        Cell cell;
        Isa::template unpack<kType>(codes, cell);
        [[maybe_unused]] Scales s;
        if constexpr (!kWholeBlocks) s = read_scales(scale, super, c);
#pragma GCC unroll 2
        for (int sub = 0; sub < kSubs; ++sub) {
          const int i = kSubs * c + sub;
          Ints dot[R];
          for (int r = 0; r < R; ++r) dot[r] = start(*a[r], i);
          Isa::template dots<kType, R, kSubUnits>(cell, sub * kSubUnits, a, c, dot);
          if constexpr (kWholeBlocks) {
            const Ints by = integer_scale(super, c);
            const Floats min = six_bit_min(super, c);
            for (int r = 0; r < R; ++r) {
              total[r] = total[r] + dot[r] * by;
              part[r] = add_min(*a[r], i, min, part[r]);
            }
          } else {
            for (int r = 0; r < R; ++r) {
              part[r] = step(dot[r], *a[r], i, s.scale[sub], s.min[sub], part[r]);
            }
          }
        }
        codes += F.cell_bytes();
        scale += F.scale_bytes();
      }
      for (int r = 0; r < R; ++r) {
        if constexpr (kWholeBlocks) part[r] = fma(to_float(total[r]), super.d, part[r]);
        acc[r] = end_block(part[r], *a[r], acc[r]);
        a[r] = reinterpret_cast<const Block*>(reinterpret_cast<const std::byte*>(a[r]) +
                                              args.x.block_step);
      }
    }
    for (int r = 0; r < R; ++r) finish(args, row + r, group, acc[r]);
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

  // One block of a group: its scales, and its codes where they are unpacked for all tiles, times
  // their integer scales if Isa folds those.
  struct Panel {
    alignas(64) std::byte codes[kBlockCells * Isa::kPanelCellBytes];
    Scales scales[kBlockCells];
    Super super;
  };

  // What a thread works in: panels, and the sums so far. In the output itself, whose rows are often
  // a power of two apart, they would share a few cache sets.
  template <int C>
  struct Desk {
    Panel panel[C];
    float acc[kBatchGroups / C][kBatchRows][C * kGroupColumns];
  };

  // Asks for a stretch of memory that is needed soon, in some steps.
  struct Stretch {
    const std::byte* at;
    const std::byte* end;
    int64_t step;

    Stretch(const void* from, int64_t bytes, int64_t steps)
        : at(static_cast<const std::byte*>(from)),
          end(at + bytes),
          step((bytes / steps + 64) / 64 * 64) {}
    [[gnu::always_inline]] void advance() {
      for (int64_t i = 0; i < step && at < end; i += 64, at += 64) Isa::prefetch_line(at);
    }
  };

  // Where a tile has codes from.
  enum class Codes {
    kPacked,  // unpacked as they are used
    kPanel,
    kFill,  // a panel that this tile fills
  };

  // The groups of a panel that a tile asks for.
  struct Asked {
    int begin;
    int end;
  };

  // The i-th of some tiles asks for one group, or for all that are left.
  template <int C>
  static inline Asked asked(int64_t i, int64_t tiles) {
    const int begin = static_cast<int>(i < C ? i : C);
    return {begin, i + 1 < tiles && i < C ? begin + 1 : C};
  }

  // One block of C groups, for some rows.
  struct Place {
    const std::byte* codes;
    const std::byte* far;   // codes that are to be asked for early, and
    const std::byte* near;  // just before they are met
    int64_t group_step;
    int64_t block;
    int cells;
    bool turns;      // whether panels take turns, so that their codes are no stream
    bool ask_rows;   // whether a tile asks for the activations of the next one
    Asked ask_far;   // of a stream for near ones, too
    Asked ask_near;  // where panels take turns
  };

  static constexpr int kBlockScaleBytes = F.super_bytes() + kBlockCells * F.scale_bytes();
  static constexpr int kBlockCodeBytes = kBlockCells * F.cell_bytes();

  [[gnu::always_inline]] static inline void fill(const std::byte* codes, int c, Panel& panel) {
    Cell cell;
    Isa::template unpack<kType>(codes + c * F.cell_bytes(), cell);
    std::byte* const to = panel.codes + c * Isa::kPanelCellBytes;
    if constexpr (kFolds) {
      Isa::template fold_panel<kType>(cell, integer_scale(panel.super, c), to);
    } else {
      Isa::template store_panel<kType>(cell, to);
    }
  }

  template <int C, bool kPanels>
  static inline void open_panels(const std::byte* scales, const Place& at, Desk<C>& desk) {
    for (int g = 0; g < C; ++g) {
      const std::byte* scale = scales + g * at.group_step;
      const int bytes = F.super_bytes() + at.cells * F.scale_bytes();
      if (at.turns) {
        Isa::prefetch_far(scale + kTileAhead, bytes);
      } else {
        Isa::prefetch_both(scale + kTileAhead, scale + kTileSoon, bytes);
      }
      const Super super = read_super(scale);
      scale += F.super_bytes();
      Panel& panel = desk.panel[g];
      if constexpr (kWholeBlocks) panel.super = super;
      for (int c = 0; c < at.cells; ++c) {
        if constexpr (kWholeBlocks) {
          panel.scales[c].min[0] = six_bit_min(super, c);
        } else {
          panel.scales[c] = read_scales(scale + c * F.scale_bytes(), super, c);
        }
        if constexpr (kPanels && !kFillsInTile) fill(at.codes + g * at.group_step, c, panel);
      }
    }
  }

  // Adds the dots of the sub-th sub-block of the c-th cell.
  template <int R, int C, Codes kCodes>
  [[gnu::always_inline]] static inline void add_dots(const Place& at, const Panel* panels,
                                                     const Block* const (&a)[R], int c, int sub,
                                                     Ints (&dot)[R][C]) {
    if constexpr (kCodes == Codes::kPacked) {
      Isa::template straight_dots<kType, R, C, kSubUnits>(
          at.codes + c * F.cell_bytes(), at.group_step, sub * kSubUnits, a, c, dot);
    } else {
      Isa::template tile_dots<kType, R, C, kSubUnits>(panels[0].codes + c * Isa::kPanelCellBytes,
                                                      sizeof(Panel), sub * kSubUnits, a, c, dot);
    }
  }

  // A line of each of the rows that come after these: cells, and what lies behind the last one.
  template <int R>
  [[gnu::always_inline]] static inline void ask_rows(const Block* const (&a)[R], int c) {
    for (int r = 0; r < R; ++r) {
      const std::byte* const cell = a[r]->cells + R * sizeof(Block) + c * Block::kCellBytes;
      Isa::prefetch_near(cell);
      if (c + 1 == kBlockCells) Isa::prefetch_near(cell + Block::kCellBytes);
    }
  }

  // R rows × C groups.
  template <int R, int C, Codes kCodes>
  [[gnu::always_inline]] static inline void tile(const Place& at, Panel* panels,
                                                 const Block* const (&a)[R],
                                                 float (*acc)[C * kGroupColumns]) {
    Floats part[R][C];
    [[maybe_unused]] Ints total[R][C];
    for (int r = 0; r < R; ++r) {
      for (int g = 0; g < C; ++g) {
        if constexpr (kWholeBlocks) {
          total[r][g] = Ints::splat(0);
        } else {
          part[r][g] = begin_block(Floats::load(acc[r] + g * kGroupColumns));
        }
      }
    }
    for (int c = 0; c < at.cells; ++c) {
      for (int g = at.ask_far.begin; g < at.ask_far.end; ++g) {
        const int64_t offset = c * F.cell_bytes() + g * at.group_step;
        if (kCodes != Codes::kPacked && at.turns) {
          Isa::prefetch_far(at.far + offset, F.cell_bytes());
        } else {
          Isa::prefetch_both(at.far + offset, at.near + offset, F.cell_bytes());
        }
      }
      if constexpr (kCodes != Codes::kPacked) {
        for (int g = at.ask_near.begin; g < at.ask_near.end; ++g) {
          Isa::prefetch_near(at.near + c * F.cell_bytes() + g * at.group_step, F.cell_bytes());
        }
      }
      if (at.ask_rows) ask_rows(a, c);
      if constexpr (kCodes == Codes::kFill) {
        for (int g = 0; g < C; ++g) fill(at.codes + g * at.group_step, c, panels[g]);
      }
      if constexpr (kFolds && kCodes != Codes::kPacked) {
        add_dots<R, C, kCodes>(at, panels, a, c, 0, total);
        continue;
      }
#pragma GCC unroll 2
      for (int sub = 0; sub < kSubs; ++sub) {
        const int i = kSubs * c + sub;
        Ints dot[R][C];
        for (int r = 0; r < R; ++r) {
          const bool is_signed = Isa::kSignedPanels && kCodes != Codes::kPacked;
          const Ints first = is_signed ? Ints::splat(0) : start(*a[r], i);
          for (int g = 0; g < C; ++g) dot[r][g] = first;
        }
        add_dots<R, C, kCodes>(at, panels, a, c, sub, dot);
        for (int r = 0; r < R; ++r) {
          for (int g = 0; g < C; ++g) {
            if constexpr (kWholeBlocks) {
              total[r][g] = total[r][g] + dot[r][g] * integer_scale(panels[g].super, c);
            } else {
              const Scales& s = panels[g].scales[c];
              part[r][g] = step(dot[r][g], *a[r], i, s.scale[sub], s.min[sub], part[r][g]);
            }
          }
        }
      }
    }
    if constexpr (kWholeBlocks) {
      for (int r = 0; r < R; ++r) {
        for (int g = 0; g < C; ++g) part[r][g] = Floats::zero();
      }
      // Unrolled, GCC would first load what all of it takes, and put that aside.
#pragma GCC unroll 1
      for (int c = 0; c < kBlockCells; ++c) {
        for (int r = 0; r < R; ++r) {
          for (int g = 0; g < C; ++g) {
            part[r][g] = add_min(*a[r], c, panels[g].scales[c].min[0], part[r][g]);
          }
        }
      }
    }
    for (int r = 0; r < R; ++r) {
      for (int g = 0; g < C; ++g) {
        if constexpr (kWholeBlocks) {
          part[r][g] = fma(to_float(total[r][g]), panels[g].super.d, part[r][g]);
        }
        float* to = acc[r] + g * kGroupColumns;
        end_block(part[r][g], *a[r], Floats::load(to)).store(to);
      }
    }
  }

  // Of rows [row, row + rows). Fewer than a tile takes at least fill it with the last one.
  template <int R, int C, Codes kCodes>
  [[gnu::always_inline]] static inline void tile_of(const PackedLinearArgs& args, const Place& at,
                                                    int64_t row, int64_t rows, Panel* panels,
                                                    float (*acc)[C * kGroupColumns]) {
    if constexpr (R > Isa::kLeastTileRows) {
      if (rows != R) return tile_of<R - 1, C, kCodes>(args, at, row, rows, panels, acc);
    }
    const Block* a[R];
    for (int r = 0; r < R; ++r) a[r] = block_of(args, row + (r < rows ? r : rows - 1), at.block);
    tile<R, C, kCodes>(at, panels, a, acc);
  }

  // Groups [group, group + groups), whole panels of C, at most kBatchGroups, for rows [begin, end),
  // at most kBatchRows, in tiles of as equal a number of rows as can be. A block of K meets all
  // groups before the next one's turn. A single group takes all places of a panel. next: the first
  // row that comes after these. The first tiles ask for codes that come much later. Where panels
  // take turns the last ones ask for the next panel's. All of the first panel ask for each other's
  // activations where rows are long: of those that were asked for before, from the third level or
  // memory, not all have come or are still there.
  template <int C, bool kPanels>
  static void many(const PackedLinearArgs& args, int64_t group, int64_t groups, int64_t begin,
                   int64_t end, int64_t next, Desk<C>& desk) {
    const int64_t rows = end - begin;
    const int64_t tiles = (rows + Isa::kTileRows - 1) / Isa::kTileRows;
    const int64_t panels = (groups + C - 1) / C;
    const int64_t next_group = groups < C ? 0 : 1;
    for (int64_t p = 0; p < panels; ++p) {
      for (int64_t row = 0; row < rows; ++row) {
        for (int g = 0; g < C; ++g) Floats::zero().store(desk.acc[p][row] + g * kGroupColumns);
      }
    }
    const auto group_of = [&](int64_t p, int g) { return group + p * C + g * next_group; };
    const int64_t size = F.group_size(args.k);
    const auto scales_of = [&](int64_t p, int64_t block) {
      return args.weight + (group + p * C) * size + block * kBlockScaleBytes;
    };
    const auto codes_of = [&](int64_t p, int64_t block) {
      return args.weight + (group + p * C) * size + F.scales_size(args.k) + block * kBlockCodeBytes;
    };
    Place at = {};
    at.turns = kPanels && panels > 1;
    at.group_step = next_group * size;
    for (int64_t left = args.k / kCellElements; left > 0; left -= kBlockCells, ++at.block) {
      at.cells = left < kBlockCells ? static_cast<int>(left) : kBlockCells;
      // GCC would split the loop at a condition that it sees, and have all tiles twice.
      bool last = left <= kBlockCells;
      asm("" : "+r"(last));
      // With one panel, all of K comes before the next: behind the end of a group, that one's group
      // in its place.
      const int64_t ahead =
          kTileAhead + (panels == 1 && left * F.cell_bytes() < kTileAhead ? (C - 1) * size : 0);
      Stretch activations(last ? block_of(args, next, 0) : block_of(args, begin, at.block + 1),
                          rows * static_cast<int64_t>(sizeof(Block)), panels * tiles);
      for (int64_t p = 0; p < panels; ++p) {
        at.codes = codes_of(p, at.block);
        at.far = at.codes + ahead;
        at.near = at.codes + kTileSoon;
        at.ask_rows = at.turns && p == 0 && args.k >= kLongRow;
        const std::byte* near_scales = nullptr;
        if (at.turns) {
          const int64_t next_p = p + 1 < panels ? p + 1 : last ? panels : 0;
          const int64_t next_block = p + 1 < panels ? at.block : last ? 0 : at.block + 1;
          at.near = codes_of(next_p, next_block);
          near_scales = scales_of(next_p, next_block);
        }
        open_panels<C, kPanels>(scales_of(p, at.block), at, desk);
        for (int64_t i = 0; i < tiles; ++i) {
          activations.advance();
          const int64_t row = rows * i / tiles;
          const int64_t row_end = rows * (i + 1) / tiles;
          // Outputs lie far apart. One that is not there when it is written holds up all stores
          // behind it.
          for (int64_t r = last ? row : row_end; r < row_end; ++r) {
            for (int g = 0; g < C; ++g) {
              Isa::prefetch_for_write(output_of(args, begin + r, group_of(p, g)));
            }
          }
          at.ask_far = asked<C>(i, tiles);
          if (at.turns) {
            at.ask_near = asked<C>(tiles - 1 - i, tiles);
            for (int g = at.ask_near.begin; g < at.ask_near.end; ++g) {
              Isa::prefetch_near(near_scales + g * at.group_step, kBlockScaleBytes);
            }
          }
          const auto take = [&]<Codes kCodes>() __attribute__((always_inline)) {
            tile_of<Isa::kTileRows, C, kCodes>(args, at, begin + row, row_end - row, desk.panel,
                                               desk.acc[p] + row);
          };
          constexpr Codes kOthers = kPanels ? Codes::kPanel : Codes::kPacked;
          constexpr Codes kFirst = kPanels && kFillsInTile ? Codes::kFill : kOthers;
          if (kFirst == kOthers || i > 0) {
            take.template operator()<kOthers>();
          } else {
            take.template operator()<kFirst>();
          }
        }
      }
    }
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t p = 0; p < panels; ++p) {
        for (int g = 0; g < C; ++g) {
          finish(args, begin + row, group_of(p, g),
                 Floats::load(desk.acc[p][row] + g * kGroupColumns));
        }
      }
    }
  }

  // Many rows in tiles of as equal a number as can be are never fewer than a tile takes.
  static constexpr bool tiles_are_large_enough() {
    for (int rows = Isa::kManyRows; rows <= kBatchRows; ++rows) {
      const int tiles = (rows + Isa::kTileRows - 1) / Isa::kTileRows;
      if (rows / tiles < Isa::kLeastTileRows) return false;
    }
    return true;
  }

  // Groups [begin, end) of all rows. scratch: kPackedScratch bytes, aligned to 64.
  static void run(const PackedLinearArgs& args, int64_t begin, int64_t end,
                  [[maybe_unused]] std::byte* scratch) {
    if constexpr (Isa::kManyRows != 0) {
      constexpr int C = Isa::kTileGroups;
      constexpr int64_t kPanelRows = Isa::panel_rows(F);
      static_assert(sizeof(Desk<C>) <= kPackedScratch && kBatchGroups % C == 0);
      if (Isa::kTileOrder ? args.x.for_tiles : args.rows >= Isa::kManyRows) {
        [[maybe_unused]] const typename Isa::template Setup<kSubUnits> setup;
        auto& desk = *reinterpret_cast<Desk<C>*>(scratch);
        // Tiles of one size leave rows over.
        constexpr int kUnit = Isa::kLeastTileRows == Isa::kTileRows ? Isa::kTileRows : 1;
        static_assert(kUnit != 1 || tiles_are_large_enough());
        const int64_t units = args.rows / kUnit;
        const int64_t chunks = (units * kUnit + kBatchRows - 1) / kBatchRows;
        // The activations of fewer rows stay in the second cache level, or nearly, for all of K:
        // the weights are then one stream. Those of more rows do for a block.
        const int64_t batch = args.rows < kBatchedRows ? C : batch_groups(args.k);
        while (begin < end) {
          const int64_t left = end - begin < C ? 1 : (end - begin) / C * C;
          const int64_t groups = left < batch ? left : batch;
          for (int64_t i = 0; i < chunks; ++i) {
            const int64_t row = units * i / chunks * kUnit;
            const int64_t until = units * (i + 1) / chunks * kUnit;
            const int64_t next = i + 1 < chunks ? until : 0;
            if constexpr (kPanelRows == 0) {
              many<C, true>(args, begin, groups, row, until, next, desk);
            } else if (args.rows < kPanelRows) {
              many<C, false>(args, begin, groups, row, until, next, desk);
            } else if constexpr (kPanelRows != kNoPanels) {
              many<C, true>(args, begin, groups, row, until, next, desk);
            }
          }
          // The rows that are left meet weights that are in the second cache level.
          few(args, begin, begin + groups, units * kUnit);
          begin += groups;
        }
        return;
      }
    }
    few(args, begin, end, 0);
  }
};

}  // namespace weft::cpu
