// For each split S of the positions p that a token may see, and each of its query heads:
//   s[p] = scale × q · k[p],  m = max s,  w[p] = 2^((s[p] - m) log2 e),  l = Σ w,  o = Σ w[p] v[p];
// merged: m = max(m1, m2), (l, o) = (l1, o1) × 2^((m1 - m) log2 e) + (l2, o2) × 2^((m2 - m) log2
// e). The result is o / l.
//
// A block is a token and a KV head, whose keys and values it reads once for up to four of the query
// heads that share it. Arithmetic is float32; tensor cores would serve prompts better.
#include "kernels/cuda/attention.h"

#include "core/half.h"
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/kv_layout.h"

namespace weft::cuda {
namespace {

constexpr int kSplit = kAttentionSplit;
constexpr float kLog2e = 1.4426950408889634f;
constexpr float kNothing = -3.402823466e+38f;  // below every score; differences stay finite

// Sixteen bytes of a row of the cache as floats.
template <DType kType>
struct Piece {
  static constexpr int kElements = kType == DType::kF32 ? 4 : 8;
  float x[kElements];

  WEFT_DEVICE static Piece read(const std::byte* data, int64_t element) {
    constexpr int kBytes = 16 / kElements;
    const Vec4 v = load(reinterpret_cast<const Vec4*>(data + element * kBytes));
    const uint32_t words[4] = {v.x, v.y, v.z, v.w};
    Piece piece;
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) {
      if constexpr (kType == DType::kF32) {
        piece.x[i] = float_from_bits(words[i]);
      } else if constexpr (kType == DType::kBF16) {
        piece.x[2 * i] = float_from_bits(words[i] << 16);
        piece.x[2 * i + 1] = float_from_bits(words[i] & 0xffff0000u);
      } else {
        piece.x[2 * i] = float_of_half(static_cast<uint16_t>(words[i]));
        piece.x[2 * i + 1] = float_of_half(static_cast<uint16_t>(words[i] >> 16));
      }
    }
    return piece;
  }
};

// What one split, or several merged, came to, as it lies in memory: maximum, sum, output.
struct Merge {
  float maximum, first_factor, second_factor;

  WEFT_DEVICE Merge(float m1, float m2)
      : maximum(m1 > m2 ? m1 : m2),
        first_factor(fast_exp2((m1 - maximum) * kLog2e)),
        second_factor(fast_exp2((m2 - maximum) * kLog2e)) {}
  WEFT_DEVICE float operator()(float first, float second) const {
    return first * first_factor + second * second_factor;
  }
};

template <DType kType>
struct Attention {
  static constexpr const char* kName = "attention";
  static constexpr int kThreads = 128;
  static constexpr int kWarps = kThreads / kWarp;
  static constexpr int kHeads = 4;  // query heads at once: 4 × 8 sums in registers
  static constexpr int kElements = Piece<kType>::kElements;
  static constexpr int kKeyLanes = 8;  // of one key: 128 bytes of it side by side
  struct Shared {
    SharedArray<float, kHeads * kMaxHeadDim> q;
    SharedArray<float, kHeads * kSplit> weights;  // scores first
    SharedArray<float, kThreads * kHeads * kElements> outputs;
    // Of all splits so far: [head][output, maximum, sum].
    SharedArray<float, kHeads * kMaxHeadDim> total;
    SharedArray<float, kHeads> maxima, sums, total_maxima, total_sums;
  };

  AttentionArguments args;

  // The positions of one split that the block's token sees.
  struct Range {
    int begin, end;
  };

  WEFT_DEVICE int64_t slot(int64_t t, int position) const {
    const int block = position / args.keys.block_size;
    const int64_t id = load(args.block_tables + load(args.table_starts + t) + block);
    return id * args.keys.block_size + position % args.keys.block_size;
  }

  WEFT_DEVICE void load_q(Shared& shared, int64_t t, int first_head, int heads) const {
    const int row = args.keys.row_elements;
    for (int i = thread_index(); i < kHeads * row; i += kThreads) {
      const int head = i / row;
      const int element = i % row;
      float q = 0.0f;
      if (head < heads && element < args.shape.head_dim) {
        q = load(args.q.data + t * args.q.cols + (first_head + head) * args.shape.head_dim +
                 element);
      }
      shared.q[head * kMaxHeadDim + element] = q * args.shape.scale;
    }
  }

