// linear() as kernel_table.h words it, one output at a time.
#pragma once

#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/scalar/simd.h"

namespace weft::cpu::scalar {

// Decodes `n` weights of column `column` from feature k0 on.
static inline void decode_segment(const LinearArgs& args, int64_t column, int64_t k0, int64_t n,
                                  float* dst) {
  // Rows are whole blocks and segments start at block borders, so this divides.
  const std::byte* row = args.weight + column * args.weight_row_bytes;
  args.decode(row + args.weight_row_bytes * k0 / args.k, dst, n);
}

static inline float dot(const float* w, const float* x, int64_t n) {
  F32x8 lanes = F32x8::set(0.0f);
  for (int64_t i = 0; i < n; ++i) {
    lanes.lane[i % kLanes] = __builtin_fmaf(w[i], x[i], lanes.lane[i % kLanes]);
  }
  // The padding: zero times zero.
  for (int64_t i = n; i % kLanes != 0; ++i) lanes.lane[i % kLanes] += 0.0f;
  return sum_of_lanes(lanes);
}

static void linear(const LinearArgs& args, int64_t begin, int64_t end, float* scratch) {
  for (int64_t n = begin; n < end; ++n) {
    for (int64_t k0 = 0; k0 < args.k; k0 += kSegment) {
      const int64_t length = args.k - k0 < kSegment ? args.k - k0 : kSegment;
      decode_segment(args, n, k0, length, scratch);
      for (int64_t t = 0; t < args.rows; ++t) {
        float& total = args.out[t * args.out_stride + n];
        const float part = dot(scratch, args.x + t * args.k + k0, length);
        total = k0 == 0 ? 0.0f + part : total + part;
      }
    }
    if (args.bias == nullptr) continue;
    for (int64_t t = 0; t < args.rows; ++t) args.out[t * args.out_stride + n] += args.bias[n];
  }
}

}  // namespace weft::cpu::scalar
