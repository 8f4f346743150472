#include "kernels/cuda/attention_step.h"

#include <algorithm>
#include <bit>
#include <span>

namespace weft::cuda {
namespace {

// Up to this many blocks each split of a context has a block of its own: fewer would leave some of
// a GPU's 132 multiprocessors idle, on which three to five blocks of few rows run at once and one
// of many. More blocks, of lengths of their own, level out.
constexpr int64_t kFewBlocksThatFillAGpu = 512;
constexpr int64_t kManyBlocksThatFillAGpu = 132;
// Prompts deep in a long context would ask for gigabytes; they have work for many blocks anyway.
constexpr int64_t kMaxPartialBytes = int64_t{256} << 20;

// 1 … 8, 10, 12, 14, 16, 20, …: at most a quarter more.
int32_t rounded_splits(int32_t splits) {
  if (splits <= 8) return splits;
  const auto unit = static_cast<int32_t>(std::bit_floor(static_cast<uint32_t>(splits - 1)) / 4);
  return (splits + unit - 1) / unit * unit;
}

}  // namespace

AttentionPlan plan_attention(const StepBatch& batch, int32_t group, int32_t tile_rows) {
  AttentionPlan plan{.group = group, .tile_rows = tile_rows};
  for (int32_t s = 0; s < batch.num_sequences(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    const int32_t begin = batch.seq_starts[i];
    const int32_t tokens = batch.seq_starts[i + 1] - begin;
    if (tokens == 0) continue;
    const int32_t rows = tokens * group;
    const bool few = rows <= kFewRows;
    AttentionPart& part = few ? plan.few : plan.many;
    const auto slot = static_cast<int32_t>(part.slot_tokens.size());
    const int32_t of_tile = few ? kFewTileRows : tile_rows;
    for (int32_t first = 0; first < rows; first += of_tile) {
      part.tiles.push_back({.first_token = begin,
                            .first_slot = slot,
                            .first_row = first,
                            .num_rows = std::min(of_tile, rows - first),
                            .table_start = batch.block_table_starts[i]});
    }
    for (int32_t t = begin; t < begin + tokens; ++t) part.slot_tokens.push_back(t);
    const int32_t last = batch.positions[static_cast<std::size_t>(begin + tokens - 1)];
    part.max_splits = std::max(part.max_splits, last / kAttentionSplit + 1);
  }
  return plan;
}

void AttentionStep::begin_step() {
  in_step_ = true;
  plans_.clear();
}

std::span<const std::unique_ptr<AttentionPlan>> AttentionStep::plan_ahead(const StepBatch& batch) {
  for (const auto& [group, tile_rows] : asked_) {
    plans_.push_back(std::make_unique<AttentionPlan>(plan_attention(batch, group, tile_rows)));
    for (AttentionPart* part : {&plans_.back()->few, &plans_.back()->many}) {
      part->max_splits = rounded_splits(part->max_splits);
    }
  }
  return plans_;
}

const AttentionPlan& AttentionStep::plan(const StepBatch& batch, int32_t group, int32_t tile_rows) {
  if (!in_step_) plans_.clear();
  for (const auto& known : plans_) {
    if (known->group == group && known->tile_rows == tile_rows) return *known;
  }
  plans_.push_back(std::make_unique<AttentionPlan>(plan_attention(batch, group, tile_rows)));
  const std::pair asked{group, tile_rows};
  if (std::ranges::find(asked_, asked) == asked_.end()) asked_.push_back(asked);
  return *plans_.back();
}

bool AttentionStep::split(Gpu& gpu, int64_t blocks, int64_t blocks_that_fill, int64_t slots,
                          AttentionArguments& args, Result<void>& error) {
  if (args.max_splits <= 1 || blocks > blocks_that_fill) return true;
  const int64_t bytes =
      partial_floats(slots, args.shape.n_heads, args.max_splits, args.shape.head_dim) *
      int64_t{sizeof(float)};
  if (bytes > kMaxPartialBytes) return true;
  args.partials = reinterpret_cast<float*>(partials_.at_least(gpu, bytes, error));
  return args.partials != nullptr;
}

void AttentionStep::launch_tokens(Gpu& gpu, StepArrays& arrays, AttentionArguments args,
                                  const StepBatch& batch, Result<void>& error) {
  table_starts_.resize(static_cast<std::size_t>(batch.num_tokens()));
  int32_t last = 0;
  for (int32_t s = 0; s < batch.num_sequences(); ++s) {
    const auto i = static_cast<std::size_t>(s);
    for (int32_t t = batch.seq_starts[i]; t < batch.seq_starts[i + 1]; ++t) {
      table_starts_[static_cast<std::size_t>(t)] = batch.block_table_starts[i];
      last = std::max(last, batch.positions[static_cast<std::size_t>(t)]);
    }
  }
  args.schedule = AttentionSchedule::kTokens;
  args.max_splits = last / kAttentionSplit + 1;
  args.table_starts = arrays.on_device(gpu, std::span<const int32_t>(table_starts_), error);
  if (args.table_starts == nullptr) return;
  args.num_slots = static_cast<int>(args.q.rows);
  if (!split(gpu, args.q.rows * args.shape.n_kv_heads, kFewBlocksThatFillAGpu, args.q.rows, args,
             error)) {
    return;
  }
  attention(gpu.stream(), args);
}

void AttentionStep::launch_tiles(Gpu& gpu, StepArrays& arrays, AttentionArguments args,
                                 const AttentionPart& part, Result<void>& error) {
  if (part.tiles.empty()) return;
  const bool few = args.schedule == AttentionSchedule::kFewRows;
  args.tiles = arrays.on_device(gpu, std::span<const AttentionTile>(part.tiles), error);
  args.slot_tokens = arrays.on_device(gpu, std::span<const int32_t>(part.slot_tokens), error);
  if (args.tiles == nullptr || args.slot_tokens == nullptr) return;
  args.num_tiles = static_cast<int>(part.tiles.size());
  args.num_slots = static_cast<int>(part.slot_tokens.size());
  args.max_splits = part.max_splits;
  if (!split(gpu, int64_t{args.num_tiles} * args.shape.n_kv_heads,
             few ? kFewBlocksThatFillAGpu : kManyBlocksThatFillAGpu, args.num_slots, args, error)) {
    return;
  }
  attention(gpu.stream(), args);
}

void AttentionStep::run(Gpu& gpu, StepArrays& arrays, Mat q, const CudaKvCache& cache,
                        int32_t layer, const AttentionShape& shape, const StepBatch& batch, Mat out,
                        Result<void>& error) {
  AttentionArguments args{.q = q,
                          .out = out,
                          .keys = cache.keys(layer),
                          .values = cache.values(layer),
                          .shape = shape,
                          .positions = arrays.on_device(gpu, batch.positions, error),
                          .block_tables = arrays.on_device(gpu, batch.block_tables, error)};
  if (args.positions == nullptr || args.block_tables == nullptr) return;
  if (args.keys.type == DType::kF32) return launch_tokens(gpu, arrays, args, batch, error);
  const AttentionPlan& dealt =
      plan(batch, shape.n_heads / shape.n_kv_heads, many_tile_rows(shape.head_dim));
  args.schedule = AttentionSchedule::kFewRows;
  launch_tiles(gpu, arrays, args, dealt.few, error);
  args.schedule = AttentionSchedule::kManyRows;
  launch_tiles(gpu, arrays, args, dealt.many, error);
}

}  // namespace weft::cuda
