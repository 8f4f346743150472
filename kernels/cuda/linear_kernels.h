// The two kernels behind linear_packed(): a schedule each over the same products
// (multiply_unit.h). Device code, and the choice between them.
#pragma once

#include "core/check.h"
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/linear.h"
#include "kernels/cuda/multiply_unit.h"

namespace weft::cuda {

// What they are given.
struct LinearArguments {
  LinearTarget targets[kMaxTargets];
  int num_targets = 0;
  PreparedRows x;
  TileLayout layout;
  int segment_units = 0;

  // Which weight block column `block` of the grid works on, and its first tile there; a block has
  // `tiles` of them.
  struct Place {
    const LinearTarget* target;
    int tile;
  };
  WEFT_DEVICE Place place(int block, int tiles) const {
    WEFT_UNROLL
    for (int i = 0; i < kMaxTargets - 1; ++i) {
      const int blocks = (targets[i].weight.rows + kTileRows * tiles - 1) / (kTileRows * tiles);
      if (i >= num_targets - 1 || block < blocks) return {&targets[i], block * tiles};
      block -= blocks;
    }
    return {&targets[kMaxTargets - 1], block * tiles};
  }
};

inline LinearArguments linear_arguments(DType type, const PreparedRows& x,
                                        std::span<const LinearTarget> targets) {
  WEFT_CHECK(!targets.empty() && targets.size() <= kMaxTargets,
             std::to_string(targets.size()) + " outputs of one linear()");
  LinearArguments args;
  args.num_targets = static_cast<int>(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    args.targets[i] = targets[i];
    WEFT_CHECK(targets[i].weight.units == x.units, "units of a weight and its input");
  }
  args.x = x;
  args.layout = tile_layout(weight_format(type), x.units);
  args.segment_units = segment_units(x.units);
  return args;
}

// A warp's tile of a target's outputs from its sums over K, which are those of rows from first_row
// on.
template <int kTokens>
WEFT_DEVICE void store_tile(const LinearArguments& args, const LinearTarget& target, int tile,
                            int first_row, const SegmentSums<kTokens>& sums) {
  const int g = lane_index() / 4;
  const int t = lane_index() % 4;
  WEFT_UNROLL
  for (int n = 0; n < kTokens; ++n) {
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int row = first_row + 8 * n + 2 * t + i % 2;
      const int column = tile * kTileRows + g + 8 * (i / 2);
      if (row >= args.x.rows || column >= target.weight.rows) continue;
      float y = sums.d[n][i] * load(args.x.inverse_scales + row);
      if (target.bias != nullptr) y += load(target.bias + column);
      store(target.out + int64_t{row} * target.weight.rows + column, y);
    }
  }
}

inline int grid_blocks(const LinearArguments& args, int tiles) {
  int blocks = 0;
  for (int i = 0; i < args.num_targets; ++i) {
    blocks += (args.targets[i].weight.rows + kTileRows * tiles - 1) / (kTileRows * tiles);
  }
  return blocks;
}

// --- Few rows: a block is one tile, a warp one segment ------------------------------------------
// The weight is read once for 8 × kTokens rows, straight into registers; x comes from the first
// cache, where it stays. Bound by memory: kAhead units of codes are on their way in each warp, 2 KB
// at 4 bits, so that 12 to 16 warps keep the 23 KB in flight that an SM of an H200 needs
// (4.3 TB/s × 0.7 µs / 132).
template <WeightFormat kFormat, int kTokens>
struct LinearFewRows {
  static constexpr const char* kName = "linear_few_rows";
  static constexpr int kThreads = kSegments * kWarp;
  // Of these ptxas would spill some bytes on sm_100 and sm_120, to make room for another block.
  static constexpr int kBlocks = kTokens == 1 && kFormat.min == Min::kHalf ? 2
                                 : kTokens > 1 && kFormat.bits == 8        ? 1
                                                                           : 0;
  // A fourth unit of three bits, in two words and one beside four sub-scales, would spill where 32
  // rows' sums take most registers.
  static constexpr int kAhead = kFormat.bits == 16 ? 2 : kFormat.bits == 3 && kTokens > 1 ? 3 : 4;
  static constexpr int kTileSums = kTileRows * 8 * kTokens;
  struct Shared {
    SharedArray<float, kSegments * kTileSums> sums;
  };

