// One tile of a weight times up to kTokens × 8 rows of x over a range of K: what the kernels for
// few and for many rows have in common, so that an output has the same bits in both. A column of an
// mma's result depends on its own column of x alone, in hardware as in the emulator. Device code.
#pragma once

#include "kernels/cuda/device/device.h"
#include "kernels/cuda/prepare_activations.h"
#include "kernels/cuda/unpack.h"

namespace weft::cuda {

// The sums of a tile's rows and 8 × kTokens rows of x over one segment; d[n] is mma's layout.
template <int kTokens>
struct SegmentSums {
  float d[kTokens][4];

  WEFT_DEVICE void clear() { fill(0.0f); }
  WEFT_DEVICE void fill(float value) {
    WEFT_UNROLL
    for (int n = 0; n < kTokens; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) d[n][i] = value;
    }
  }
  // += factor[row half] × other.
  WEFT_DEVICE void add_scaled(const SegmentSums& other, const float (&factor)[2]) {
    WEFT_UNROLL
    for (int n = 0; n < kTokens; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i)
        d[n][i] = fused_multiply_add(factor[i / 2], other.d[n][i], d[n][i]);
    }
  }
  WEFT_DEVICE void add(const SegmentSums& other) {
    WEFT_UNROLL
    for (int n = 0; n < kTokens; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) d[n][i] += other.d[n][i];
    }
  }
};

// The four Vec2 of eight groups, number `eight` of a block, of a row of x.
WEFT_DEVICE const Vec2* group_sums(const PreparedRows& x, int group, int row, int block,
                                   int eight) {
  return x.sums + (int64_t{row} * blocks_of(x.units) + block) * PreparedRows::kSumsOfBlock +
         (group == 32 ? 0 : 4 + 4 * eight);
}

// Octets c = 0, 1 of a unit of x for this lane: row g of each group of eight, columns
// 32c + 8t … + 7.
template <int kTokens>
struct UnitOfX {
  Vec4 octets[kTokens][2];
};

template <WeightFormat kFormat>
WEFT_DEVICE void tensor_multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  if constexpr (kFormat.levels == Levels::kBfloat) {
    mma_bfloat(d, a, b);
  } else {
    mma_half(d, a, b);
  }
}

template <WeightFormat kFormat>
WEFT_DEVICE float base_of(uint16_t bits) {
  const float base = kFormat.bfloat_base ? float_from_bf16(bits) : float_of_half(bits);
  return base * (1.0f / static_cast<float>(kFormat.base_divisor));
}

// The left operands of chunk c of a unit: mma's columns 2t, 2t + 1, 2t + 8, 2t + 9 of product j are
// the lane's columns 8t + 4j … + 3, since any order of K will do if both operands have it.
template <WeightFormat kFormat>
WEFT_DEVICE void unpack_chunk(const RawUnit<kFormat>& raw, int c, uint32_t (&a)[2][4]) {
  uint32_t rows[2][4];
  unpack_octet(raw, c, 0, rows[0]);
  unpack_octet(raw, c, 1, rows[1]);
  WEFT_UNROLL
  for (int j = 0; j < 2; ++j) {
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) a[j][i] = rows[i % 2][2 * j + i / 2];
  }
}

// Bases of the lane's rows g, g + 8 of a tile, as they are stored: of a unit, x and y those of its
// chunks in either half (span 32); of a block (span 256).
template <WeightFormat kFormat>
WEFT_DEVICE Vec2 unit_bases(const std::byte* tile, const TileLayout& layout, int unit) {
  return load(reinterpret_cast<const Vec2*>(tile + layout.bases +
                                            int64_t{unit} * kFormat.unit_base_bytes()) +
              lane_index() / 4);
}
template <WeightFormat kFormat>
WEFT_DEVICE uint32_t block_bases(const std::byte* tile, const TileLayout& layout, int block) {
  return load(reinterpret_cast<const uint32_t*>(tile + layout.bases +
                                                int64_t{block} * kFormat.block_base_bytes()) +
              lane_index() / 4);
}

