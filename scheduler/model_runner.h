// ModelRunner: runs steps of one decoder over its own backend, KV pool and workspace. Turns
// sequences and counts of tokens into the flat arrays of a StepBatch. Knows token ids and blocks,
// never text. Owned by one step thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/model/decoder.h"
#include "scheduler/sequence.h"

namespace weft {

class ModelRunner {
 public:
  static Result<std::unique_ptr<ModelRunner>> create(std::shared_ptr<const Decoder> decoder,
                                                     std::shared_ptr<Backend> backend,
                                                     const StepLimits& limits, const KvPoolSpec& kv,
                                                     bool prefix_cache = true);

  // One forward pass over all `steps`, whose tokens together fit limits().max_tokens, after
  // `copies` of blocks. Reserves the blocks that a scheduler has not reserved and advances
  // num_computed. Hidden states and logits go to `sink`, each in the order of `steps`. Fails with
  // kOutOfMemory (nothing was changed) or a device's error.
  Result<void> run(std::span<const SequenceStep> steps, std::span<const BlockCopy> copies,
                   LogitSink* sink);
  Result<void> run(std::span<const SequenceStep> steps, LogitSink* sink) {
    return run(steps, {}, sink);
  }

  // The same in parts, for a step whose ids the sink draws later (Backend::sample_later): neither
  // waits nor advances num_computed. Where the sink did draw later, the step is done when it has
  // collected its ids, and the steps may be followed by one that is_ahead() of them before; else
  // wait() must follow at once. Fails with kOutOfMemory, and nothing was changed.
  Result<void> submit(std::span<const SequenceStep> steps, std::span<const BlockCopy> copies,
                      LogitSink* sink);
  // Until everything that was submitted is done. Fails with a device's error.
  Result<void> wait() { return backend_->wait(last_); }

  // Gives all of a sequence's blocks back; its ids stay.
  void release(Sequence& sequence);

  // A sequence's computed blocks outside of the pool (Backend::kv_identity and what follows it).
  std::string kv_identity() const { return state_->kv_identity(*backend_); }
  size_t kv_block_bytes() const { return state_->kv_block_bytes(*backend_); }
  void export_block(int32_t block, std::span<std::byte> to) const {
    state_->export_block(*backend_, block, to);
  }
  void import_block(int32_t block, std::span<const std::byte> from) {
    state_->import_block(*backend_, block, from);
  }

  const StepLimits& limits() const { return state_->limits(); }
  // The pool. Steps reserve, copy and publish through it; it belongs to this runner alone.
  BlockManager& blocks() { return blocks_; }
  const BlockManager& blocks() const { return blocks_; }
  const Decoder& decoder() const { return *decoder_; }
  Backend& backend() { return *backend_; }

 private:
  ModelRunner(std::shared_ptr<const Decoder> decoder, std::shared_ptr<Backend> backend,
              std::unique_ptr<DecoderState> state, bool prefix_cache);
  void append(const SequenceStep& step);

  std::shared_ptr<const Decoder> decoder_;
  std::shared_ptr<Backend> backend_;
  std::unique_ptr<DecoderState> state_;
  BlockManager blocks_;
  StepTicket last_;
  // The arrays of the step under way; kept so that steps allocate nothing once they have grown.
  std::vector<int32_t> token_ids_, positions_, slots_, seq_starts_, block_tables_,
      block_table_starts_, logit_rows_, hidden_rows_;
};

}  // namespace weft
