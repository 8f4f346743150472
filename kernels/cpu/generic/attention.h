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

// How far ahead of its use the cache is asked for: blocks lie anywhere, so the hardware sees no
// stream. At least what hides 200 nanoseconds at 30 GB/s twice over; more while exponentials are
// computed, which read nothing, so that memory is not idle then.
inline constexpr int32_t kLeastAhead = 12 << 10;
inline constexpr int32_t kMostAhead = 112 << 10;
// Everything is asked for again when it is this much nearer, as if requests got lost where a core
// has too many under way (Zen 5: 1.05 to 1.18 times the rate from memory).
inline constexpr int32_t kAgain = 4 << 10;
// Asked for beside each row's exponentials, in cache lines.
inline constexpr int32_t kLinesARow = 24;
// Keys or values of all heads that are asked for before the first of them is used.
inline constexpr int64_t kStepBytes = 64 << 10;

// Asks for what attend_as() will read a little later: of the groups from position `first` to
// `last`, all heads' keys, then all values, group after group and head after head as they lie; then
// the keys of whatever comes next. Little by little beside the arithmetic: a core that asks for
// many lines at once waits until the first of them have come.
template <class V>  // for its name: every instruction set has its own
class Ahead {
 public:
  // bytes: that lie together and are used in another order than that of memory.
  Ahead(const AttentionTile& tile, int32_t first, int32_t last, int64_t bytes)
      : tile_(tile),
        first_(first),
        pieces_((last - first + kKeyGroup - 1) / kKeyGroup * tile.kv_heads),
        all_(2 * pieces_ + tile.next_groups * tile.kv_heads),
        least_(kLeastAhead + bytes) {
    find_piece();
    lines_ = least_ / 64;
    ask_all();
  }

  // Before so many pieces are used: what is to be asked for meanwhile.
  [[gnu::always_inline]] void use(int32_t pieces) {
    if (next_ >= all_) return;
    const int64_t ahead = distance();
    const int64_t bytes = pieces * tile_.group_bytes;
    // What is far ahead is used up little by little.
    lines_ = (ahead < least_ ? least_ - ahead + bytes : bytes - bytes / 5) / 64;
    used_ += pieces;
  }

  // `kLines` of them.
  template <int kLines>
  [[gnu::always_inline]] void ask() {
    if (lines_ <= 0) return;
#pragma GCC unroll 32
    for (int i = 0; i < kLines; ++i) {
      __builtin_prefetch(at_ + 64 * i, 0, 3);
      __builtin_prefetch(at_ + 64 * i - kAgain, 0, 3);
    }
    lines_ -= kLines;
    at_ += 64 * kLines;
    if (at_ >= end_) next_piece();
  }
  // All that are left of them.
  void ask_all() {
    while (lines_ > 0) ask<1>();
  }

  // Beside work that uses no piece.
  [[gnu::always_inline]] void ask_more(int32_t lines) {
    if (next_ >= all_ || distance() >= kMostAhead) return;
    lines_ = lines;
    ask_all();
  }

 private:
  int64_t distance() const { return (next_ + 1 - used_) * tile_.group_bytes - (end_ - at_); }

  [[gnu::noinline]] void next_piece() {
    ++next_;
    find_piece();
  }

