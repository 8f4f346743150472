// out[t] = w · x[t] (+ bias) for weights in the tiles of weight_format.h, and for float32 ones.
//
// Whatever the number of rows, an output is: segments of K (segment_units()), each from zero, spans
// in ascending order; the segments in ascending order; times the row's inverse scale; plus bias.
#pragma once

#include <span>

#include "core/backend.h"
#include "kernels/cuda/prepare_activations.h"
#include "kernels/cuda/stream.h"
#include "kernels/cuda/weight_format.h"

namespace weft::cuda {

// One output; device memory.
struct LinearTarget {
  PackedWeight weight;
  const float* bias = nullptr;  // [weight.rows], or null
  float* out = nullptr;         // [rows, weight.rows]
};

// Outputs of one launch: q, k and v, or gate and up, where they have the same format.
inline constexpr int kMaxTargets = 3;

// Up to this many rows of x a warp takes a segment of K: reading the weight once for every 32 rows
// costs less than the barriers of the kernels for many.
inline constexpr int kFewLinearRows = 32;

// Up to this many, four tiles × 64 rows of x make less idle work than a warpgroup's 128 rows.
inline constexpr int kMaxUnstagedRows = 64;

// All weights are of `type` and have x.units units; 1 to kMaxTargets of them.
void linear_packed(Stream& stream, DType type, const PreparedRows& x,
                   std::span<const LinearTarget> targets);

// The same for many rows, staged, on a device that has_warpgroups(): linear_warpgroups.h.
void linear_by_warpgroups(Stream& stream, DType type, const PreparedRows& x,
                          std::span<const LinearTarget> targets);

// weight: float32 [columns, x.cols]; out: [x.rows, columns].
void linear_float(Stream& stream, Mat x, const float* weight, const float* bias, Mat out);

}  // namespace weft::cuda
