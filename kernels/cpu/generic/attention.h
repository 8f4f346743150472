// Attention of a tile of queries over one split, and the merge of splits, over vector types and the
// storage types of K and V: V has 8 lanes, for what is defined by lanes; W is V or has 16, for what
// is not. (Milakov & Gimelshein, 2018, for the running maximum and sum; Dao,
// 2022, for the tiles). See AttentionTile for the order of every sum: it is the same for one row
// and for many, since no sum runs across rows.
#pragma once

#include <type_traits>

#include "kernels/cpu/generic/exp.h"
#include "kernels/cpu/generic/kv_format.h"
#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// Rows that the inner loops take together, each with two vectors of sums: 12 sums hide the latency
// of the FMAs, and with the two vectors that all rows share and the one that is a row's own they
// are 15 of 16 registers.
inline constexpr int32_t kRowsAtOnce = 6;

template <int N>
struct Rows {
  static constexpr int kCount = N;
};

template <int N, class Fn>
static inline void run_of_rows(int32_t rows, int32_t first, const Fn& fn) {
  if constexpr (N > 0) {
    if (rows == N) return fn(Rows<N>(), first);
    run_of_rows<N - 1>(rows, first, fn);
  }
}

// Cuts rows [begin, end) into even runs of at most `Most`: fn(Rows<n>, first row).
template <int Most, class Fn>
static inline void for_runs_of_rows(int32_t begin, int32_t end, const Fn& fn) {
  const int32_t runs = (end - begin + Most - 1) / Most;
  for (int32_t run = 0; run < runs; ++run) {
    const int32_t first = begin + (end - begin) * run / runs;
    const int32_t next = begin + (end - begin) * (run + 1) / runs;
    run_of_rows<Most>(next - first, first, fn);
  }
}

// Scores of `Count` rows and the positions of a group.
template <int Count, class W, class Keys>
static inline void group_scores(const AttentionTile& tile, const float* const* q, Keys keys,
                                float* scores) {
  constexpr int kVectors = kKeyGroup / W::kWidth;
  W sum[Count][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < Count; ++r) {
    for (int j = 0; j < kVectors; ++j) sum[r][j] = W::set(0.0f);
  }
  for (int32_t i = 0; i < tile.head_dim;) {
    keys.begin_block(i);
    const int32_t end = i + kKeyBlock < tile.head_dim ? i + kKeyBlock : tile.head_dim;
    for (; i < end; ++i) {
      W key[kVectors];
      for (int j = 0; j < kVectors; ++j) key[j] = keys.load(i, j);
#pragma GCC unroll 16
      for (int r = 0; r < Count; ++r) {
        const W query = W::set(q[r][i]);
        for (int j = 0; j < kVectors; ++j) sum[r][j] = fma(query, key[j], sum[r][j]);
      }
    }
  }
  const W scale = W::set(tile.scale);
#pragma GCC unroll 16
  for (int r = 0; r < Count; ++r) {
    for (int j = 0; j < kVectors; ++j) {
      (sum[r][j] * scale).store(scores + r * kSplit + W::kWidth * j);
    }
  }
}

// Scores of positions [p, p + kKeyGroup) for the rows that see any of them; what a row does not
// see becomes -infinity.
template <int Most, class W, class Keys>
static inline void tile_scores(const AttentionTile& tile, const float* const* q, int32_t p,
                               Keys keys, float* scores) {
  int32_t first = 0;
  while (tile.end[first] <= p) ++first;
  int32_t last = tile.rows;
  while (tile.begin[last - 1] >= p + kKeyGroup) --last;
  for_runs_of_rows<Most>(first, last, [&]<int N>(Rows<N>, int32_t row) {
    group_scores<N, W>(tile, q + row, keys, scores + row * kSplit + p);
  });
  for (int32_t row = first; row < last; ++row) {
    float* own = scores + row * kSplit;
    for (int32_t j = p; j < tile.begin[row]; ++j) own[j] = -__builtin_inff();
    for (int32_t j = tile.end[row]; j < p + kKeyGroup; ++j) own[j] = -__builtin_inff();
  }
}