  void find_piece() {
    for (; next_ < all_; ++next_) {
      at_ = address(next_);
      if (at_ == nullptr) continue;
      end_ = at_ + tile_.group_bytes;
      return;
    }
    lines_ = 0;
    at_ = end_;
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
  int32_t next_ = 0, used_ = 0;    // pieces
  const std::byte* at_ = nullptr;  // of piece `next_`, what was not yet asked for
  const std::byte* end_ = nullptr;
  int64_t lines_ = 0;  // that may be asked for
  int64_t least_;
};

// Cache lines that so many elements come from, at least one.
template <class Reader>
constexpr int lines_of(int elements) {
  const int lines = elements * Reader::kBits / 8 / 64;
  return lines > 0 ? lines : 1;
}

// Groups of keys that `count` rows meet together: as many as there are registers for sums, since
// every sum waits for the addition before.
template <class W>
constexpr int groups_at_once(int count) {
  const int sums = W::kWidth == 16 ? 24 : 12;
  const int groups = sums / (count * (kKeyGroup / W::kWidth));
  return groups >= 4 ? 4 : groups >= 2 ? 2 : 1;
}

// Scores of `Count` rows and the positions of some groups, one after another.
template <int Count, int Groups, class W, class Keys, class Asked>
static inline void group_scores(const AttentionTile& tile, const float* const* q,
                                const std::byte* const* groups, float* scores, Asked& ahead) {
  constexpr int kEach = kKeyGroup / W::kWidth;
  constexpr int kVectors = Groups * kEach;
  W sum[Count][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < Count; ++r) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) sum[r][j] = W::set(0.0f);
  }
  Keys keys[Groups];
  for (int g = 0; g < Groups; ++g) keys[g] = Keys(groups[g]);
  for (int32_t i = 0; i < tile.head_dim;) {
    for (Keys& of_group : keys) of_group.begin_block(i);
    const int32_t end = i + kKeyBlock < tile.head_dim ? i + kKeyBlock : tile.head_dim;
    while (i < end) {
      ahead.template ask<lines_of<Keys>(8 * Groups * kKeyGroup)>();
      const int32_t stop = i + 8 < end ? i + 8 : end;
      for (; i < stop; ++i) {
        W key[kVectors];
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) key[j] = keys[j / kEach].load(i, j % kEach);
#pragma GCC unroll 16
        for (int r = 0; r < Count; ++r) {
          const W query = W::set(q[r][i]);
#pragma GCC unroll 4
          for (int j = 0; j < kVectors; ++j) sum[r][j] = fma(query, key[j], sum[r][j]);
        }
      }
    }
  }
  const W scale = W::set(tile.scale);
#pragma GCC unroll 16
  for (int r = 0; r < Count; ++r) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      (sum[r][j] * scale).store(scores + r * kSplit + W::kWidth * j);
    }
  }
}

// Scores of the positions of `count` groups, whose first one is p, for the rows that see any of
// them; also of some that a row does not see.
template <class W, class Keys, class Asked>
static inline void tile_scores(const AttentionTile& tile, const float* const* q, int32_t p,
                               const std::byte* const* groups, int32_t count, float* scores,
                               Asked& ahead) {
  int32_t first = 0;
  while (tile.end[first] <= p) ++first;
  int32_t last = tile.rows;
  while (tile.begin[last - 1] >= p + count * kKeyGroup) --last;
  for_runs_of_rows<kRowsAtOnce>(first, last, [&]<int N>(Rows<N>, int32_t row) {
    constexpr int kGroups = groups_at_once<W>(N);
    const int32_t seen = tile.end[row + N - 1] - p;
    const int32_t end = seen < count * kKeyGroup ? (seen + kKeyGroup - 1) / kKeyGroup : count;
    int32_t g = tile.begin[row] > p ? (tile.begin[row] - p) / kKeyGroup : 0;
    const auto meet = [&]<int G>(Rows<G>) {
      group_scores<N, G, W, Keys>(tile, q + row, groups + g,
                                  scores + row * kSplit + p + g * kKeyGroup, ahead);
      g += G;
    };
    while (g + kGroups <= end) meet(Rows<kGroups>());
    while (g < end) meet(Rows<1>());
  });
}

