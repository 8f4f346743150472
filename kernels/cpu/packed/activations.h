// Activations as 16-bit integers, the inputs of packed linear layers: 32 elements share a scale,
//   scale = max |x| / 32639,  a = x / scale to the nearest integer, ties to even,
// so that a = 256 × high + low with both in -128 … 127. 16 bits lose little (mean KL 3e-6 where 8
// bits lose 1e-2), and every dot product of a sub-block is an exact 32-bit integer, however an
// instruction set computes it. A cell with an infinity or NaN has the scale NaN and zeros.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::cpu {

inline constexpr float kActivationLevels = 32639.0f;
// Below this a cell counts as zeros: the reciprocal of its scale would overflow.
inline constexpr float kActivationLeast = 1e-30f;

// Integers of one cell, in an order that the instruction set chooses.
inline constexpr int kActivationCellBytes = 64;

// What goes with the integers of one cell.
struct ActivationScale {
  float scale;
  float scaled_sum[2];  // scale × sum: of each half (sub-blocks of 16) …
  float scaled_total;   // … and of the whole (sub-blocks of 32)
  int32_t sum[2];
  int32_t total;
  int32_t padding;
};
static_assert(sizeof(ActivationScale) == 32);

// Rows of activations. Rows are a little more than their cells apart, so that equal places in
// different rows do not fall into the same cache set.
struct Activations {
  std::byte* cells = nullptr;  // [rows][row_cells + 1] × kActivationCellBytes, aligned to 64
  ActivationScale* scales = nullptr;  // [rows][row_cells + 2]
  int64_t row_cells = 0;              // k / 32

  [[gnu::always_inline]] std::byte* row(int64_t r) const {
    return cells + r * (row_cells + 1) * kActivationCellBytes;
  }
  [[gnu::always_inline]] ActivationScale* row_scales(int64_t r) const {
    return scales + r * (row_cells + 2);
  }

  [[gnu::always_inline]] static int64_t cells_size(int64_t rows, int64_t row_cells) {
    return rows * (row_cells + 1) * kActivationCellBytes;
  }
  [[gnu::always_inline]] static int64_t scales_size(int64_t rows, int64_t row_cells) {
    return rows * (row_cells + 2) * static_cast<int64_t>(sizeof(ActivationScale));
  }
};

}  // namespace weft::cpu
