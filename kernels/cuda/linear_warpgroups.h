// The third kernel behind linear_packed(), for sm_90a: many rows by the tensor cores' products of a
// whole warpgroup. Device code.
//
// A block is 128 rows of a weight × 128 rows of x. Two warpgroups take 64 rows of the weight each,
// a warp one tile of 16, whose codes it unpacks into the registers that a product takes its left
// operand from, as for mma.sync. The right operand is x in shared memory: one thread of a third
// warpgroup keeps a ring of units filled, each one copy of 16 KB of staged rows
// (prepare_activations.h).
//
// Outputs have the order of additions of linear_kernels.h, product by product: each is 16 of K, in
// the same order of K, onto the same accumulator. What remains to be the same are the bits of one
// product by either instruction, which only a GPU can say (warpgroup_check.h).
//
// Registers: 64 of a thread hold the sums of a span, 64 those of a segment; sums over segments are
// touched a few times in K and lie in shared memory. So two warpgroups take 240 each, which the
// third does without.
#pragma once

#include "kernels/cuda/device/hopper.h"
#include "kernels/cuda/linear_kernels.h"

namespace weft::cuda {

template <WeightFormat kFormat, int kTokens>
WEFT_DEVICE void warpgroup_multiply(float (&d)[kTokens][4], const uint32_t (&a)[4], uint64_t b,
                                    bool accumulate) {
  if constexpr (kFormat.levels == Levels::kBfloat) {
    warpgroup_multiply_bfloat(d, a, b, accumulate);
  } else {
    warpgroup_multiply_half(d, a, b, accumulate);
  }
}

template <WeightFormat kFormat>
struct LinearWarpgroups {
  static constexpr const char* kName = "linear_warpgroups";
  static constexpr int kTiles = 8;
  static constexpr int kConsumers = kTiles * kWarp;
  static constexpr int kThreads = kConsumers + kWarpgroup;
  static constexpr int kBlocks = 1;
  // Of 65,536, and of the 168 that each of 384 threads begins with.
  static constexpr int kConsumerRegisters = 240;
  static constexpr int kProducerRegisters = 24;
  static constexpr int kRows = kStagedRows;
  static constexpr int kTokens = kRows / 8;
  // A unit takes two warpgroups some 500 cycles, which the L2 answers in: the rest is for HBM.
  static constexpr int kStages = 6;
  static constexpr int kStageElements = kRows * kUnitColumns;
  // Eights of a block's groups: products that its minima take.
  static constexpr int kEights = kFormat.min == Min::kNone ? 0 : kFormat.block_groups() / 8;
  static constexpr int kEightElements = kRows * 16;
  static constexpr int kSumElements = kEights * kEightElements;
  // Products are added up where a span ends, or at once in a segment.
  static constexpr bool kSpans = kFormat.span != 0;
  static_assert(kSpans || kEights == 0);

  struct Shared {
    alignas(1024) SharedArray<uint16_t, kStages * kStageElements> x;
    SharedArray<uint16_t, kEights == 0 ? 8 : kStages * kSumElements> sums;
    SharedArray<float, kConsumers * 4 * kTokens> total;
    SharedBarrier full[kStages];   // a stage has been filled
    SharedBarrier empty[kStages];  // every warp has left it
  };
  static_assert(sizeof(Shared) <= 227 * 1024);

  LinearArguments args;
  // Weights that need no unpacking are and-ed with what the compiler does not know: in registers
  // that a load writes it would let no product be at work while the next unit is loaded.
  uint32_t every_bit = 0xffffffffu;

  WEFT_DEVICE bool ends_block(int unit) const {
    return unit % kBlockUnits == kBlockUnits - 1 || unit == args.x.units - 1;
  }

  // By one thread.
  WEFT_DEVICE void produce(Shared& shared, int first_row) const {
    const int64_t rows = args.x.staged_rows;
    for (int unit = 0; unit < args.x.units; ++unit) {
      const int stage = unit % kStages;
      const int round = unit / kStages;
      SharedBarrier& full = shared.full[stage];
      if (round > 0) shared.empty[stage].wait((round - 1) % 2);
      const bool sums = kEights > 0 && ends_block(unit);
      full.arrive_expecting(2 * (kStageElements + (sums ? kSumElements : 0)));
      copy_bulk(shared.x, stage * kStageElements,
                args.x.values + (unit * rows + first_row) * kUnitColumns, 2 * kStageElements, full);
      if constexpr (kEights > 0) {
        if (sums) copy_sums(shared, stage, unit / kBlockUnits, first_row);
      }
    }
  }
  WEFT_DEVICE void copy_sums(Shared& shared, int stage, int block, int first_row) const {
    WEFT_UNROLL
    for (int q = 0; q < kEights; ++q) {
      // Of 32, the eight 0 of a block; of 16, the eights 1 and 2.
      const int64_t eight = int64_t{block} * 3 + (kFormat.group == 32 ? 0 : 1 + q);
      copy_bulk(shared.sums, stage * kSumElements + q * kEightElements,
                reinterpret_cast<const uint16_t*>(args.x.sums) +
                    (eight * args.x.staged_rows + first_row) * 16,
                2 * kEightElements, shared.full[stage]);
    }
  }