// Minima of groups `group` and `group` + 1 of a block, of row g + 8 r, as halves.
template <WeightFormat kFormat>
WEFT_DEVICE uint32_t pair_of_mins(const std::byte* tile, const TileLayout& layout, int block, int r,
                                  int group) {
  const std::byte* at = tile + layout.mins + int64_t{block} * kFormat.block_min_bytes();
  const int index = (2 * (lane_index() / 4) + r) * kFormat.block_groups() + group;
  if constexpr (kFormat.min == Min::kHalf) {
    return load(reinterpret_cast<const uint32_t*>(at) + index / 2);
  } else {
    const uint32_t bytes = load(reinterpret_cast<const uint16_t*>(at) + index / 2);
    return half2_sub((bytes & 0xff) | (bytes & 0xff00) << 8 | kCodeHalves, kCodeHalves);
  }
}
// What a block's minima × sums are multiplied by, for rows g and g + 8.
template <WeightFormat kFormat>
WEFT_DEVICE void min_factors(const std::byte* tile, const TileLayout& layout, int block,
                             float (&factor)[2]) {
  factor[0] = factor[1] = kSumScale;
  if constexpr (kFormat.min == Min::kByte) {
    const uint32_t bases =
        load(reinterpret_cast<const uint32_t*>(tile + layout.min_bases +
                                               int64_t{block} * kFormat.block_min_base_bytes()) +
             lane_index() / 4);
    factor[0] = -kSumScale * float_of_half(static_cast<uint16_t>(bases));
    factor[1] = -kSumScale * float_of_half(static_cast<uint16_t>(bases >> 16));
  }
}

// Sums up units of one tile in ascending order. The caller clears `segment` at a segment's start;
// a segment is whole blocks, so `span` is clear there.
template <WeightFormat kFormat, int kTokens>
class TileProduct {
 public:
  SegmentSums<kTokens> segment;

  WEFT_DEVICE TileProduct(const std::byte* tile, const TileLayout& layout, int units)
      : tile_(tile), layout_(layout), units_(units) {
    segment.clear();
    span_.clear();
  }

  WEFT_DEVICE void multiply(const RawUnit<kFormat>& raw, int unit, const UnitOfX<kTokens>& x) {
    WEFT_UNROLL
    for (int c = 0; c < 2; ++c) {
      uint32_t a[2][4];
      unpack_chunk(raw, c, a);
      WEFT_UNROLL
      for (int j = 0; j < 2; ++j) {
        WEFT_UNROLL
        for (int n = 0; n < kTokens; ++n) {
          const uint32_t b[2] = {word_of(x.octets[n][c], 2 * j),
                                 word_of(x.octets[n][c], 2 * j + 1)};
          tensor_multiply<kFormat>(kFormat.span == 0 ? segment.d[n] : span_.d[n], a[j], b);
        }
      }
      if constexpr (kFormat.span == 32) {
        const Vec2 bases = unit_bases<kFormat>(tile_, layout_, unit);
        end_span(static_cast<uint16_t>(bases.x >> (16 * c)),
                 static_cast<uint16_t>(bases.y >> (16 * c)));
      }
    }
    if constexpr (kFormat.span == 256) {
      if (ends_block(unit)) {
        const uint32_t bases = block_bases<kFormat>(tile_, layout_, unit / kBlockUnits);
        end_span(static_cast<uint16_t>(bases), static_cast<uint16_t>(bases >> 16));
      }
    }
  }

  WEFT_DEVICE bool ends_block(int unit) const {
    return unit % kBlockUnits == kBlockUnits - 1 || unit == units_ - 1;
  }

  // Adds a block's minima × sums of x, after its last unit. first_row: of x.
  WEFT_DEVICE void add_minima(const PreparedRows& x, int block, int first_row) {
    if constexpr (kFormat.min != Min::kNone) {
      const int g = lane_index() / 4;
      const int t = lane_index() % 4;
      constexpr int kProducts = kFormat.block_groups() / 8;
      SegmentSums<kTokens> sums;
      sums.clear();
      WEFT_UNROLL
      for (int q = 0; q < kProducts; ++q) {
        uint32_t mins[2];
        WEFT_UNROLL
        for (int r = 0; r < 2; ++r) {
          mins[r] = pair_of_mins<kFormat>(tile_, layout_, block, r, 8 * q + 2 * t);
        }
        // The same minima twice along K: once for the sums' high parts, once for their low parts.
        const uint32_t a[4] = {mins[0], mins[1], mins[0], mins[1]};
        WEFT_UNROLL
        for (int n = 0; n < kTokens; ++n) {
          const int row = first_row + 8 * n + g;
          Vec2 both = {0, 0};
          if (row < x.rows) both = load(group_sums(x, kFormat.group, row, block, q) + t);
          const uint32_t b[2] = {both.x, both.y};
          mma_half(sums.d[n], a, b);
        }
      }
      float factor[2];
      min_factors<kFormat>(tile_, layout_, block, factor);
      segment.add_scaled(sums, factor);
    }
  }

 private:
  WEFT_DEVICE void end_span(uint16_t base0, uint16_t base1) {
    const float factor[2] = {base_of<kFormat>(base0), base_of<kFormat>(base1)};
    segment.add_scaled(span_, factor);
    span_.clear();
  }

  const std::byte* tile_;
  const TileLayout layout_;
  const int units_;
  SegmentSums<kTokens> span_;
};

}  // namespace weft::cuda
