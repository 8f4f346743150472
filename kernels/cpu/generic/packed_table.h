// From a type known at run time to its packed kernel, and the quantisation of its inputs.
#pragma once

#include "kernels/cpu/generic/packed_linear.h"

namespace weft::cpu {

// Whether Isa is there for this format: for all but where it says otherwise.
template <class Isa>
static constexpr bool serves(const PackedFormat& format) {
  if constexpr (requires { Isa::serves(format); }) return Isa::serves(format);
  return true;
}

// Null for a type that is not in kPackedFormats, or that Isa is not there for.
template <class Isa, int I = 0>
static PackedLinearRun packed_kernel(DType type) {
  constexpr int kCount = sizeof(kPackedFormats) / sizeof(kPackedFormats[0]);
  if constexpr (I == kCount) {
    return nullptr;
  } else {
    constexpr PackedFormat kFormat = kPackedFormats[I];
    if constexpr (serves<Isa>(kFormat)) {
      if (kFormat.type == type) return PackedLinear<Isa, kFormat.type>::run;
    }
    return packed_kernel<Isa, I + 1>(type);
  }
}

// The sum of |x| / 256 of `cells` cells at x: in 16 lanes, then by halves. No finite x make it
// infinite.
static inline float mean(const float* x, int cells) {
  float lanes[16] = {};
  for (int i = 0; i < cells * kCellElements; i += 16) {
    for (int j = 0; j < 16; ++j) lanes[j] += __builtin_fabsf(x[i + j]) * (1.0f / 256);
  }
  for (int j = 0; j < 8; ++j) lanes[j] += lanes[j + 8];
  for (int j = 0; j < 4; ++j) lanes[j] += lanes[j + 4];
  for (int j = 0; j < 2; ++j) lanes[j] += lanes[j + 2];
  return lanes[0] + lanes[1];
}

// Cells [first, first + cells) of a block, which share its scale number `index`: x is their first
// element. Isa::largest(x) is the bit pattern of the largest |x| of 32 elements, above infinity's
// if there is a NaN; Isa::quantize(x, inverse, cell, sums) rounds them times `inverse` to integers,
// quantize_for_tiles() in the order that tiles want.
template <class Isa>
static inline void quantize_cells(const float* x, int first, int cells, int index,
                                  [[maybe_unused]] bool for_tiles, typename Isa::Block& block) {
  using Block = typename Isa::Block;
  uint32_t bits = 0;
  for (int c = 0; c < cells; ++c) {
    const uint32_t of_cell = Isa::largest(x + c * kCellElements);
    bits = bits > of_cell ? bits : of_cell;
  }
  float largest;
  __builtin_memcpy(&largest, &bits, sizeof(largest));
  if constexpr (Block::kScales == 1) {
    const float least = mean(x, cells) * kActivationMeans;
    if (least > largest) largest = least;
  }
  const bool finite = bits < 0x7f800000u && largest < __builtin_inff();
  const bool some = finite && largest >= kActivationLeast;
  const float scale = finite ? (some ? largest / Block::kLevels : 0.0f) : __builtin_nanf("");
  const float inverse = some ? Block::kLevels / largest : 0.0f;
  // In sums of 8-bit integers the scale is already.
  const float unit = Block::kScales == 1 ? 1.0f : scale;
  block.scale[index] = scale;
  for (int c = first; c < first + cells; ++c, x += kCellElements) {
    int32_t sum[2] = {0, 0};
    std::byte* const cell = block.cells + c * Block::kCellBytes;
    if (!some) {
      __builtin_memset(cell, 0, Block::kCellBytes);
    } else if constexpr (Isa::kTileOrder) {
      for_tiles ? Isa::quantize_for_tiles(x, inverse, cell, sum)
                : Isa::quantize(x, inverse, cell, sum);
    } else {
      Isa::quantize(x, inverse, cell, sum);
    }
    for (int h = 0; h < 2; ++h) {
      block.minus_sum[2 * c + h] = -sum[h];
      block.float_sum[2 * c + h] = static_cast<float>(sum[h]) * unit;
    }
    const int32_t total = sum[0] + sum[1];
    block.minus_total[c] = -total;
    block.float_total[c] = static_cast<float>(total) * unit;
  }
}

// PackedKernels::quantize_row.
template <class Isa>
static void quantize_row(const float* x, int64_t k, const Activations& to) {
  using Block = typename Isa::Block;
  constexpr int kShare = kBlockCells / Block::kScales;
  int64_t i = 0;
  for (int64_t left = k / kCellElements; left > 0; left -= kBlockCells, ++i) {
    auto& block = *reinterpret_cast<Block*>(to.block(0, i));
    const int cells = left < kBlockCells ? static_cast<int>(left) : kBlockCells;
    for (int c = 0; c < cells; c += kShare, x += kShare * kCellElements) {
      quantize_cells<Isa>(x, c, cells - c < kShare ? cells - c : kShare, c / kShare, to.for_tiles,
                          block);
    }
  }
}

template <class Isa>
static constexpr PackedKernels packed_kernels() {
  return {.linear = packed_kernel<Isa>,
          .quantize_row = quantize_row<Isa>,
          .block_bytes = sizeof(typename Isa::Block),
          .tile_rows = Isa::kTileOrder ? Isa::kManyRows : INT64_MAX};
}

}  // namespace weft::cpu
