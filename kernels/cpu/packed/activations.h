// Activations as 16-bit integers, the inputs of packed linear layers: a block of 256 elements (the
// last of a row: of those that are left) shares a scale,
//   scale = max |x| / 32639,  a = x / scale to the nearest integer, ties to even,
// so that a = 256 × high + low with both in -128 … 127. 16 bits lose little (mean KL 3e-6 where 8
// bits lose 1e-2), and every dot product of a sub-block is an exact 32-bit integer, however an
// instruction set computes it. A block with an infinity or NaN has the scale NaN and zeros.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::cpu {

inline constexpr float kActivationLevels = 32639.0f;
// Below this a block counts as zeros: the reciprocal of its scale would overflow.
inline constexpr float kActivationLeast = 1e-30f;

inline constexpr int kBlockCells = 8;
// Integers of one cell of 32 elements, in an order that the instruction set chooses.
inline constexpr int kActivationCellBytes = 64;

// A block with what the dots of its sub-blocks need: the sums of 16 elements, and of 32. As floats
// they are exact.
struct alignas(64) ActivationBlock {
  std::byte cells[kBlockCells * kActivationCellBytes];
  int32_t sum[2 * kBlockCells];
  float float_sum[2 * kBlockCells];
  int32_t total[kBlockCells];
  float float_total[kBlockCells];
  float scale;
};

struct Activations {
  std::byte* rows = nullptr;  // aligned to 64
  int64_t row_bytes = 0;

  [[gnu::always_inline]] ActivationBlock* row(int64_t r) const {
    return reinterpret_cast<ActivationBlock*>(rows + r * row_bytes);
  }
  // A little more than the blocks of k elements, so that equal places in different rows do not fall
  // into the same cache set.
  [[gnu::always_inline]] static int64_t row_size(int64_t k) {
    return (k + 255) / 256 * static_cast<int64_t>(sizeof(ActivationBlock)) + 64;
  }
};

}  // namespace weft::cpu