// Scores of one row to weights 2^(s - m), in place; m and the sum of the weights to its header.
template <class W, class V>
static inline void row_weights(int32_t begin, int32_t end, float* scores, float* header) {
  const int32_t first = begin / 8 * 8;
  V maxima = V::set(-__builtin_inff());
  for (int32_t p = first; p < end; p += 8) maxima = max(maxima, V::load(scores + p));
  const float maximum = max_of_lanes(maxima);
  V sums = V::set(0.0f);
  int32_t p = first;
  if constexpr (W::kWidth == 16) {
    for (; p + 8 < end; p += 16) {
      exp2_of(W::load(scores + p) - W::set(maximum)).store(scores + p);
      sums = sums + V::load(scores + p);
      sums = sums + V::load(scores + p + 8);
    }
  }
  for (; p < end; p += 8) {
    const V weights = exp2_of(V::load(scores + p) - V::set(maximum));
    sums = sums + weights;
    weights.store(scores + p);
  }
  header[0] = maximum;
  header[1] = sum_of_lanes(sums);
}

// Some groups' values, one after another.
struct ValueBlock {
  const std::byte* groups[kValueBlock / kKeyGroup];
  int32_t positions;
  int64_t row;
};

// Adds the values of positions [begin, end) of the block to `Vectors` vectors of the outputs of
// `Count` rows, from element i on. weights: of the block's first position, rows kSplit apart.
template <int Count, int Vectors, class W, class Values>
static inline void add_values(const ValueBlock& block, int32_t begin, int32_t end, int64_t i,
                              const float* weights, float* out) {
  const int64_t stride = kPartialHeader + block.row;
  W sum[Count][Vectors];
#pragma GCC unroll 8
  for (int r = 0; r < Count; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) sum[r][j] = W::load(out + r * stride + i + W::kWidth * j);
  }
  for (int32_t p = begin; p < end;) {
    const int32_t first = p / kKeyGroup * kKeyGroup;
    const int32_t stop = end < first + kKeyGroup ? end : first + kKeyGroup;
    const Values values(block.groups[p / kKeyGroup], block.row);
    for (; p < stop; ++p) {
      W value[Vectors];
      values.load(p - first, i, value);
#pragma GCC unroll 8
      for (int r = 0; r < Count; ++r) {
        const W weight = W::set(weights[r * kSplit + p]);
#pragma GCC unroll 8
        for (int j = 0; j < Vectors; ++j) sum[r][j] = fma(weight, value[j], sum[r][j]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Count; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) sum[r][j].store(out + r * stride + i + W::kWidth * j);
  }
}

// All elements of `Count` rows that see the same positions of the block.
template <int Count, class W, class V, class Values>
static inline void add_rows_of_values(const ValueBlock& block, int32_t begin, int32_t end,
                                      const float* weights, float* out) {
  // As many sums as there are registers for; a row by itself: as many as hide the latency.
  constexpr int kVectors = Count == 1 ? 64 / W::kWidth : W::kWidth / 4;
  int64_t i = 0;
  for (; i + kVectors * W::kWidth <= block.row; i += kVectors * W::kWidth) {
    add_values<Count, kVectors, W, Values>(block, begin, end, i, weights, out);
  }
  for (; i + 16 <= block.row; i += 16) {
    add_values<Count, 16 / W::kWidth, W, Values>(block, begin, end, i, weights, out);
  }
  if (i < block.row) add_values<Count, 1, V, Values>(block, begin, end, i, weights, out);
}

// Positions of the block, whose first one is p, for all rows of a KV head. Rows whose view begins
// or ends in the block take what they see one by one: what they do not see is not even multiplied
// by zero, for it may be NaN.
template <class W, class V, class Values>
static inline void tile_values(const AttentionTile& tile, int32_t p, const ValueBlock& block,
                               const float* scores, float* partials) {
  const int64_t stride = kPartialHeader + block.row;
  const auto weights = [&](int32_t row) { return scores + int64_t{row} * kSplit + p; };
  const auto out = [&](int32_t row) { return partials + row * stride + kPartialHeader; };
  const auto one_by_one = [&](int32_t first, int32_t last) {
    for (int32_t row = first; row < last; ++row) {
      const int32_t begin = tile.begin[row] > p ? tile.begin[row] - p : 0;
      const int32_t end = tile.end[row] - p < block.positions ? tile.end[row] - p : block.positions;
      if (begin < end)
        add_rows_of_values<1, W, V, Values>(block, begin, end, weights(row), out(row));
    }
  };
  int32_t first = 0;
  while (first < tile.rows && tile.end[first] < p + block.positions) ++first;
  int32_t last = tile.rows;
  while (last > first && tile.begin[last - 1] > p) --last;
  one_by_one(0, first);
  for_runs_of_rows<kRowsAtOnce>(first, last, [&]<int N>(Rows<N>, int32_t row) {
    add_rows_of_values<N, W, V, Values>(block, 0, block.positions, weights(row), out(row));
  });
  one_by_one(last, tile.rows);
}

// How far ahead of its use the cache is asked for: blocks lie anywhere, so the hardware sees no
// stream. At least what hides 200 nanoseconds at 30 GB/s twice over; more while exponentials are
// computed, which read nothing, so that memory is not idle then. It comes to the second level: the
// first has too few misses in flight.
inline constexpr int32_t kLeastAhead = 12 << 10;
inline constexpr int32_t kMostAhead = 112 << 10;
// Asked for beside each row's exponentials, in cache lines.
inline constexpr int32_t kLinesARow = 48;
// Values of all heads that are asked for before the first of them is used.
inline constexpr int64_t kValueBytes = 64 << 10;

// Asks for what attend_as() will read a little later: of the groups from position `first` to
// `last`, all heads' keys, then all values, group after group and head after head as they lie; then
// the keys of whatever comes next.
template <class V>  // for its name: every instruction set has its own
class Ahead {
 public:
  Ahead(const AttentionTile& tile, int32_t first, int32_t last)
      : tile_(tile),
        first_(first),
        pieces_((last - first + kKeyGroup - 1) / kKeyGroup * tile.kv_heads),
        all_(2 * pieces_ + tile.next_groups * tile.kv_heads) {}

  // Before each piece is used.
  [[gnu::always_inline]] void advance() {
    const int64_t piece = tile_.group_bytes;
    const int64_t ahead = distance();
    // What is far ahead is used up little by little.
    ask(ahead < least_ ? least_ - ahead + piece : piece - piece / 5);
    ++used_;
  }

  // From here on `bytes` that lie together are used in another order than that of memory.
  void use_at_once(int64_t bytes) { least_ = kLeastAhead + bytes; }

  // Beside work that uses no piece.
  [[gnu::always_inline]] void ask_more(int64_t bytes) {
    if (distance() < kMostAhead) ask(bytes);
  }

 private:
  int64_t distance() const { return (next_ - used_) * tile_.group_bytes + at_; }

  void ask(int64_t bytes) {
    while (bytes > 0 && next_ < all_) {
      const std::byte* from = address(next_);
      const int64_t left = tile_.group_bytes - at_;
      const int64_t now = bytes < left ? bytes : left;
      if (from != nullptr) {
#pragma GCC unroll 8
        for (int64_t i = 0; i < now; i += 64) __builtin_prefetch(from + at_ + i, 0, 2);
        bytes -= now;
        at_ += (now + 63) / 64 * 64;
        if (at_ < tile_.group_bytes) break;
      }
      ++next_;
      at_ = 0;
    }
  }

  const std::byte* address(int32_t piece) const {
    const std::byte* const* groups = tile_.keys + first_ / tile_.group;
    if (piece >= 2 * pieces_) {
      groups = tile_.next_keys;
      piece -= 2 * pieces_;
    } else if (piece >= pieces_) {
      groups = tile_.values + first_ / tile_.group;
      piece -= pieces_;
    }
    const std::byte* group = groups[piece / tile_.kv_heads * (kKeyGroup / tile_.group)];
    return group == nullptr ? nullptr : group + piece % tile_.kv_heads * tile_.head_bytes;
  }

  const AttentionTile& tile_;
  int32_t first_, pieces_, all_;
  int32_t next_ = 0, used_ = 0;  // pieces
  int64_t at_ = 0;               // bytes of piece `next_` that were asked for
  int64_t least_ = kLeastAhead;
};

// Kv: the cache's format. With kUnpack a group is unpacked once and read by all rows as float32;
// without, every run of rows reads it where it lies.
template <class W, class V, class Kv, bool kUnpack>
static void attend_as(const AttentionTile& tile, float* partials, float* scratch) {
  using Floats = PlainKv<W, V, float>;
  using Read = std::conditional_t<kUnpack, Floats, Kv>;
  // Twice as many rows meet a group at once where one vector holds it.
  constexpr int kMost = std::is_same_v<Read, Floats> ? kRowsAtOnce * W::kWidth / 8 : kRowsAtOnce;
  const int64_t stride = kPartialHeader + int64_t{tile.row};
  const int64_t head_scores = int64_t{tile.rows} * kSplit;
  float* const unpacked_keys = scratch + tile.kv_heads * head_scores;
  float* const unpacked_values = unpacked_keys + int64_t{kKeyGroup} * tile.row;
  const int32_t first = tile.begin[0] / kKeyGroup * kKeyGroup;
  const int32_t last = tile.end[tile.rows - 1];
  Ahead<V> ahead(tile, first, last);

  for (int32_t p = first; p < last; p += kKeyGroup) {
    for (int32_t head = 0; head < tile.kv_heads; ++head) {
      ahead.advance();
      const HeadGroups groups = {tile.keys + p / tile.group, head * tile.head_bytes};
      const std::byte* keys = group_at(groups, 0);
      if constexpr (kUnpack) {
        Kv::unpack_keys(tile, groups, unpacked_keys);
        keys = reinterpret_cast<const std::byte*>(unpacked_keys);
      }
      tile_scores<kMost, W>(tile, tile.q + head * tile.rows, p, typename Read::Keys(keys),
                            scratch + head * head_scores);
    }
  }

  for (int32_t row = 0; row < tile.kv_heads * tile.rows; ++row) {
    float* partial = partials + row * stride;
    const int32_t view = row % tile.rows;
    row_weights<W, V>(tile.begin[view], tile.end[view], scratch + int64_t{row} * kSplit, partial);
    ahead.ask_more(kLinesARow * 64);
    for (int32_t i = 0; i < tile.row; ++i) partial[kPartialHeader + i] = 0.0f;
  }

  // As many positions at a time as the caches hold of all heads: sums are loaded and stored once.
  const int64_t position_bytes = tile.kv_heads * tile.group_bytes / tile.group;
  int32_t step = kValueBlock;
  while (step > kKeyGroup && step * position_bytes > kValueBytes) step /= 2;
  if (tile.kv_heads > 1) ahead.use_at_once(step * position_bytes);
  for (int32_t p = first; p < last; p += step) {
    for (int32_t head = 0; head < tile.kv_heads; ++head) {
      ValueBlock block{.groups = {}, .positions = 0, .row = tile.row};
      for (int32_t g = 0; g < step / kKeyGroup && p + block.positions < last; ++g) {
        ahead.advance();
        const HeadGroups groups = {tile.values + (p + block.positions) / tile.group,
                                   head * tile.head_bytes};
        block.groups[g] = group_at(groups, 0);
        if constexpr (kUnpack) {
          float* values = unpacked_values + int64_t{block.positions} * tile.row;
          Kv::unpack_values(tile, groups, values);
          block.groups[g] = reinterpret_cast<const std::byte*>(values);
        }
        block.positions += kKeyGroup;
      }
      tile_values<W, V, typename Read::Values>(tile, p, block, scratch + head * head_scores,
                                               partials + head * tile.rows * stride);
    }
  }
}

// Unpacking pays from the second run of rows on, unless there is nothing to unpack.
template <class W, class V, class Kv>
static void attend_format(const AttentionTile& tile, float* partials, float* scratch) {
  const bool once = tile.rows <= kRowsAtOnce || std::is_same_v<Kv, PlainKv<W, V, float>>;
  if (tile.group == kKeyGroup && once) return attend_as<W, V, Kv, false>(tile, partials, scratch);
  attend_as<W, V, Kv, true>(tile, partials, scratch);
}

template <class W, class V, class Half, class BFloat, class Byte>
static void attend(const AttentionTile& tile, float* partials, float* scratch) {
  switch (tile.type) {
    case DType::kF16:
      return attend_format<W, V, PlainKv<W, V, Half>>(tile, partials, scratch);
    case DType::kBF16:
      return attend_format<W, V, PlainKv<W, V, BFloat>>(tile, partials, scratch);
    case DType::kQ8_0:
      return attend_format<W, V, Q8Kv<W, V, Half, Byte>>(tile, partials, scratch);
    default:
      return attend_format<W, V, PlainKv<W, V, float>>(tile, partials, scratch);
  }
}

template <class V>
static void merge(float* total, const float* next, int32_t rows, int32_t row) {
  const int64_t stride = kPartialHeader + int64_t{row};
  for (int32_t r = 0; r < rows; ++r, total += stride, next += stride) {
    const V m1 = V::set(total[0]);
    const V m2 = V::set(next[0]);
    const V m = max(m1, m2);
    const V factor1 = exp2_of(m1 - m);
    const V factor2 = exp2_of(m2 - m);
    for (int32_t i = 0; i < row; i += 8) {
      float* o = total + kPartialHeader + i;
      (V::load(o) * factor1 + V::load(next + kPartialHeader + i) * factor2).store(o);
    }
    float header[8];
    (V::set(total[1]) * factor1 + V::set(next[1]) * factor2).store(header);
    total[1] = header[0];
    m.store(header);
    total[0] = header[0];
  }
}

}  // namespace weft::cpu