  // weights[head][p - begin] = the scores. Eight lanes share a key, a warp has four at a time.
  WEFT_DEVICE void scores(Shared& shared, int64_t t, int kv_head, Range range) const {
    const int sub = lane_index() % kKeyLanes;
    const int pieces = args.keys.row_elements / kElements;
    const int keys_at_once = kThreads / kKeyLanes;
    for (int first = range.begin; first < range.end; first += keys_at_once) {
      const int p = first + thread_index() / kKeyLanes;
      float dots[kHeads] = {};
      if (p < range.end) {
        const int64_t row = kv_offset(args.keys, slot(t, p), kv_head);
        for (int i = sub; i < pieces; i += kKeyLanes) {
          const Piece<kType> k = Piece<kType>::read(args.keys.data, row + i * kElements);
          WEFT_UNROLL
          for (int head = 0; head < kHeads; ++head) {
            WEFT_UNROLL
            for (int e = 0; e < kElements; ++e) {
              dots[head] = fused_multiply_add(shared.q[head * kMaxHeadDim + i * kElements + e],
                                              k.x[e], dots[head]);
            }
          }
        }
      }
      WEFT_UNROLL
      for (int head = 0; head < kHeads; ++head) {
        WEFT_UNROLL
        for (int mask = kKeyLanes / 2; mask > 0; mask /= 2) {
          dots[head] += shuffle_xor(dots[head], mask);
        }
        if (sub == 0 && p < range.end) shared.weights[head * kSplit + p - range.begin] = dots[head];
      }
    }
  }

  // A warp is a head: its maximum, its weights, their sum.
  WEFT_DEVICE void softmax(Shared& shared, int count) const {
    static_assert(kWarps == kHeads);
    const int head = warp_index();
    float maximum = kNothing;
    for (int i = lane_index(); i < count; i += kWarp) {
      const float s = shared.weights[head * kSplit + i];
      maximum = s > maximum ? s : maximum;
    }
    maximum = warp_max(maximum);
    float sum = 0.0f;
    for (int i = lane_index(); i < count; i += kWarp) {
      const float s = shared.weights[head * kSplit + i];
      const float w = fast_exp2((s - maximum) * kLog2e);
      shared.weights[head * kSplit + i] = w;
      sum += w;
    }
    sum = warp_sum(sum);
    if (lane_index() == 0) {
      shared.maxima[head] = maximum;
      shared.sums[head] = sum;
    }
  }

  // A thread is a piece of the row and every `groups`-th position; the groups are added in
  // ascending order by add_split().
  WEFT_DEVICE void weigh_values(Shared& shared, int64_t t, int kv_head, Range range) const {
    const int pieces = args.values.row_elements / kElements;
    const int groups = kThreads / pieces;
    const int group = thread_index() / pieces;
    const int piece = thread_index() % pieces;
    if (group >= groups) return;
    float sums[kHeads][kElements] = {};
    for (int p = range.begin + group; p < range.end; p += groups) {
      const int64_t row = kv_offset(args.values, slot(t, p), kv_head);
      const Piece<kType> v = Piece<kType>::read(args.values.data, row + piece * kElements);
      WEFT_UNROLL
      for (int head = 0; head < kHeads; ++head) {
        const float w = shared.weights[head * kSplit + p - range.begin];
        WEFT_UNROLL
        for (int e = 0; e < kElements; ++e) {
          sums[head][e] = fused_multiply_add(w, v.x[e], sums[head][e]);
        }
      }
    }
    WEFT_UNROLL
    for (int head = 0; head < kHeads; ++head) {
      WEFT_UNROLL
      for (int e = 0; e < kElements; ++e) {
        shared.outputs[(head * kElements + e) * kThreads + thread_index()] = sums[head][e];
      }
    }
  }

  WEFT_DEVICE float split_output(Shared& shared, int head, int element) const {
    const int pieces = args.values.row_elements / kElements;
    const int groups = kThreads / pieces;
    const int at = (head * kElements + element % kElements) * kThreads + element / kElements;
    float sum = shared.outputs[at];
    for (int group = 1; group < groups; ++group) sum += shared.outputs[at + group * pieces];
    return sum;
  }

  // Puts the split's result to the ones before it, or takes it as the first.
  WEFT_DEVICE void add_split(Shared& shared, bool first) const {
    const int dim = args.shape.head_dim;
    for (int i = thread_index(); i < kHeads * dim; i += kThreads) {
      const int head = i / dim;
      const float next = split_output(shared, head, i % dim);
      float merged = next;
      if (!first) {
        const Merge merge(shared.total_maxima[head], shared.maxima[head]);
        merged = merge(shared.total[head * kMaxHeadDim + i % dim], next);
      }
      shared.total[head * kMaxHeadDim + i % dim] = merged;
    }
    sync_threads();
    if (thread_index() < kHeads) {
      const int head = thread_index();
      if (first) {
        shared.total_maxima[head] = shared.maxima[head];
        shared.total_sums[head] = shared.sums[head];
      } else {
        const Merge merge(shared.total_maxima[head], shared.maxima[head]);
        shared.total_sums[head] = merge(shared.total_sums[head], shared.sums[head]);
        shared.total_maxima[head] = merge.maximum;
      }
    }
    sync_threads();
  }

