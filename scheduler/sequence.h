// Sequence: token ids, how many of them are in the KV cache, and where. It has no phases: prompt,
// decode and recompute are all "compute from num_computed on".
#pragma once

#include <cstdint>
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
};

}  // namespace weft
