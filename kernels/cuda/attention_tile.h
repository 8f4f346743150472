// A tile of attention on tensor cores: 16 rows (a token's query head each) for a warp, keys and
// values in chunks of 32 positions. Device code.
//
//   s = factor × q · k,  m' = max(m, max s),  f = 2^(m - m'),  p = half(2^(s - m'))
//   l = f l + Σ p,  o = f o + Σ p v                       for each chunk of a split, in order,
// from m = nothing, l = o = 0 at every split's first chunk; splits are merged (attention_merge.h).
// q is rounded to half, or bfloat16, times a power of two; l is the sum of the rounded p, so that
// weights add up to one. q · k is one chain of mma over 16 elements each, l and o one over 16
// positions each, both ascending.
//
// The same bits. A row's numbers depend on its own q, its own range of positions, and the cache:
// what it may not see has p = 0, and adding zero times a finite value (kv_cache.h sees to that), or
// multiplying with f = 1, changes nothing. So a row may lie in a tile with any others, chunks that
// it sees nothing of may be left out or not, and it is all the same which warp takes which keys or
// elements: with kShares > 1, a chunk's keys are dealt to that many warps for s, which they
// exchange through shared memory, and the elements of o for Σ p v. That is how decode is done, by
// few rows; prompts have kShares = 1 where registers allow.
//
// Why these numbers, for 128 elements of f16. Few rows are bound by memory: a chunk of keys and
// values is 16 KB, read once for all query heads of a KV head; padded to 16 rows a position is 4 ×
// 16 × 128 flops for 512 bytes, 16 a byte, a tenth of what an H200 has (some 600 TFLOP/s of
// mma.sync over 4.3 TB/s). An SM's share of the bandwidth wants 23 KB in flight (linear_kernels.h);
// registers allow three blocks, and each has two chunks on their way. Many rows are bound by
// arithmetic: 128 rows make 128 flops of a byte, 4.7 TB/s from the second cache at full speed; 64
// would ask for more than it has. After that comes shared memory: a warp reads a chunk's 16 KB for
// 64 mma, which for 8 warps is 1024 clocks of 128 bytes against 830 of arithmetic (A100: 1024). 32
// rows a warp would halve that, but 16 rows' o is 64 registers of a lane, q 32, and what earlier
// splits came to has to lie in shared memory already.
#pragma once

#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_merge.h"
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/half_scale.h"
#include "kernels/cuda/kv_chunk.h"

namespace weft::cuda {

// d[i] of mma belongs to row half i / 2 of a lane: row lane / 4 or that + 8 of the warp's 16.
inline constexpr int kRowHalves = 2;

// (m, l, o) of a warp's 16 rows and kTiles × 8 elements, in mma's layout; sum[0], sum[2] are l.
template <int kTiles>
struct RowSums {
  float maximum[kRowHalves];
  float sum[4];
  float o[kTiles][4];

  WEFT_DEVICE void clear() {
    WEFT_UNROLL
    for (int h = 0; h < kRowHalves; ++h) maximum[h] = kNothing;
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) sum[i] = 0.0f;
    WEFT_UNROLL
    for (int n = 0; n < kTiles; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) o[n][i] = 0.0f;
    }
  }
  WEFT_DEVICE void scale(const float (&factor)[kRowHalves]) {
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) sum[i] *= factor[i / 2];
    WEFT_UNROLL
    for (int n = 0; n < kTiles; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) o[n][i] *= factor[i / 2];
    }
  }
};

// What earlier splits came to, between one split's end and the next one's: in registers, or, where
// those are scarce, a lane's o in shared memory, of which it touches nobody else's.
template <int kTiles, int kThreads>
class EarlierSplits {
 public:
  static constexpr bool kInShared = kTiles * 4 > 32;
  struct Shared {
    SharedArray<float, kInShared ? kTiles * 4 * kThreads : 4> o;
  };

