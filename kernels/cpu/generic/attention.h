// Attention over one split, and the merge of splits, over a vector type V and storage types T of
// K and V (Milakov & Gimelshein, 2018, for the running maximum and sum). See AttentionArgs for the
// order of every sum.
#pragma once

#include "kernels/cpu/generic/exp.h"
#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// scores[begin, end) of one head; the lanes of the vectors around them are set to -infinity.
template <class V, class T>
static inline void attention_scores(const AttentionArgs& args, const float* q, float* scores) {
  const T* k = reinterpret_cast<const T*>(args.k);
  const float minus_infinity = -__builtin_inff();
  const int32_t first = args.begin / 8 * 8;
  for (int32_t p = first; p < args.end; p += 8) {
    // Eight positions at once hide the latency of the FMAs.
    const T* row[8];
    for (int32_t j = 0; j < 8; ++j) row[j] = k + args.offsets[p + j];
    V lanes[8];
    for (V& v : lanes) v = V::set(0.0f);
    for (int32_t i = 0; i < args.head_dim; i += 8) {
      const V query = V::load(q + i);
      for (int32_t j = 0; j < 8; ++j) lanes[j] = fma(query, V::load(row[j] + i), lanes[j]);
    }
    (sums_of_lanes(lanes) * V::set(args.scale)).store(scores + p);
    for (int32_t j = p; j < args.begin; ++j) scores[j] = minus_infinity;
    for (int32_t j = args.end; j < p + 8; ++j) scores[j] = minus_infinity;
  }
}

// `Vectors` vectors of the output from element i on: they stay in registers over all positions.
template <int Vectors, class V, class T>
static inline void attention_output(const AttentionArgs& args, const float* weights, int32_t i,
                                    float* out) {
  const T* v = reinterpret_cast<const T*>(args.v) + i;
  V sum[Vectors];
  for (V& s : sum) s = V::set(0.0f);
  for (int32_t p = args.begin; p < args.end; ++p) {
    const T* row = v + args.offsets[p];
    const V weight = V::set(weights[p]);
    for (int j = 0; j < Vectors; ++j) sum[j] = fma(weight, V::load(row + 8 * j), sum[j]);
  }
  for (int j = 0; j < Vectors; ++j) sum[j].store(out + i + 8 * j);
}

template <class V, class T>
static void attend_as(const AttentionArgs& args, float* partials, float* scratch) {
  const int32_t first = args.begin / 8 * 8;
  for (int32_t head = 0; head < args.heads; ++head) {
    float* partial = partials + static_cast<int64_t>(head) * (kPartialHeader + args.head_dim);
    attention_scores<V, T>(args, args.q + static_cast<int64_t>(head) * args.head_dim, scratch);

    V maxima = V::set(-__builtin_inff());
    for (int32_t p = first; p < args.end; p += 8) maxima = max(maxima, V::load(scratch + p));
    const float maximum = max_of_lanes(maxima);
    V sums = V::set(0.0f);
    for (int32_t p = first; p < args.end; p += 8) {
      const V weights = exp_of(V::load(scratch + p) - V::set(maximum));
      sums = sums + weights;
      weights.store(scratch + p);
    }
    partial[0] = maximum;
    partial[1] = sum_of_lanes(sums);

    float* out = partial + kPartialHeader;
    int32_t i = 0;
    for (; i + 64 <= args.head_dim; i += 64) attention_output<8, V, T>(args, scratch, i, out);
    for (; i < args.head_dim; i += 8) attention_output<1, V, T>(args, scratch, i, out);
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