// Scores of one row to weights 2^(s - m), in place; m and the sum of the weights to its header.
// What the row does not see of its first and last vectors gets a weight of 0.
template <class W, class V>
static inline void row_weights(int32_t begin, int32_t end, float* scores, float* header) {
  const int32_t first = begin / 8 * 8;
  const int32_t last = (end + 7) / 8 * 8;
  for (int32_t p = first; p < begin; ++p) scores[p] = -__builtin_inff();
  for (int32_t p = end; p < last; ++p) scores[p] = -__builtin_inff();
  V maxima = V::load(scores + first);
  V others = maxima;
  int32_t p = first + 8;
  for (; p + 8 < last; p += 16) {
    maxima = max(maxima, V::load(scores + p));
    others = max(others, V::load(scores + p + 8));
  }
  if (p < last) maxima = max(maxima, V::load(scores + p));
  const float maximum = max_of_lanes(max(maxima, others));
  V sums = V::set(0.0f);
  p = first;
  if constexpr (W::kWidth == 16) {
    for (; p + 8 < last; p += 16) {
      const W weights = exp2_of(W::load(scores + p) - W::set(maximum));
      weights.store(scores + p);
      sums = sums + low_half(weights);
      sums = sums + high_half(weights);
    }
  }
  for (; p < last; p += 8) {
    const V weights = exp2_of(V::load(scores + p) - V::set(maximum));
    sums = sums + weights;
    weights.store(scores + p);
  }
  header[0] = maximum;
  header[1] = sum_of_lanes(sums);
}

// Some groups' values, one after another.
struct ValueBlock {
  const std::byte* const* groups;
  int32_t positions;
  int64_t row;
};

// Adds the values of positions [begin, end) of the block to `Vectors` vectors of the outputs of
// `Count` rows, from element i on. weights: of the block's first position, rows kSplit apart.
template <int Count, int Vectors, class W, class Values, class Asked>
static inline void add_values(const ValueBlock& block, int32_t begin, int32_t end, int64_t i,
                              const float* weights, float* out, Asked& ahead) {
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
    while (p < stop) {
      ahead.template ask<lines_of<Values>(4 * Vectors * W::kWidth)>();
      const int32_t next = p + 4 < stop ? p + 4 : stop;
      for (; p < next; ++p) {
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
  }
#pragma GCC unroll 8
  for (int r = 0; r < Count; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) sum[r][j].store(out + r * stride + i + W::kWidth * j);
  }
}

// All elements of `Count` rows that see the same positions of the block.
template <int Count, class W, class V, class Values, class Asked>
static inline void add_rows_of_values(const ValueBlock& block, int32_t begin, int32_t end,
                                      const float* weights, float* out, Asked& ahead) {
  // As many sums as there are registers for; a row by itself: as many as hide the latency.
  constexpr int kVectors = Count == 1 ? 64 / W::kWidth : W::kWidth / 4;
  int64_t i = 0;
  for (; i + kVectors * W::kWidth <= block.row; i += kVectors * W::kWidth) {
    add_values<Count, kVectors, W, Values>(block, begin, end, i, weights, out, ahead);
  }
  for (; i + 16 <= block.row; i += 16) {
    add_values<Count, 16 / W::kWidth, W, Values>(block, begin, end, i, weights, out, ahead);
  }
  if (i < block.row) add_values<Count, 1, V, Values>(block, begin, end, i, weights, out, ahead);
}

// Positions of the block, whose first one is p, for all rows of a KV head. Rows whose view begins
// or ends in the block take what they see one by one: what they do not see is not even multiplied
// by zero, for it may be NaN.
template <class W, class V, class Values, class Asked>
static inline void tile_values(const AttentionTile& tile, int32_t p, const ValueBlock& block,
                               const float* scores, float* partials, Asked& ahead) {
  const int64_t stride = kPartialHeader + block.row;
  const auto weights = [&](int32_t row) { return scores + int64_t{row} * kSplit + p; };
  const auto out = [&](int32_t row) { return partials + row * stride + kPartialHeader; };
  const auto one_by_one = [&](int32_t first, int32_t last) {
    for (int32_t row = first; row < last; ++row) {
      const int32_t begin = tile.begin[row] > p ? tile.begin[row] - p : 0;
      const int32_t end = tile.end[row] - p < block.positions ? tile.end[row] - p : block.positions;
      if (begin < end)
        add_rows_of_values<1, W, V, Values>(block, begin, end, weights(row), out(row), ahead);
    }
  };
  int32_t first = 0;
  while (first < tile.rows && tile.end[first] < p + block.positions) ++first;
  int32_t last = tile.rows;
  while (last > first && tile.begin[last - 1] > p) --last;
  one_by_one(0, first);
  for_runs_of_rows<kRowsAtOnce>(first, last, [&]<int N>(Rows<N>, int32_t row) {
    add_rows_of_values<N, W, V, Values>(block, 0, block.positions, weights(row), out(row), ahead);
  });
  one_by_one(last, tile.rows);
}

