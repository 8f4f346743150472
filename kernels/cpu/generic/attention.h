// Attention over one split, and the merge of splits, over a vector type V and storage types T of
// K and V (Milakov & Gimelshein, 2018, for the running maximum and sum). See AttentionArgs for the
// order of every sum.
#pragma once

#include "kernels/cpu/generic/exp.h"
#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// Positions whose rows of V are used for all heads before the next ones are fetched: 16 KiB of
// float32 at 128 elements a head, half the first cache level.
inline constexpr int32_t kValueBlock = 32;

// scores[p, p + 8) of one head, p a multiple of 8; those that take no part become -infinity.
template <class V, class T>
static inline void attention_scores(const AttentionArgs& args, const float* q, int32_t p,
                                    float* scores) {
  const T* row[8];
  for (int32_t j = 0; j < 8; ++j) row[j] = reinterpret_cast<const T*>(args.k) + args.offsets[p + j];
  // Eight positions at once hide the latency of the FMAs. Their first products start the sums, as
  // fused with zero; unrolled, the array is eight registers and never memory.
  V lanes[8];
  const V zero = V::set(0.0f);
  const V first = V::load(q);
#pragma GCC unroll 8
  for (int32_t j = 0; j < 8; ++j) lanes[j] = fma(first, V::load(row[j]), zero);
  for (int32_t i = 8; i < args.head_dim; i += 8) {
    const V query = V::load(q + i);
#pragma GCC unroll 8
    for (int32_t j = 0; j < 8; ++j) lanes[j] = fma(query, V::load(row[j] + i), lanes[j]);
  }
  (sums_of_lanes(lanes) * V::set(args.scale)).store(scores + p);
  for (int32_t j = p; j < args.begin; ++j) scores[j] = -__builtin_inff();
  for (int32_t j = args.end; j < p + 8; ++j) scores[j] = -__builtin_inff();
}

// Scores to weights exp(s - m), in place; m and the sum of the weights to the partial's header.
template <class V>
static inline void attention_weights(const AttentionArgs& args, float* scores, float* header) {
  const int32_t first = args.begin / 8 * 8;
  V maxima = V::set(-__builtin_inff());
  for (int32_t p = first; p < args.end; p += 8) maxima = max(maxima, V::load(scores + p));
  const float maximum = max_of_lanes(maxima);
  V sums = V::set(0.0f);
  for (int32_t p = first; p < args.end; p += 8) {
    const V weights = exp_of(V::load(scores + p) - V::set(maximum));
    sums = sums + weights;
    weights.store(scores + p);
  }
  header[0] = maximum;
  header[1] = sum_of_lanes(sums);
}

// Adds the values of positions [begin, end) to `Vectors` vectors of the output, from element i on.
template <int Vectors, class V, class T>
static inline void attention_values(const AttentionArgs& args, const float* weights, int32_t begin,
                                    int32_t end, int32_t i, float* out) {
  const T* v = reinterpret_cast<const T*>(args.v) + i;
  V sum[Vectors];
#pragma GCC unroll 8
  for (int j = 0; j < Vectors; ++j) sum[j] = V::load(out + i + 8 * j);
  for (int32_t p = begin; p < end; ++p) {
    const T* row = v + args.offsets[p];
    const V weight = V::set(weights[p]);
#pragma GCC unroll 8
    for (int j = 0; j < Vectors; ++j) sum[j] = fma(weight, V::load(row + 8 * j), sum[j]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < Vectors; ++j) sum[j].store(out + i + 8 * j);
}

// The heads take turns at every few rows of K and V, so that those are fetched once for all.
template <class V, class T>
static void attend_as(const AttentionArgs& args, float* partials, float* scratch) {
  const int64_t stride = kPartialHeader + args.head_dim;
  for (int32_t p = args.begin / 8 * 8; p < args.end; p += 8) {
    for (int32_t head = 0; head < args.heads; ++head) {
      attention_scores<V, T>(args, args.q + int64_t{head} * args.head_dim, p,
                             scratch + int64_t{head} * kSplit);
    }
  }
  for (int32_t head = 0; head < args.heads; ++head) {
    float* partial = partials + head * stride;
    attention_weights<V>(args, scratch + int64_t{head} * kSplit, partial);
    for (int32_t i = 0; i < args.head_dim; ++i) partial[kPartialHeader + i] = 0.0f;
  }
  for (int32_t begin = args.begin; begin < args.end; begin += kValueBlock) {
    const int32_t end = begin + kValueBlock < args.end ? begin + kValueBlock : args.end;
    for (int32_t head = 0; head < args.heads; ++head) {
      const float* weights = scratch + int64_t{head} * kSplit;
      float* out = partials + head * stride + kPartialHeader;
      int32_t i = 0;
      for (; i + 64 <= args.head_dim; i += 64) {
        attention_values<8, V, T>(args, weights, begin, end, i, out);
      }
      for (; i < args.head_dim; i += 8) {
        attention_values<1, V, T>(args, weights, begin, end, i, out);
      }
    }
  }
}

template <class V, class Half, class BFloat>
static void attend(const AttentionArgs& args, float* partials, float* scratch) {
  if (args.type == DType::kF16) return attend_as<V, Half>(args, partials, scratch);
  if (args.type == DType::kBF16) return attend_as<V, BFloat>(args, partials, scratch);
  attend_as<V, float>(args, partials, scratch);
}

template <class V>
static void merge(float* total, const float* next, int32_t heads, int32_t head_dim) {
  const int64_t stride = kPartialHeader + head_dim;
  for (int32_t head = 0; head < heads; ++head, total += stride, next += stride) {
    const V m1 = V::set(total[0]);
    const V m2 = V::set(next[0]);
    const V m = max(m1, m2);
    const V factor1 = exp_of(m1 - m);
    const V factor2 = exp_of(m2 - m);
    for (int32_t i = 0; i < head_dim; i += 8) {
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