  // 16 of K, number `step` of a unit.
  WEFT_DEVICE static uint64_t x_operand(const Shared& shared, int stage, int step) {
    return matrix_descriptor(shared_address(shared.x, stage * kStageElements), Swizzle::k128, 16,
                             1024) +
           static_cast<uint64_t>(2 * step);
  }
  WEFT_DEVICE static uint64_t sums_operand(const Shared& shared, int stage, int q) {
    return matrix_descriptor(shared_address(shared.sums, stage * kSumElements + q * kEightElements),
                             Swizzle::kNone, 128, 256);
  }

  struct Consumer {
    SegmentSums<kTokens> span;  // or, of formats without spans, nothing
    SegmentSums<kTokens> segment;
    // Left operands: of the two groups of products that may be at work, and of minima.
    uint32_t a[2][2][4];
    uint32_t mins[kEights == 0 ? 1 : kEights][4];
  };

  // Adds factor × what the products so far have made of `span`.
  WEFT_DEVICE static void end_span(Consumer& c, const float (&factor)[2]) {
    warpgroup_wait<0>();
    take_results(c.span.d);
    c.segment.add_scaled(c.span, factor);
  }

  // What the sums of a block's products, and of its minima's, are multiplied by.
  struct BlockScales {
    float base[2];
    float min[2];
  };
  WEFT_DEVICE BlockScales load_scales(Consumer& c, const std::byte* tile, int block) const {
    BlockScales scales{};
    if constexpr (kFormat.span == 256) {
      const uint32_t bases = block_bases<kFormat>(tile, args.layout, block);
      scales.base[0] = base_of<kFormat>(static_cast<uint16_t>(bases));
      scales.base[1] = base_of<kFormat>(static_cast<uint16_t>(bases >> 16));
    }
    if constexpr (kEights > 0) {
      WEFT_UNROLL
      for (int q = 0; q < kEights; ++q) {
        WEFT_UNROLL
        for (int r = 0; r < 2; ++r) {
          c.mins[q][r] = c.mins[q][r + 2] =
              pair_of_mins<kFormat>(tile, args.layout, block, r, 8 * q + 2 * (lane_index() % 4));
        }
      }
      min_factors<kFormat>(tile, args.layout, block, scales.min);
    }
    return scales;
  }
  WEFT_DEVICE static void multiply_mins(Consumer& c, const Shared& shared, int stage) {
    if constexpr (kEights > 0) {
      warpgroup_fence();
      WEFT_UNROLL
      for (int q = 0; q < kEights; ++q) {
        warpgroup_multiply_half(c.span.d, c.mins[q], sums_operand(shared, stage, q), q > 0);
      }
      warpgroup_commit();
    }
  }

  // Adds the segment, which is over, to those before it.
  WEFT_DEVICE static void end_segment(Consumer& c, Shared& shared, bool first, bool last) {
    if constexpr (!kSpans) {
      warpgroup_wait<0>();
      take_results(c.segment.d);
    }
    if (!first) {
      each_sum(
          [&](int n, int i, int at) { c.segment.d[n][i] = shared.total[at] + c.segment.d[n][i]; });
    }
    if (last) return;
    each_sum([&](int n, int i, int at) {
      shared.total[at] = c.segment.d[n][i];
      c.segment.d[n][i] = 0.0f;
    });
  }
  // f(n, i, its place in `total`).
  template <class F>
  WEFT_DEVICE static void each_sum(const F& f) {
    WEFT_UNROLL
    for (int n = 0; n < kTokens; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) f(n, i, (4 * n + i) * kConsumers + thread_index());
    }
  }

  // A unit's codes and what else is loaded with them.
  struct Loaded {
    RawUnit<kFormat> raw;
    Vec2 bases;
    WEFT_DEVICE void load_from(const std::byte* tile, const TileLayout& layout, int unit) {
      raw.load_from(tile, layout, unit);
      if constexpr (kFormat.span == 32) bases = unit_bases<kFormat>(tile, layout, unit);
    }
  };

