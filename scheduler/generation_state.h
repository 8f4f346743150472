// GenerationState: one generation as the step thread sees it: ids, position, block table, limits
// and stop set. Knows token ids; never text. How its tokens are drawn is the Sampler's business,
// which is a separate object. Owned by the step thread of one engine at a time. Copied only while
// no scheduler has it.
#pragma once

#include <cstdint>
#include <iterator>
#include <limits>
#include <vector>

#include "scheduler/priority.h"
#include "scheduler/sequence.h"

namespace weft {

struct GenerationLimits {
  int32_t max_tokens = 256;       // 0: the prompt is computed, and gives no logits
  int32_t min_tokens = 0;         // stop ids do not end it before
  std::vector<int32_t> stop_ids;  // sorted; the model's own and the request's
};

struct GenerationState {
  static constexpr int64_t kLastOnly = std::numeric_limits<int64_t>::max();
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::max();

  Sequence sequence;       // ids: the prompt, then what was generated
  int64_t num_prompt = 0;  // ids of the prompt
  GenerationLimits limits;
  Priority priority = Priority::kNormal;
  uint64_t cache_salt = 0;  // prefixes are shared only where it is equal
  // Logits are wanted of the last id, and of the prompt's positions from here on: 0 for all of
  // them. The scheduler moves it on as they are given, so that each is given once, whatever is
  // cached or preempted.
  int64_t logits_from = kLastOnly;
  // The same for final hidden states, of which by default none are wanted. What the prefix cache
  // holds was not computed here, so a prompt takes nothing from it beyond this position.
  int64_t hidden_from = kNone;
  // Ids from here on are not put in the prefix cache, where a stop string found late may still
  // take them back.
  int64_t publish_limit = std::numeric_limits<int64_t>::max();
  int32_t num_forks = 0;  // that will be added: places among the running are kept for them

  // --- Kept by StepScheduler ---
  enum class Place : uint8_t { kNowhere, kWaiting, kRunning } place = Place::kNowhere;
  bool paused = false;              // its reader is behind, or its handler has not asked for a turn
  bool tail_may_be_shared = false;  // the block it writes next may be another's or published
  uint64_t arrival = 0;             // order of add(); survives preemption
  double order = 0;                 // when it counts as having come: seconds, the earliest first
  int32_t num_preemptions = 0;
  int64_t num_cached = 0;  // tokens that the prefix cache gave at the last admission
  GenerationState* waiting_before = nullptr;
  GenerationState* waiting_after = nullptr;

  int64_t num_generated() const { return std::ssize(sequence.ids) - num_prompt; }
  int64_t num_to_compute() const { return std::ssize(sequence.ids) - sequence.num_computed; }
  // Past its prefill: each step advances it by one token.
  bool decoding() const { return num_to_compute() == 1 && num_generated() > 0; }
  bool is_stop(int32_t id) const;
};

}  // namespace weft
