// Activations as integers, the inputs of packed linear layers: a = x / scale to the nearest
// integer, ties to even, where some neighbouring elements share
//   Int16Block  scale = max(max |x| / 32639, sum of |x| / 2272000), 256 elements (the last of a
//               row: those that are left). Then a = 256 × high + low with both in -128 … 127, and
//               all |a| add up to kActivationSum at most.
//   Int8Block   scale = max |x| / 127, 32 elements: half the work
// Every dot product of a sub-block is an exact 32-bit integer, however an instruction set computes
// it; those of 256 16-bit activations with Q4_K's codes times their scales are too. Elements that
// share a scale with an infinity or NaN, or whose mean is so large that 4 × it is infinite, become
// zeros of the scale NaN.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/half.h"

namespace weft::cpu {

// Below this elements count as zeros: the reciprocal of their scale would overflow.
inline constexpr float kActivationLeast = 1e-30f;

// The revision of how 16-bit activations are rounded and sums over them ordered. Keys and values
// that were saved with another one are computed anew.
inline constexpr int kInt16Revision = 2;

inline constexpr int kBlockCells = 8;

// The sum of an Int16Block's |a| at most: rounding adds 128 to 2272000, and there is what the sum
// of floats is wrong by. (Q4_K's largest weight, 945, times it is below 2^31.)
inline constexpr int64_t kActivationSum = 2272400;
// scale × 32639 is no less than this times the sum of |x| / 256.
inline constexpr float kActivationMeans = 256.0f * 32639.0f / 2272000.0f;

// A block of 256 elements with what the dots of its sub-blocks need: the sums of 16 elements, and
// of 32, minus them as integers and they as floats (which are exact; in Int8Block they are times
// the scale).
// kBytes: of an integer. kCount: scales of a block.
template <int kBytes, int kCount>
struct alignas(64) ActivationBlock {
  static constexpr float kLevels = kBytes == 2 ? 32639.0f : 127.0f;
  static constexpr int kHalves = kBytes;          // bytes of an integer
  static constexpr int kCellBytes = 32 * kBytes;  // in an order that the instruction set chooses
  static constexpr int kScales = kCount;

  std::byte cells[kBlockCells * kCellBytes];
  // What panels' tiles meet comes first, beside the cells.
  float float_total[kBlockCells];
  float scale[kScales];
  int32_t minus_total[kBlockCells];
  int32_t minus_sum[2 * kBlockCells];
  float float_sum[2 * kBlockCells];
};
using Int16Block = ActivationBlock<2, 1>;
using Int8Block = ActivationBlock<1, kBlockCells>;

// Of BF16 activations, in order, as layers over floats take them where the mode says so: 256.
struct Bf16Block {
  uint16_t elements[256];
};

// As BF16 layers hold weights and activations: subnormals are zero, as the instructions read them.
[[gnu::always_inline]] static inline uint16_t round_to_bf16(float value) {
  const uint16_t bits = bf16_from_float(value);
  return (bits & 0x7f80) == 0 ? 0 : bits;
}

// The rounded rows of one input. Integers lie block by block: the first blocks of all rows, then
// all second ones. A panel of weights meets one block of many rows, which are then one stream for
// the prefetchers instead of pieces that lie as far apart as whole rows.
struct Activations {
  std::byte* blocks = nullptr;  // aligned to 64
  int64_t row_step = 0;         // bytes from a block to the next row's
  int64_t block_step = 0;       // bytes from a block to the same row's next
  bool for_tiles = false;       // in the order that tiles want, where they have their own

  [[gnu::always_inline]] std::byte* block(int64_t row, int64_t i) const {
    return blocks + row * row_step + i * block_step;
  }
  // The rows from `row` on, from their i-th block.
  [[gnu::always_inline]] Activations from(int64_t row, int64_t i = 0) const {
    return {block(row, i), row_step, block_step, for_tiles};
  }
};

}  // namespace weft::cpu
