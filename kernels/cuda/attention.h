// Causal attention over the paged cache.
//
// Positions are cut into splits of kAttentionSplit, counted from 0. A split is computed afresh, as
// (maximum, sum, output), and splits are merged in ascending order, be it in one block or by blocks
// for each split and a second kernel: which of them depends on the batch, the bits do not. Nor do
// they depend on the schedule: few rows and many are two ways of dealing the same sums, each in the
// same order, to warps.
#pragma once

#include "core/backend.h"
#include "kernels/cuda/kv_cache.h"
#include "kernels/cuda/stream.h"

namespace weft::cuda {

// How the step's tokens are dealt to blocks.
enum class AttentionSchedule : uint8_t {
  kTokens,    // a block is a token and a KV head; of F32 caches
  kFewRows,   // a block is a tile of kFewTileRows rows whose warps share each chunk of keys
  kManyRows,  // a block is a tile of many_tile_rows(), 16 rows a warp
};

// A row is a token's query head. Those of one sequence and one KV head are numbered token by token,
// and in a token head by head; a tile is a run of them.
struct AttentionTile {
  int32_t first_token = 0;  // the sequence's first in the step
  int32_t first_slot = 0;   // the sequence's in AttentionArguments::partials
  int32_t first_row = 0;
  int32_t num_rows = 0;
  int32_t table_start = 0;  // where the sequence's blocks begin in block_tables
};

struct AttentionArguments {
  Mat q, out;  // [tokens, heads × head_dim]
  KvLayer keys, values;
  AttentionShape shape;
  const int32_t* positions = nullptr;  // [tokens], ascending within a sequence
  const int32_t* block_tables = nullptr;

  AttentionSchedule schedule = AttentionSchedule::kTokens;
  const int32_t* table_starts = nullptr;  // [tokens], as a tile's; of kTokens
  const AttentionTile* tiles = nullptr;   // [num_tiles], of the other two
  int num_tiles = 0;

  int max_splits = 0;  // of any of the schedule's tokens: its position / kAttentionSplit + 1
  // partial_floats(…), by slot, for a block each split; or null: a block takes all of them.
  float* partials = nullptr;
  const int32_t* slot_tokens = nullptr;  // [num_slots]; null: a slot is the token of its number
  int num_slots = 0;
};

// Rows of one tile.
inline constexpr int kFewTileRows = 16;
constexpr int many_tile_rows(int head_dim) { return head_dim <= 128 ? 128 : 32; }

// Floats of the partial results of `slots` tokens.
constexpr int64_t partial_floats(int64_t slots, int64_t heads, int64_t splits, int64_t head_dim) {
  return slots * heads * splits * (head_dim + 2);
}

void attention(Stream& stream, const AttentionArguments& args);

// What it is made of: attention_float.cu, attention.cu.
void attention_float(Stream& stream, const AttentionArguments& args);

}  // namespace weft::cuda
