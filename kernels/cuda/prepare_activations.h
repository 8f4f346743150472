// The input of a linear layer as tensor cores take it: rows of 16-bit floats.
//
// Half floats: a row is multiplied by the power of two that brings its largest magnitude into
// [2^14, 2^15), so that nothing overflows and the smallest elements keep their bits; the product is
// divided by it at the end, exactly. Bfloat16, for weights of that type, needs no scale.
//
// Formats with minima also take sums of x over groups of 16 and 32 of K, of the rounded values, so
// that  scale × code - min  stays one weight; they are kept as two halves, the second what the
// first leaves over, 1/64 of their size (32 × 2^15 / 64 is a half).
//
// They lie row by row, or *staged*: as the warpgroups of linear_warpgroups.h find them in shared
// memory, so that what a unit needs of many rows is one copy of bytes that lie together. Rows are
// then padded with zeros to a multiple of kStagedRows.
#pragma once

#include "core/backend.h"
#include "kernels/cuda/device/types.h"
#include "kernels/cuda/stream.h"
#include "kernels/cuda/weight_format.h"

namespace weft::cuda {

inline constexpr float kSumScale = 64.0f;

inline constexpr int kStagedRows = 128;

// Views of device memory.
struct PreparedRows {
  int rows = 0;
  int units = 0;                    // of a row; elements beyond x's columns are zero
  uint16_t* values = nullptr;       // [rows, units × 64]
  float* inverse_scales = nullptr;  // [rows]
  // [rows, blocks, 8 + 16 groups in eights]: for each eight groups four Vec2 (t): the high parts of
  // groups 2t, 2t + 1, then the low parts. First the eight of 32, then both eights of 16.
  Vec2* sums = nullptr;
  // 0: as above. Else the number of rows with their padding, and
  //   values [units, staged_rows, 128 bytes]: of a row, the words of octets (c, t) in the order of
  //     mma's K: word w of it is word t of the 16 bytes 4c + w, which lie at (4c + w) ^ (row % 8);
  //   sums   [blocks, 3 eights, staged_rows / 8, 2, 8 rows, 4 words]: high parts, then low parts.
  int staged_rows = 0;

  static constexpr int kSumsOfBlock = 12;  // Vec2s
};

constexpr int64_t staged_rows(int64_t rows) {
  return (rows + kStagedRows - 1) / kStagedRows * kStagedRows;
}

// Bytes of each part, for `rows` rows (with their padding) of `units`.
constexpr int64_t prepared_value_bytes(int64_t rows, int64_t units) {
  return rows * units * kUnitColumns * 2;
}
constexpr int64_t prepared_sum_bytes(int64_t rows, int64_t units) {
  return rows * ((units + kBlockUnits - 1) / kBlockUnits) * PreparedRows::kSumsOfBlock * 8;
}

// Fills `out` from x [rows, cols]; `bfloat`: as bfloat16.
void prepare_activations(Stream& stream, Mat x, bool bfloat, const PreparedRows& out);

}  // namespace weft::cuda
