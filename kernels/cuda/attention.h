// Causal attention over the paged cache.
//
// Positions are cut into splits of kAttentionSplit, counted from 0. A split is computed afresh, as
// (maximum, sum, output), and splits are merged in ascending order, be it in one block or by blocks
// for each split and a second kernel: which of them depends on the batch, the bits do not.
#pragma once

#include "core/backend.h"
#include "kernels/cuda/kv_cache.h"
#include "kernels/cuda/stream.h"

namespace weft::cuda {

inline constexpr int kMaxHeadDim = 256;

struct AttentionArguments {
  Mat q, out;  // [tokens, heads × head_dim]
  KvLayer keys, values;
  AttentionShape shape;
  const int32_t* positions = nullptr;     // [tokens]
  const int32_t* table_starts = nullptr;  // [tokens]: where its sequence's blocks begin in …
  const int32_t* block_tables = nullptr;
  int max_splits = 0;         // of any token: its position / kAttentionSplit + 1
  float* partials = nullptr;  // partial_floats(…), or null: every token in one block
};

// Floats of the partial results of `tokens` tokens.
constexpr int64_t partial_floats(int64_t tokens, int64_t heads, int64_t splits, int64_t head_dim) {
  return tokens * heads * splits * (head_dim + 2);
}

void attention(Stream& stream, const AttentionArguments& args);

}  // namespace weft::cuda
