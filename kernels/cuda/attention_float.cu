// For each split S of the positions p that a token may see, and each of its query heads:
//   s[p] = scale × q · k[p],  m = max s,  w[p] = 2^((s[p] - m) log2 e),  l = Σ w,  o = Σ w[p] v[p];
// merged: m = max(m1, m2), (l, o) = (l1, o1) × 2^((m1 - m) log2 e) + (l2, o2) × 2^((m2 - m) log2
// e). The result is o / l.
//
// A block is a token and a KV head, whose keys and values it reads once for up to four of the query
// heads that share it. Arithmetic is float32 throughout: this is the cache for those who want no
// rounding, which tensor cores would bring.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_merge.h"
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/kv_layout.h"

namespace weft::cuda {
namespace {

constexpr int kSplit = kAttentionSplit;

// Sixteen bytes of a row of the cache.
struct Piece {
  static constexpr int kElements = 4;
  float x[kElements];

  WEFT_DEVICE static Piece read(const std::byte* data, int64_t offset) {
    const Vec4 v = load(reinterpret_cast<const Vec4*>(data + offset));
    return {
        {float_from_bits(v.x), float_from_bits(v.y), float_from_bits(v.z), float_from_bits(v.w)}};
  }
};

struct AttentionFloat {
  static constexpr const char* kName = "attention_float";
  static constexpr int kThreads = 128;
  static constexpr int kBlocks = 4;
  static constexpr int kWarps = kThreads / kWarp;
  static constexpr int kHeads = 4;  // query heads at once: 4 × 8 sums in registers
  static constexpr int kElements = Piece::kElements;
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

  // Of keys and values alike.
  WEFT_DEVICE int64_t row_offset(int64_t t, int kv_head, int position) const {
    const KvLayer& keys = args.keys;
    const int block = position >> keys.block_shift;
    const int64_t id = load(args.block_tables + load(args.table_starts + t) + block);
    return kv_head_offset(keys, id, kv_head) +
           kv_row_offset(keys, position & (keys.block_size - 1));
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
        const int64_t row = row_offset(t, kv_head, p);
        for (int i = sub; i < pieces; i += kKeyLanes) {
          const Piece k = Piece::read(args.keys.data, row + i * int64_t{sizeof(Piece)});
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
      const int64_t row = row_offset(t, kv_head, p);
      const Piece v = Piece::read(args.values.data, row + piece * int64_t{sizeof(Piece)});
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
        const Merge<kLog2e> merge(shared.total_maxima[head], shared.maxima[head]);
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
        const Merge<kLog2e> merge(shared.total_maxima[head], shared.maxima[head]);
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
              o / shared.total_sums[head] + 0.0f);  // a zero is positive, as after MergeSplits
      } else {
        float* const partial = partial_at(args, t, first_head + head, split);
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
    const auto [first, last] = VisibleRange(args.shape, load(args.positions + t));
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

}  // namespace

void attention_float(Stream& stream, const AttentionArguments& args) {
  launch(stream,
         {.x = static_cast<int>(args.q.rows),
          .y = args.shape.n_kv_heads,
          .z = args.partials != nullptr ? args.max_splits : 1},
         AttentionFloat{args});
  if (args.partials != nullptr) {
    launch(stream, {.x = static_cast<int>(args.q.rows), .y = args.shape.n_heads},
           MergeSplits<kLog2e>{args});
  }
}

}  // namespace weft::cuda