  WEFT_DEVICE void keep(Shared& shared, const RowSums<kTiles>& sums) {
    WEFT_UNROLL
    for (int h = 0; h < kRowHalves; ++h) maximum_[h] = sums.maximum[h];
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) {
      sum_[i] = sums.sum[i];
      WEFT_UNROLL
      for (int n = 0; n < kTiles; ++n) {
        if constexpr (kInShared) {
          shared.o[(4 * n + i) * kThreads + thread_index()] = sums.o[n][i];
        } else {
          o_[n][i] = sums.o[n][i];
        }
      }
    }
  }
  // Puts them before the split in `sums`.
  WEFT_DEVICE void merge_into(Shared& shared, RowSums<kTiles>& sums) const {
    WEFT_UNROLL
    for (int h = 0; h < kRowHalves; ++h) {
      const Merge<1.0f> merge(maximum_[h], sums.maximum[h]);
      sums.maximum[h] = merge.maximum;
      WEFT_UNROLL
      for (int i = 2 * h; i < 2 * h + 2; ++i) {
        sums.sum[i] = merge(sum_[i], sums.sum[i]);
        WEFT_UNROLL
        for (int n = 0; n < kTiles; ++n) {
          if constexpr (kInShared) {
            sums.o[n][i] = merge(shared.o[(4 * n + i) * kThreads + thread_index()], sums.o[n][i]);
          } else {
            sums.o[n][i] = merge(o_[n][i], sums.o[n][i]);
          }
        }
      }
    }
  }

 private:
  float maximum_[kRowHalves], sum_[4];
  float o_[kInShared ? 1 : kTiles][4];
};

template <DType kType, int kDim, int kRowTiles, int kShares>
struct TileAttention {
  static constexpr const char* kName =
      kRowTiles == 1 ? "attention_few_rows" : "attention_many_rows";
  static constexpr int kThreads = kRowTiles * kShares * kWarp;
  // By registers: 120, 168 and 255 of a lane of few rows, 255 of many.
  static constexpr int kBlocks = kRowTiles > 1 ? 1 : kDim <= 64 ? 4 : kDim <= 128 ? 3 : 2;
  static constexpr int kKeyTiles = kKvChunk / 8;
  static constexpr int kElementTiles = kDim / 8 / kShares;  // of o, a warp's
  static constexpr int kSteps = kDim / 16;                  // of q · k
  // Of a row of scores: 8 rows of two neighbouring floats are in different banks.
  static constexpr int kScorePitch = kKvChunk + 8;
  using Chunks = KvChunks<kType, kDim, kThreads>;
  using Sums = RowSums<kElementTiles>;
  using Earlier = EarlierSplits<kElementTiles, kThreads>;

  struct Shared {
    typename Chunks::Shared chunks;
    typename Earlier::Shared earlier;
    SharedArray<float, kShares == 1 ? 4 : kRowTiles * 16 * kScorePitch> scores;
  };
  // What a block may have on every architecture from sm_80 on (sm_86, 89 and 120 have the least).
  static_assert(sizeof(Shared) <= 99 * 1024);

  AttentionArguments args;

  WEFT_DEVICE static int row_tile() { return warp_index() / kShares; }
  WEFT_DEVICE static int share() { return warp_index() % kShares; }

  WEFT_DEVICE static uint32_t pair_of(float low, float high) {
    return kType == DType::kBF16 ? bfloat2_of(low, high) : half2_of(low, high);
  }
  WEFT_DEVICE static void multiply(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                   uint32_t b1) {
    const uint32_t b[2] = {b0, b1};
    if constexpr (kType == DType::kBF16) {
      mma_bfloat(d, a, b);
    } else {
      mma_half(d, a, b);
    }
  }

  // Row `index` of the tile; one past the end is the last once more.
  struct Row {
    int64_t token;
    int slot, head;  // head: of all query heads
    VisibleRange visible;
  };
  WEFT_DEVICE Row row(const AttentionTile& tile, int kv_head, int index) const {
    const int group = args.shape.n_heads / args.shape.n_kv_heads;
    const int number = tile.first_row + (index < tile.num_rows ? index : tile.num_rows - 1);
    const int64_t token = tile.first_token + number / group;
    return {token, tile.first_slot + number / group, kv_head * group + number % group,
            VisibleRange(args.shape, load(args.positions + token))};
  }

