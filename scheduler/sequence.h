// Sequence: token ids, how many of them are in the KV cache, and where. It has no phases: prompt,
// decode and recompute are all "compute from num_computed on".
#pragma once

#include <cstdint>
#include <iterator>
#include <vector>

#include "scheduler/block_manager.h"

namespace weft {

struct Sequence {
  std::vector<int32_t> ids;
  int64_t num_computed = 0;
  BlockTable blocks;
};

// A sequence's part of one step.
struct SequenceStep {
  Sequence* sequence;
  int32_t num_tokens;      // computed in this step, from num_computed on
  int32_t num_logits = 0;  // of the step's last tokens
  int32_t num_hidden = 0;  // final hidden states, of the step's last tokens
  // ≥ 0: the token is the one after the sequence's last id, which draw `from_draw` of the step
  // before gives; that step computes the last id.
  int32_t from_draw = -1;

  bool is_ahead() const { return from_draw >= 0; }
  // The position of its first token.
  int64_t begin() const { return sequence->num_computed + (is_ahead() ? 1 : 0); }
  int64_t end() const { return begin() + num_tokens; }
  // The ids that the sequence has when the step begins.
  int64_t num_ids() const { return std::ssize(sequence->ids) + (is_ahead() ? 1 : 0); }
};

}  // namespace weft