  // The products of a unit. `begins`: of it a span of 256, or a segment, begins.
  WEFT_DEVICE void multiply_unit(Consumer& c, Shared& shared, const Loaded& loaded, int unit,
                                 bool begins) const {
    const int stage = unit % kStages;
    shared.full[stage].wait(unit / kStages % 2);
    WEFT_UNROLL
    for (int chunk = 0; chunk < 2; ++chunk) {
      // The group before the one at work is over: its operands are free.
      warpgroup_wait<1>();
      if (chunk == 1 && unit > 0 && lane_index() == 0) shared.empty[(unit - 1) % kStages].arrive();
      unpack_chunk(loaded.raw, chunk, c.a[chunk]);
      if constexpr (kFormat.bits == 16) {
        WEFT_UNROLL
        for (int i = 0; i < 8; ++i) c.a[chunk][i / 4][i % 4] &= every_bit;
      }
      auto& d = kSpans ? c.span.d : c.segment.d;
      warpgroup_fence();
      WEFT_UNROLL
      for (int j = 0; j < 2; ++j) {
        const bool first = j == 0 && (kFormat.span == 32 || (chunk == 0 && begins));
        warpgroup_multiply<kFormat>(d, c.a[chunk][j], x_operand(shared, stage, 2 * chunk + j),
                                    !first);
      }
      warpgroup_commit();
      if constexpr (kFormat.span == 32) {
        const int shift = 16 * chunk;
        end_span(c, {base_of<kFormat>(static_cast<uint16_t>(loaded.bases.x >> shift)),
                     base_of<kFormat>(static_cast<uint16_t>(loaded.bases.y >> shift))});
      }
    }
  }

  WEFT_DEVICE void consume(Shared& shared, const LinearArguments::Place& place,
                           int first_row) const {
    const PackedWeight& weight = place.target->weight;
    const int tiles = (weight.rows + kTileRows - 1) / kTileRows;
    const int units = args.x.units;
    // A warp beyond the last tile multiplies it too, since products are of all four warps; its
    // results are nobody's.
    const int tile_index = place.tile + warp_index();
    const std::byte* tile =
        weight.tiles + int64_t{tile_index < tiles ? tile_index : tiles - 1} * weight.tile_bytes;

    Consumer c;
    c.segment.clear();
    Loaded next;
    next.load_from(tile, args.layout, 0);
    // Loops within loops, so that where ways meet the products at work are the same ones on each:
    // else the compiler waits for them there.
    const int stretch_units = kSpans ? kBlockUnits : args.segment_units;
    for (int first = 0; first < units; first += args.segment_units) {
      const int end = first + args.segment_units < units ? first + args.segment_units : units;
      for (int begin = first; begin < end; begin += stretch_units) {
        const int stretch_end = begin + stretch_units < end ? begin + stretch_units : end;
        // Asked for now, used at the block's end.
        const BlockScales scales = load_scales(c, tile, begin / kBlockUnits);
        WEFT_NO_UNROLL
        for (int unit = begin; unit < stretch_end; ++unit) {
          const Loaded loaded = next;
          if (unit + 1 < units) next.load_from(tile, args.layout, unit + 1);
          multiply_unit(c, shared, loaded, unit, unit == begin);
        }
        if constexpr (kFormat.span == 256) end_span(c, scales.base);
        if constexpr (kEights > 0) {
          multiply_mins(c, shared, (stretch_end - 1) % kStages);
          end_span(c, scales.min);
        }
      }
      end_segment(c, shared, first == 0, end == units);
    }

    store_tile(args, *place.target, tile_index, first_row, c.segment);
  }

  WEFT_DEVICE void operator()(Shared& shared) const {
    // Blocks that run together share a weight's rows rather than x's: x is what the L2 holds whole.
    const LinearArguments::Place place = args.place(block_index().y, kTiles);
    const int first_row = block_index().x * kRows;
    if (thread_index() == 0) {
      WEFT_UNROLL
      for (int i = 0; i < kStages; ++i) {
        shared.full[i].init(1);
        shared.empty[i].init(kTiles);
      }
      fence_barriers();
    }
    sync_threads();
    if (warp_index() < kTiles) {
      take_registers<kConsumerRegisters>();
      consume(shared, place, first_row);
    } else {
      give_registers<kProducerRegisters>();
      if (thread_index() == kConsumers) produce(shared, first_row);
    }
  }
};

}  // namespace weft::cuda