  // q of the warp's rows as mma's left operand.
  struct Queries {
    uint32_t words[kSteps][4];
    float factor[kRowHalves];  // of a dot product, to an exponent of two
  };
  WEFT_DEVICE float query(const Row& r, int element) const {
    const int dim = args.shape.head_dim;
    return element < dim ? load(args.q.data + r.token * args.q.cols + r.head * dim + element)
                         : 0.0f;
  }
  // Half h of the lane's rows. Reads them twice rather than keep them as floats.
  WEFT_DEVICE void load_queries(const Row& r, int h, Queries& queries) const {
    const int t = lane_index() % 4;
    float largest = 0.0f;
    for (int element = t; element < args.shape.head_dim; element += 4) {
      const float x = query(r, element);
      const float magnitude = x < 0.0f ? -x : x;
      largest = magnitude > largest ? magnitude : largest;
    }
    WEFT_UNROLL
    for (int mask = 1; mask < 4; mask *= 2) {
      const float other = shuffle_xor(largest, mask);
      largest = other > largest ? other : largest;
    }
    const float scale = half_scale(largest);
    queries.factor[h] = args.shape.scale * kLog2e * (1.0f / scale);
    WEFT_UNROLL
    for (int step = 0; step < kSteps; ++step) {
      WEFT_UNROLL
      for (int i = 0; i < 2; ++i) {
        const int element = 16 * step + 8 * i + 2 * t;
        queries.words[step][h + 2 * i] =
            pair_of(query(r, element) * scale, query(r, element + 1) * scale);
      }
    }
  }

