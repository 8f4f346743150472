// What kernels of attention share: exponentials, and how two splits become one. Device code.
#pragma once

#include "kernels/cuda/attention.h"
#include "kernels/cuda/device/device.h"

namespace weft::cuda {

inline constexpr float kLog2e = 1.4426950408889634f;
// A maximum of nothing: below every score, and differences with it stay finite.
inline constexpr float kNothing = -3.402823466e+38f;

// (m1, l1, o1) and (m2, l2, o2), the later one second, are max(m1, m2) and, of l and o alike,
// first × 2^(m1 - max) + second × 2^(m2 - max). A split of which a row sees nothing has m =
// kNothing and l = o = 0, which merging leaves out exactly (but for the sign of a zero). kUnit:
// maxima times this are exponents of two.
template <float kUnit>
struct Merge {
  float maximum, first_factor, second_factor;

  WEFT_DEVICE Merge(float m1, float m2)
      : maximum(m1 > m2 ? m1 : m2),
        first_factor(fast_exp2((m1 - maximum) * kUnit)),
        second_factor(fast_exp2((m2 - maximum) * kUnit)) {}
  WEFT_DEVICE float operator()(float first, float second) const {
    return first * first_factor + second * second_factor;
  }
};

// The positions that the token at `last` sees.
struct VisibleRange {
  int first, last;

  WEFT_DEVICE VisibleRange(const AttentionShape& shape, int position)
      : first(shape.window > 0 && position + 1 > shape.window ? position + 1 - shape.window : 0),
        last(position) {}
};

// Where a token's head keeps the partial result of a split: maximum, sum, output.
WEFT_DEVICE float* partial_at(const AttentionArguments& args, int64_t slot, int head, int split) {
  return args.partials +
         ((slot * args.shape.n_heads + head) * args.max_splits + split) * (args.shape.head_dim + 2);
}

// A block is a slot's head: the splits that it sees, in ascending order.
template <float kUnit>
struct MergeSplits {
  static constexpr const char* kName = "merge_splits";
  static constexpr int kThreads = 64;
  using Shared = NoShared;

  AttentionArguments args;

  WEFT_DEVICE void operator()(Shared&) const {
    const int64_t slot = block_index().x;
    const int head = block_index().y;
    const int dim = args.shape.head_dim;
    const int64_t t = args.slot_tokens != nullptr ? load(args.slot_tokens + slot) : slot;
    const VisibleRange range(args.shape, load(args.positions + t));
    for (int i = thread_index(); i < dim; i += kThreads) {
      const float* partial = partial_at(args, slot, head, range.first / kAttentionSplit);
      float maximum = load(partial);
      float sum = load(partial + 1);
      float o = load(partial + 2 + i);
      for (int split = range.first / kAttentionSplit + 1; split <= range.last / kAttentionSplit;
           ++split) {
        partial += dim + 2;
        const Merge<kUnit> merge(maximum, load(partial));
        o = merge(o, load(partial + 2 + i));
        sum = merge(sum, load(partial + 1));
        maximum = merge.maximum;
      }
      // A zero is positive, whatever it was merged with.
      store(args.out.data + t * args.out.cols + head * dim + i, o / sum + 0.0f);
    }
  }
};

}  // namespace weft::cuda