  LinearArguments args;

  WEFT_DEVICE UnitOfX<kTokens> load_x(int unit, int first_row) const {
    UnitOfX<kTokens> x;
    const int g = lane_index() / 4;
    const int t = lane_index() % 4;
    WEFT_UNROLL
    for (int n = 0; n < kTokens; ++n) {
      const int row = first_row + 8 * n + g;
      WEFT_UNROLL
      for (int c = 0; c < 2; ++c) {
        x.octets[n][c] = Vec4{0, 0, 0, 0};
        if (row < args.x.rows) {
          x.octets[n][c] = load(reinterpret_cast<const Vec4*>(
              args.x.values + (int64_t{row} * args.x.units + unit) * kUnitColumns + 32 * c +
              8 * t));
        }
      }
    }
    return x;
  }

  WEFT_DEVICE void operator()(Shared& shared) const {
    const LinearArguments::Place place = args.place(block_index().x, 1);
    const int first_row = block_index().y * 8 * kTokens;
    const int units = args.x.units;
    const std::byte* tile =
        place.target->weight.tiles + int64_t{place.tile} * place.target->weight.tile_bytes;
    const int begin = warp_index() * args.segment_units;
    const int end = begin + args.segment_units < units ? begin + args.segment_units : units;

    TileProduct<kFormat, kTokens> product(tile, args.layout, units);
    RawUnit<kFormat> ring[kAhead];
    WEFT_UNROLL
    for (int i = 0; i < kAhead; ++i) {
      if (begin + i < end) ring[i].load_from(tile, args.layout, begin + i);
    }
    for (int first = begin; first < end; first += kAhead) {
      WEFT_UNROLL
      for (int i = 0; i < kAhead; ++i) {
        const int unit = first + i;
        if (unit < end) {
          const RawUnit<kFormat> raw = ring[i];
          if (unit + kAhead < end) ring[i].load_from(tile, args.layout, unit + kAhead);
          product.multiply(raw, unit, load_x(unit, first_row));
          if (product.ends_block(unit)) {
            product.add_minima(args.x, unit / kBlockUnits, first_row);
          }
        }
      }
    }

    // [segment][row of x][row of the tile]
    const int g = lane_index() / 4;
    const int t = lane_index() % 4;
    WEFT_UNROLL
    for (int n = 0; n < kTokens; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int row = 8 * n + 2 * t + i % 2;
        shared.sums[warp_index() * kTileSums + row * kTileRows + g + 8 * (i / 2)] =
            product.segment.d[n][i];
      }
    }
    sync_threads();
    const int segments = (units + args.segment_units - 1) / args.segment_units;
    for (int i = thread_index(); i < kTileSums; i += kThreads) {
      const int row = first_row + i / kTileRows;
      const int column = place.tile * kTileRows + i % kTileRows;
      if (row >= args.x.rows || column >= place.target->weight.rows) continue;
      float sum = shared.sums[i];
      for (int s = 1; s < segments; ++s) sum += shared.sums[s * kTileSums + i];
      float y = sum * load(args.x.inverse_scales + row);
      if (place.target->bias != nullptr) y += load(place.target->bias + column);
      store(place.target->out + int64_t{row} * place.target->weight.rows + column, y);
    }
  }
};

// --- Many rows: a warp is a tile, a block four tiles × 64 rows of x -----------------------------
// x is staged through shared memory by cp.async, three units deep, so that a unit's 8 KB are read
// once for four tiles. The weight is unpacked once for 64 rows.
template <WeightFormat kFormat>
struct LinearManyRows {
  static constexpr const char* kName = "linear_many_rows";
  static constexpr int kTiles = 4;
  static constexpr int kThreads = kTiles * kWarp;
  static constexpr int kTokens = 8;
  static constexpr int kRows = 8 * kTokens;
  static constexpr int kStages = 3;
  static constexpr int kStageElements = kRows * kUnitColumns;
  struct Shared {
    SharedArray<uint16_t, kStages * kStageElements> x;
  };

  LinearArguments args;