  WEFT_DEVICE void write(Shared& shared, int64_t t, int first_head, int heads, int split) const {
    const int dim = args.shape.head_dim;
    for (int i = thread_index(); i < heads * dim; i += kThreads) {
      const int head = i / dim;
      const float o = shared.total[head * kMaxHeadDim + i % dim];
      if (args.partials == nullptr) {
        store(args.out.data + t * args.out.cols + first_head * dim + i,
              o / shared.total_sums[head]);
      } else {
        float* const partial =
            args.partials +
            ((t * args.shape.n_heads + first_head + head) * args.max_splits + split) * (dim + 2);
        if (i % dim == 0) {
          store(partial, shared.total_maxima[head]);
          store(partial + 1, shared.total_sums[head]);
        }
        store(partial + 2 + i % dim, o);
      }
    }
  }

  WEFT_DEVICE void operator()(Shared& shared) const {
    const int64_t t = block_index().x;
    const int kv_head = block_index().y;
    const int group = args.shape.n_heads / args.shape.n_kv_heads;
    const int last = load(args.positions + t);
    const int window = args.shape.window;
    const int first = window > 0 && last + 1 > window ? last + 1 - window : 0;
    int first_split = first / kSplit;
    int end_split = last / kSplit + 1;
    if (args.partials != nullptr) {
      // This block's split alone; those out of sight are left to the merge, which skips them too.
      const int split = block_index().z;
      if (split < first_split || split >= end_split) return;
      first_split = split;
      end_split = split + 1;
    }
    for (int chunk = 0; chunk < group; chunk += kHeads) {
      const int first_head = kv_head * group + chunk;
      const int heads = group - chunk < kHeads ? group - chunk : kHeads;
      load_q(shared, t, first_head, heads);
      sync_threads();
      for (int split = first_split; split < end_split; ++split) {
        const int begin = split * kSplit > first ? split * kSplit : first;
        const int end = (split + 1) * kSplit < last + 1 ? (split + 1) * kSplit : last + 1;
        const Range range{begin, end};
        scores(shared, t, kv_head, range);
        sync_threads();
        softmax(shared, end - begin);
        sync_threads();
        weigh_values(shared, t, kv_head, range);
        sync_threads();
        add_split(shared, split == first_split);
      }
      write(shared, t, first_head, heads, first_split);
      sync_threads();
    }
  }
};

// A block is a token's head: the splits that it sees, in ascending order.
struct MergeSplits {
  static constexpr const char* kName = "merge_splits";
  static constexpr int kThreads = 64;
  using Shared = NoShared;

  AttentionArguments args;

  WEFT_DEVICE void operator()(Shared&) const {
    const int64_t t = block_index().x;
    const int head = block_index().y;
    const int dim = args.shape.head_dim;
    const int last = load(args.positions + t);
    const int window = args.shape.window;
    const int first = window > 0 && last + 1 > window ? last + 1 - window : 0;
    const float* const partials =
        args.partials + (t * args.shape.n_heads + head) * args.max_splits * (dim + 2);
    for (int i = thread_index(); i < dim; i += kThreads) {
      const float* partial = partials + int64_t{first / kSplit} * (dim + 2);
      float maximum = load(partial);
      float sum = load(partial + 1);
      float o = load(partial + 2 + i);
      for (int split = first / kSplit + 1; split <= last / kSplit; ++split) {
        partial = partials + int64_t{split} * (dim + 2);
        const Merge merge(maximum, load(partial));
        o = merge(o, load(partial + 2 + i));
        sum = merge(sum, load(partial + 1));
        maximum = merge.maximum;
      }
      store(args.out.data + t * args.out.cols + head * dim + i, o / sum);
    }
  }
};

}  // namespace

void attention(Stream& stream, const AttentionArguments& args) {
  const Dim3 grid{.x = static_cast<int>(args.q.rows),
                  .y = args.shape.n_kv_heads,
                  .z = args.partials != nullptr ? args.max_splits : 1};
  switch (args.keys.type) {
    case DType::kF32:
      launch(stream, grid, Attention<DType::kF32>{args});
      break;
    case DType::kBF16:
      launch(stream, grid, Attention<DType::kBF16>{args});
      break;
    default:
      launch(stream, grid, Attention<DType::kF16>{args});
  }
  if (args.partials != nullptr) {
    launch(stream, {.x = static_cast<int>(args.q.rows), .y = args.shape.n_heads},
           MergeSplits{args});
  }
}

}  // namespace weft::cuda
