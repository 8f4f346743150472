// Attention as a backend's operation: deals a step's tokens to tiles, uploads the lists that
// kernels need, finds memory for partial results, and launches. Owned by the step thread.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/batch.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/cuda_kv_cache.h"
#include "kernels/cuda/device_scratch.h"

namespace weft::cuda {

// The tiles of one schedule, and the tokens in them.
struct AttentionPart {
  std::vector<AttentionTile> tiles;
  std::vector<int32_t> slot_tokens;
  int32_t max_splits = 0;
};

struct AttentionPlan {
  int32_t group = 0;      // query heads a KV head
  int32_t tile_rows = 0;  // of many rows
  AttentionPart few, many;
};

// Sequences of up to kFewRows rows in this step are few, in tiles of kFewTileRows; the others many,
// in tiles of `tile_rows`.
inline constexpr int32_t kFewRows = 32;
AttentionPlan plan_attention(const StepBatch& batch, int32_t group, int32_t tile_rows);

class AttentionStep {
 public:
  // Between them, plans are kept: a step's batch does not change.
  void begin_step();
  void end_step() { in_step_ = false; }
  // The plans that steps have asked for so far, made for this batch at once. Their splits are
  // rounded up to a few values, so that steps are alike for longer: a sequence skips those that it
  // does not have.
  std::span<const std::unique_ptr<AttentionPlan>> plan_ahead(const StepBatch& batch);

  // Backend::attention(). Where there is no memory, `error` says so and nothing is launched.
  void run(Gpu& gpu, StepArrays& arrays, Mat q, const CudaKvCache& cache, int32_t layer,
           const AttentionShape& shape, const StepBatch& batch, Mat out, Result<void>& error);

 private:
  const AttentionPlan& plan(const StepBatch& batch, int32_t group, int32_t tile_rows);
  void launch_tokens(Gpu& gpu, StepArrays& arrays, AttentionArguments args, const StepBatch& batch,
                     Result<void>& error);
  void launch_tiles(Gpu& gpu, StepArrays& arrays, AttentionArguments args,
                    const AttentionPart& part, Result<void>& error);
  // Sets args.partials if `blocks` would leave the GPU idle. False: there was no memory.
  bool split(Gpu& gpu, int64_t blocks, int64_t blocks_that_fill, int64_t slots,
             AttentionArguments& args, Result<void>& error);

  bool in_step_ = false;
  std::vector<std::unique_ptr<AttentionPlan>> plans_;  // where StepArrays finds them again
  std::vector<std::pair<int32_t, int32_t>> asked_;     // group and tile_rows of plans so far
  std::vector<int32_t> table_starts_;
  GrowingBuffer partials_;
};

}  // namespace weft::cuda
