// The input of a linear layer as tensor cores take it: rows of 16-bit floats.
//
// Half floats: a row is multiplied by the power of two that brings its largest magnitude into
// [2^14, 2^15), so that nothing overflows and the smallest elements keep their bits; the product is
// divided by it at the end, exactly. Bfloat16, for weights of that type, needs no scale.
//
// Formats with minima also take sums of x over groups of 16 and 32 of K, of the rounded values, so
// that  scale × code - min  stays one weight; they are kept as two halves, the second what the
// first leaves over, 1/64 of their size (32 × 2^15 / 64 is a half).
#pragma once

#include "core/backend.h"
#include "kernels/cuda/device/types.h"
#include "kernels/cuda/stream.h"
#include "kernels/cuda/weight_format.h"

namespace weft::cuda {

inline constexpr float kSumScale = 64.0f;

// Views of device memory.
struct PreparedRows {
  int rows = 0;
  int units = 0;                    // of a row; elements beyond x's columns are zero
  uint16_t* values = nullptr;       // [rows, units × 64]
  float* inverse_scales = nullptr;  // [rows]
  // [rows, blocks, 8 + 16 groups in eights]: for each eight groups four Vec2 (t): the high parts of
  // groups 2t, 2t + 1, then the low parts. First the eight of 32, then both eights of 16.
  Vec2* sums = nullptr;

  static constexpr int kSumsOfBlock = 12;  // Vec2s
};

// Bytes of each part, for `rows` rows of `units`.
constexpr int64_t prepared_value_bytes(int64_t rows, int64_t units) {
  return rows * units * kUnitColumns * 2;
}
constexpr int64_t prepared_sum_bytes(int64_t rows, int64_t units) {
  return rows * ((units + kBlockUnits - 1) / kBlockUnits) * PreparedRows::kSumsOfBlock * 8;
}

// Fills `out` from x [rows, cols]; `bfloat`: as bfloat16.
void prepare_activations(Stream& stream, Mat x, bool bfloat, const PreparedRows& out);

}  // namespace weft::cuda
