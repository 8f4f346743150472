#include "scheduler/model_runner.h"

#include <utility>

namespace weft {

ModelRunner::ModelRunner(std::shared_ptr<const Decoder> decoder, std::shared_ptr<Backend> backend,
                         std::unique_ptr<DecoderState> state, bool prefix_cache)
    : decoder_(std::move(decoder)),
      backend_(std::move(backend)),
      state_(std::move(state)),
      blocks_({.num_blocks = state_->kv_spec().num_blocks,
               .block_size = state_->kv_spec().block_size,
               .prefix_cache = prefix_cache}) {}

Result<std::unique_ptr<ModelRunner>> ModelRunner::create(std::shared_ptr<const Decoder> decoder,
                                                         std::shared_ptr<Backend> backend,
                                                         const StepLimits& limits,
                                                         const KvPoolSpec& kv, bool prefix_cache) {
  if (kv.block_size < 1 || kAttentionSplit % kv.block_size != 0) {
    return fail(ErrorCode::kInvalidArgument, "block_size: " + std::to_string(kv.block_size) +
                                                 ", expected a divisor of " +
                                                 std::to_string(kAttentionSplit));
  }
  WEFT_TRY_ASSIGN(auto state, DecoderState::create(*decoder, *backend, limits, kv));
  return std::unique_ptr<ModelRunner>(
      new ModelRunner(std::move(decoder), std::move(backend), std::move(state), prefix_cache));
}

Result<void> ModelRunner::run(std::span<const SequenceStep> steps,
                              std::span<const BlockCopy> copies, LogitSink* sink) {
  WEFT_TRY(submit(steps, copies, sink));
  WEFT_TRY(wait());
  for (const SequenceStep& step : steps) step.sequence->num_computed += step.num_tokens;
  return {};
}

Result<void> ModelRunner::submit(std::span<const SequenceStep> steps,
                                 std::span<const BlockCopy> copies, LogitSink* sink) {
  std::vector<int32_t>* const arrays[] = {&token_ids_,  &positions_,    &slots_,
                                          &seq_starts_, &block_tables_, &block_table_starts_,
                                          &logit_rows_, &hidden_rows_};
  for (std::vector<int32_t>* array : arrays) array->clear();
  seq_starts_.push_back(0);
  block_table_starts_.push_back(0);
  for (size_t i = 0; i < steps.size(); ++i) {
    Sequence& sequence = *steps[i].sequence;
    auto reserved = blocks_.reserve(sequence.blocks, steps[i].end());
    if (!reserved) {
      // What earlier sequences of this step got is given back: nothing has changed.
      for (size_t j = 0; j < i; ++j) {
        blocks_.truncate(steps[j].sequence->blocks, steps[j].begin());
      }
      return reserved;
    }
    append(steps[i]);
  }
  const StepBatch batch{.token_ids = token_ids_,
                        .positions = positions_,
                        .slots = slots_,
                        .seq_starts = seq_starts_,
                        .block_tables = block_tables_,
                        .block_table_starts = block_table_starts_,
                        .logit_rows = logit_rows_,
                        .hidden_rows = hidden_rows_};
  if (!copies.empty()) state_->copy_blocks(*backend_, copies);
  last_ = backend_->submit_step(*decoder_, *state_, batch, sink);
  return {};
}

void ModelRunner::append(const SequenceStep& step) {
  const Sequence& sequence = *step.sequence;
  for (int64_t p = step.begin(); p < step.end(); ++p) {
    token_ids_.push_back(step.is_ahead() ? StepBatch::from_draw(step.from_draw) : sequence.ids[p]);
    positions_.push_back(static_cast<int32_t>(p));
    slots_.push_back(blocks_.slot(sequence.blocks, p));
  }
  const auto end = static_cast<int32_t>(token_ids_.size());
  seq_starts_.push_back(end);
  const std::vector<int32_t>& blocks = sequence.blocks.blocks;
  block_tables_.insert(block_tables_.end(), blocks.begin(), blocks.end());
  block_table_starts_.push_back(static_cast<int32_t>(block_tables_.size()));
  for (int32_t row = end - step.num_logits; row < end; ++row) logit_rows_.push_back(row);
  for (int32_t row = end - step.num_hidden; row < end; ++row) hidden_rows_.push_back(row);
}

void ModelRunner::release(Sequence& sequence) {
  blocks_.release(sequence.blocks);
  sequence.num_computed = 0;
}

}  // namespace weft