  // Where octet `octet` of 8 of a row lies. A row is all 32 banks; lanes read octets 4c + t of rows
  // g, and eight of them, two rows, are served at a time: odd rows have their halves swapped, so
  // that those eight are in different banks.
  WEFT_DEVICE static int element(int stage, int row, int octet) {
    return stage * kStageElements + row * kUnitColumns + 8 * (octet ^ (row % 2 * 4));
  }

  WEFT_DEVICE void copy_unit(Shared& shared, int stage, int unit, int first_row) const {
    WEFT_UNROLL
    for (int i = 0; i < kStageElements / 8 / kThreads; ++i) {
      const int index = i * kThreads + thread_index();
      const int row = index / 8;
      const bool there = first_row + row < args.x.rows;
      const uint16_t* from =
          args.x.values +
          (int64_t{there ? first_row + row : 0} * args.x.units + unit) * kUnitColumns +
          8 * (index % 8);
      shared.x.copy_async16(element(stage, row, index % 8), from, there ? 16 : 0);
    }
  }

  WEFT_DEVICE UnitOfX<kTokens> load_x(const Shared& shared, int stage) const {
    UnitOfX<kTokens> x;
    const int g = lane_index() / 4;
    const int t = lane_index() % 4;
    WEFT_UNROLL
    for (int n = 0; n < kTokens; ++n) {
      WEFT_UNROLL
      for (int c = 0; c < 2; ++c) {
        x.octets[n][c] = shared.x.template load_as<Vec4>(element(stage, 8 * n + g, 4 * c + t));
      }
    }
    return x;
  }

  WEFT_DEVICE void operator()(Shared& shared) const {
    const LinearArguments::Place place = args.place(block_index().x, kTiles);
    const PackedWeight& weight = place.target->weight;
    const int units = args.x.units;
    const int first_row = block_index().y * kRows;
    const int tiles = (weight.rows + kTileRows - 1) / kTileRows;
    // A warp beyond the last tile copies and waits with the others, and does nothing else.
    const int tile_index = place.tile + warp_index();
    const bool idle = tile_index >= tiles;
    const std::byte* tile =
        weight.tiles + int64_t{idle ? tiles - 1 : tile_index} * weight.tile_bytes;

    WEFT_UNROLL
    for (int stage = 0; stage < kStages - 1; ++stage) {
      if (stage < units) copy_unit(shared, stage, stage, first_row);
      copy_async_commit();
    }
    TileProduct<kFormat, kTokens> product(tile, args.layout, units);
    SegmentSums<kTokens> total;
    // Of the first segment, which is added to this, everything stays, a negative zero too.
    total.fill(-0.0f);
    RawUnit<kFormat> next;
    if (!idle) next.load_from(tile, args.layout, 0);
    for (int unit = 0; unit < units; ++unit) {
      copy_async_wait<kStages - 2>();
      // Everybody's copies of this unit are there, and everybody has left the stage before it.
      sync_threads();
      if (unit + kStages - 1 < units) {
        copy_unit(shared, (unit + kStages - 1) % kStages, unit + kStages - 1, first_row);
      }
      copy_async_commit();
      if (idle) continue;
      const RawUnit<kFormat> raw = next;
      if (unit + 1 < units) next.load_from(tile, args.layout, unit + 1);
      product.multiply(raw, unit, load_x(shared, unit % kStages));
      if (product.ends_block(unit)) product.add_minima(args.x, unit / kBlockUnits, first_row);
      if ((unit + 1) % args.segment_units == 0 || unit + 1 == units) {
        total.add(product.segment);
        product.segment.clear();
      }
    }
    if (idle) return;

    store_tile(args, *place.target, tile_index, first_row, total);
  }
};

template <WeightFormat kFormat>
void launch_linear(Stream& stream, const LinearArguments& args) {
  const int rows = args.x.rows;
  const int tiles = grid_blocks(args, 1);
  if (rows <= 8) {
    launch(stream, {.x = tiles}, LinearFewRows<kFormat, 1>{args});
  } else if (rows <= kFewLinearRows) {
    launch(stream, {.x = tiles}, LinearFewRows<kFormat, kFewLinearRows / 8>{args});
  } else {
    using Many = LinearManyRows<kFormat>;
    launch(stream,
           {.x = grid_blocks(args, Many::kTiles), .y = (rows + Many::kRows - 1) / Many::kRows},
           Many{args});
  }
}

}  // namespace weft::cuda
