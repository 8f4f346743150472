// linear() as kernel_table.h words it, for any vector type: a column's segment is decoded once and
// meets a few rows at a time.
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// One segment of `n` weights times R rows of x, from k0 on: sums[r].
template <class V, int R>
static inline void segment_dots(const float* w, const float* x, int64_t k, int64_t n, float* sums) {
  V lanes[R];
  for (int r = 0; r < R; ++r) lanes[r] = V::set(0.0f);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V weights = V::load(w + i);
    for (int r = 0; r < R; ++r) lanes[r] = fma(weights, V::load(x + r * k + i), lanes[r]);
  }
  if (i < n) {
    for (int r = 0; r < R; ++r) {
      float last_w[kLanes] = {}, last_x[kLanes] = {};
      __builtin_memcpy(last_w, w + i, static_cast<size_t>(n - i) * sizeof(float));
      __builtin_memcpy(last_x, x + r * k + i, static_cast<size_t>(n - i) * sizeof(float));
      lanes[r] = fma(V::load(last_w), V::load(last_x), lanes[r]);
    }
  }
  for (int r = 0; r < R; ++r) sums[r] = sum_of_lanes(lanes[r]);
}

template <class V>
static void linear(const LinearArgs& args, int64_t begin, int64_t end, float* scratch) {
  constexpr int kTile = 4;
  for (int64_t n = begin; n < end; ++n) {
    for (int64_t k0 = 0; k0 < args.k; k0 += kSegment) {
      const int64_t length = args.k - k0 < kSegment ? args.k - k0 : kSegment;
      // Rows are whole blocks and segments start at block borders, so this divides.
      const std::byte* row = args.weight + n * args.weight_row_bytes;
      args.decode(row + args.weight_row_bytes * k0 / args.k, scratch, length);
      for (int64_t t = 0; t < args.rows; t += kTile) {
        const float* x = args.x + t * args.k + k0;
        const int64_t left = args.rows - t;
        float sums[kTile];
        switch (left) {
          case 1:
            segment_dots<V, 1>(scratch, x, args.k, length, sums);
            break;
          case 2:
            segment_dots<V, 2>(scratch, x, args.k, length, sums);
            break;
          case 3:
            segment_dots<V, 3>(scratch, x, args.k, length, sums);
            break;
          default:
            segment_dots<V, 4>(scratch, x, args.k, length, sums);
        }
        for (int64_t r = 0; r < (left < kTile ? left : kTile); ++r) {
          float& total = args.out[(t + r) * args.out_stride + n];
          total = k0 == 0 ? 0.0f + sums[r] : total + sums[r];
        }
      }
    }
    if (args.bias == nullptr) continue;
    for (int64_t t = 0; t < args.rows; ++t) args.out[t * args.out_stride + n] += args.bias[n];
  }
}

}  // namespace weft::cpu
