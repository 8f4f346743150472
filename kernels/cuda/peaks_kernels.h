// The kernels behind peaks.h.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/types.h"
#include "kernels/cuda/stream.h"

namespace weft::cuda {

// Reads `count` vectors `passes` times. found [blocks] are the exclusive ors of the words that each
// block read.
void read_memory(Stream& stream, int blocks, const Vec4* from, int64_t count, int passes,
                 uint32_t* found);

// Products of 16 × 16 by 16 × 8 half floats that are all one half: `rounds` × kChainProducts by
// each of kPeakWarps warps of a block. sums [blocks, threads of a block]: of a thread's results.
inline constexpr int kPeakWarps = 4;
inline constexpr int kChainProducts = 16;
void multiply_by_warps(Stream& stream, int blocks, int rounds, float* sums);

// Products of 64 × 16 by 16 × 256, likewise, kGroupProducts a round by a block's warpgroup.
// operands: half floats [256, 64], read once. Defined where kernels for sm_90a are.
inline constexpr int kGroupProducts = 4;
inline constexpr int kGroupOperands = 256 * 64;
void multiply_by_warpgroups(Stream& stream, int blocks, int rounds, const uint16_t* operands,
                            float* sums);

}  // namespace weft::cuda