// Kv: the cache's format. With kUnpack a group is unpacked once and read by all rows as float32;
// without, every run of rows reads it where it lies.
template <class W, class V, class Kv, bool kUnpack>
static void attend_as(const AttentionTile& tile, float* partials, float* scratch) {
  using Floats = PlainKv<W, V, float>;
  using Read = std::conditional_t<kUnpack, Floats, Kv>;
  const int64_t stride = kPartialHeader + int64_t{tile.row};
  const int64_t head_scores = int64_t{tile.rows} * kSplit;
  float* const unpacked = scratch + tile.kv_heads * head_scores;
  const int32_t first = tile.begin[0] / kKeyGroup * kKeyGroup;
  const int32_t last = tile.end[tile.rows - 1];
  // As many positions at a time as the caches hold of all heads.
  const int64_t position_bytes = tile.kv_heads * tile.group_bytes / tile.group;
  int32_t step = kStep;
  while (step > kKeyGroup && step * position_bytes > kStepBytes) step /= 2;
  Ahead<V> ahead(tile, first, last, tile.kv_heads > 1 ? step * position_bytes : 0);

  // The groups of [p, p + step) that there are, unpacked one after another; how many.
  const std::byte* groups[kStep / kKeyGroup];
  const auto find_groups = [&](const std::byte* const* of_split, int32_t p, int32_t head,
                               const auto& unpack) {
    int32_t found = 0;
    for (; found < step / kKeyGroup && p + found * kKeyGroup < last; ++found) {
      const HeadGroups group = {of_split + (p + found * kKeyGroup) / tile.group,
                                head * tile.head_bytes};
      groups[found] = group_at(group, 0);
      if constexpr (kUnpack) {
        float* to = unpacked + int64_t{found} * kKeyGroup * tile.row;
        unpack(group, to);
        groups[found] = reinterpret_cast<const std::byte*>(to);
      }
    }
    ahead.use(found);
    if constexpr (kUnpack) ahead.ask_all();
    return found;
  };

  for (int32_t p = first; p < last; p += step) {
    for (int32_t head = 0; head < tile.kv_heads; ++head) {
      const int32_t found = find_groups(tile.keys, p, head, [&](HeadGroups group, float* to) {
        Kv::unpack_keys(tile, group, to);
      });
      tile_scores<W, typename Read::Keys>(tile, tile.q + head * tile.rows, p, groups, found,
                                          scratch + head * head_scores, ahead);
    }
  }

  for (int32_t row = 0; row < tile.kv_heads * tile.rows; ++row) {
    float* partial = partials + row * stride;
    const int32_t view = row % tile.rows;
    row_weights<W, V>(tile.begin[view], tile.end[view], scratch + int64_t{row} * kSplit, partial);
    ahead.ask_more(kLinesARow);
    for (int32_t i = 0; i < tile.row; ++i) partial[kPartialHeader + i] = 0.0f;
  }

  for (int32_t p = first; p < last; p += step) {
    for (int32_t head = 0; head < tile.kv_heads; ++head) {
      const int32_t found = find_groups(tile.values, p, head, [&](HeadGroups group, float* to) {
        Kv::unpack_values(tile, group, to);
      });
      const ValueBlock block = {groups, found * kKeyGroup, tile.row};
      tile_values<W, V, typename Read::Values>(tile, p, block, scratch + head * head_scores,
                                               partials + head * tile.rows * stride, ahead);
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