  // The share's dot products with a chunk's keys. [key tile][mma's layout]
  static constexpr int kOwnKeyTiles = kKeyTiles / kShares;
  WEFT_DEVICE void multiply_keys(const Shared& shared, int first_element, const Queries& queries,
                                 float (&scores)[kOwnKeyTiles][4]) const {
    WEFT_UNROLL
    for (int n = 0; n < kOwnKeyTiles; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) scores[n][i] = 0.0f;
    }
    const int own_keys = 8 * share() * kOwnKeyTiles;
    const int first =
        first_element + KvTile<kDim>::element(own_keys + lane_index() % 8, lane_index() / 8);
    WEFT_UNROLL
    for (int step = 0; step < kSteps; step += 2) {
      WEFT_UNROLL
      for (int n = 0; n < kOwnKeyTiles; ++n) {
        uint32_t k[4];
        shared.chunks.keys.load_matrices(KvTile<kDim>::pieces_on(first, 2 * step) + 8 * n * kDim,
                                         k);
        multiply(scores[n], queries.words[step], k[0], k[1]);
        multiply(scores[n], queries.words[step + 1], k[2], k[3]);
      }
    }
  }

  // Every share gets all scores of its rows.
  WEFT_DEVICE void give_scores(Shared& shared, const float (&own)[kOwnKeyTiles][4]) const {
    WEFT_UNROLL
    for (int n = 0; n < kOwnKeyTiles; ++n) {
      WEFT_UNROLL
      for (int h = 0; h < kRowHalves; ++h) {
        shared.scores.store_as(
            score_at(share() * kOwnKeyTiles + n, h),
            Vec2{bits_from_float(own[n][2 * h]), bits_from_float(own[n][2 * h + 1])});
      }
    }
  }
  WEFT_DEVICE void take_scores(const Shared& shared, float (&all)[kKeyTiles][4]) const {
    WEFT_UNROLL
    for (int n = 0; n < kKeyTiles; ++n) {
      WEFT_UNROLL
      for (int h = 0; h < kRowHalves; ++h) {
        const Vec2 pair = shared.scores.template load_as<Vec2>(score_at(n, h));
        all[n][2 * h] = float_from_bits(pair.x);
        all[n][2 * h + 1] = float_from_bits(pair.y);
      }
    }
  }
  WEFT_DEVICE static int score_at(int key_tile, int h) {
    const int in_warp = lane_index() / 4 + 8 * h;
    return (16 * row_tile() + in_warp) * kScorePitch + 8 * key_tile + 2 * (lane_index() % 4);
  }

  // Scores of positions that a row does not see are below everything.
  WEFT_DEVICE static void mask(int chunk, const VisibleRange (&visible)[kRowHalves],
                               float (&scores)[kKeyTiles][4]) {
    WEFT_UNROLL
    for (int n = 0; n < kKeyTiles; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int position = chunk * kKvChunk + 8 * n + 2 * (lane_index() % 4) + i % 2;
        const VisibleRange& range = visible[i / 2];
        if (position < range.first || position > range.last) {
          scores[n][i] = float_from_bits(0xff800000u);
        }
      }
    }
  }

  // The chunk's scores and values to the split's sums.
  WEFT_DEVICE void add_chunk(const Shared& shared, int first_element, const Queries& queries,
                             float (&scores)[kKeyTiles][4], Sums& split) const {
    float rescale[kRowHalves];
    WEFT_UNROLL
    for (int h = 0; h < kRowHalves; ++h) {
      float largest = scores[0][2 * h];
      WEFT_UNROLL
      for (int n = 0; n < kKeyTiles; ++n) {
        WEFT_UNROLL
        for (int i = 2 * h; i < 2 * h + 2; ++i) {
          largest = scores[n][i] > largest ? scores[n][i] : largest;
        }
      }
      WEFT_UNROLL
      for (int lanes = 1; lanes < 4; lanes *= 2) {
        const float other = shuffle_xor(largest, lanes);
        largest = other > largest ? other : largest;
      }
      largest *= queries.factor[h];
      const float maximum = largest > split.maximum[h] ? largest : split.maximum[h];
      rescale[h] = fast_exp2(split.maximum[h] - maximum);
      split.maximum[h] = maximum;
    }
    split.scale(rescale);

    uint32_t weights[kKvChunk / 16][4];
    WEFT_UNROLL
    for (int n = 0; n < kKeyTiles; ++n) {
      WEFT_UNROLL
      for (int h = 0; h < kRowHalves; ++h) {
        const float low =
            fused_multiply_add(scores[n][2 * h], queries.factor[h], -split.maximum[h]);
        const float high =
            fused_multiply_add(scores[n][2 * h + 1], queries.factor[h], -split.maximum[h]);
        weights[n / 2][h + 2 * (n % 2)] = pair_of(fast_exp2(low), fast_exp2(high));
      }
    }
    static_assert(kKvChunk == kWarp, "a lane gives a position's row of values");
    constexpr uint32_t kOnes = kType == DType::kBF16 ? 0x3f803f80u : 0x3c003c00u;
    multiply(split.sum, weights[0], kOnes, kOnes);
    multiply(split.sum, weights[1], kOnes, kOnes);
    // A warp's share is a power of two of pieces, from a multiple of it on.
    const int first = first_element + KvTile<kDim>::element(lane_index(), share() * kElementTiles);
    WEFT_UNROLL
    for (int n = 0; n < kElementTiles; ++n) {
      uint32_t v[4];
      shared.chunks.values.load_transposed_matrices(KvTile<kDim>::pieces_on(first, n), v);
      multiply(split.o[n], weights[0], v[0], v[1]);
      multiply(split.o[n], weights[1], v[2], v[3]);
    }
  }

  WEFT_DEVICE void write(const Row& r, int h, const Sums& sums, int split) const {
    const int t = lane_index() % 4;
    const int dim = args.shape.head_dim;
    float* out = args.out.data + r.token * args.out.cols + r.head * dim;
    float divisor = sums.sum[2 * h];
    if (args.partials != nullptr) {
      // What a row sees nothing of, the merge leaves out.
      if (split < r.visible.first / kAttentionSplit || split > r.visible.last / kAttentionSplit) {
        return;
      }
      float* const partial = partial_at(args, r.slot, r.head, split);
      if (share() == 0 && t == 0) {
        store(partial, sums.maximum[h]);
        store(partial + 1, sums.sum[2 * h]);
      }
      out = partial + 2;
      divisor = 1.0f;
    }
    WEFT_UNROLL
    for (int n = 0; n < kElementTiles; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 2; ++i) {
        const int element = 8 * (share() * kElementTiles + n) + 2 * t + i;
        // A zero is positive, whatever a row's company made of it.
        if (element < dim) store(out + element, sums.o[n][2 * h + i] / divisor + 0.0f);
      }
    }
  }

  WEFT_DEVICE void operator()(Shared& shared) const {
    // A prompt's last tiles see the most: they come first.
    const AttentionTile tile = load(args.tiles + (grid_size().x - 1 - block_index().x));
    const int kv_head = block_index().y;
    int first = row(tile, kv_head, 0).visible.first;
    int last = row(tile, kv_head, tile.num_rows - 1).visible.last;
    if (args.partials != nullptr) {
      // This block's split alone.
      const int begin = block_index().z * kAttentionSplit;
      first = first > begin ? first : begin;
      last = last < begin + kAttentionSplit - 1 ? last : begin + kAttentionSplit - 1;
      if (first > last) return;
    }
    const KvSource source{args.keys, args.values, args.block_tables + tile.table_start,
                          kv_head,   first,       last};
    const int begin = first / kKvChunk;
    const int end = last / kKvChunk + 1;
    WEFT_UNROLL
    for (int stage = 0; stage < Chunks::kStages - 1; ++stage) {
      if (begin + stage < end) Chunks::copy(shared.chunks, stage, source, begin + stage);
      copy_async_commit();
    }

    const int first_row = 16 * row_tile();
    const bool idle = first_row >= tile.num_rows;
    const Row rows[kRowHalves] = {row(tile, kv_head, first_row + lane_index() / 4),
                                  row(tile, kv_head, first_row + lane_index() / 4 + 8)};
    const VisibleRange visible[kRowHalves] = {rows[0].visible, rows[1].visible};
    // What any, and what every row of the warp sees.
    const VisibleRange earliest = row(tile, kv_head, first_row).visible;
    const VisibleRange latest = row(tile, kv_head, first_row + 15).visible;
    Queries queries;
    WEFT_UNROLL
    for (int h = 0; h < kRowHalves; ++h) load_queries(rows[h], h, queries);

    constexpr int kChunksOfSplit = kAttentionSplit / kKvChunk;
    Sums sums;
    Earlier earlier;
    int stage = 0;
    for (int chunk = begin; chunk < end;) {
      const bool first_split = chunk == begin;
      const int next_split = (chunk / kChunksOfSplit + 1) * kChunksOfSplit;
      const int end_of_split = next_split < end ? next_split : end;
      sums.clear();
      for (; chunk < end_of_split; ++chunk) {
        copy_async_wait<Chunks::kStages - 2>();
        // Everybody's copies of this chunk are there, and everybody has left the chunk before it.
        sync_threads();
        const int ahead = chunk + Chunks::kStages - 1;
        const int free_stage = stage == 0 ? Chunks::kStages - 1 : stage - 1;
        if (ahead < end) Chunks::copy(shared.chunks, free_stage, source, ahead);
        copy_async_commit();
        if constexpr (Chunks::kUnpacks) {
          Chunks::unpack(shared.chunks, stage, source, chunk);
          sync_threads();
        }
        const int first_position = chunk * kKvChunk;
        const int last_position = first_position + kKvChunk - 1;
        const bool seen = !idle && first_position <= latest.last && last_position >= earliest.first;
        const bool all = first_position >= latest.first && last_position <= earliest.last;
        const int first_element = Chunks::first_element(stage);
        stage = stage + 1 == Chunks::kStages ? 0 : stage + 1;
        if constexpr (kShares == 1) {
          if (!seen) continue;
        }
        float scores[kKeyTiles][4];
        if constexpr (kShares == 1) {
          multiply_keys(shared, first_element, queries, scores);
        } else {
          if (seen) {
            float own[kOwnKeyTiles][4];
            multiply_keys(shared, first_element, queries, own);
            give_scores(shared, own);
          }
          sync_threads();
          if (!seen) continue;
          take_scores(shared, scores);
        }
        if (!all) mask(chunk, visible, scores);
        add_chunk(shared, first_element, queries, scores, sums);
      }
      if (!first_split) earlier.merge_into(shared.earlier, sums);
      if (chunk < end) earlier.keep(shared.earlier, sums);
    }

    WEFT_UNROLL
    for (int h = 0; h < kRowHalves; ++h) {
      const int index = first_row + lane_index() / 4 + 8 * h;
      if (index < tile.num_rows) {
        write(row(tile, kv_head, index), h, sums, block_index().z);
      }
    }
  }
};

}  // namespace weft::cuda
