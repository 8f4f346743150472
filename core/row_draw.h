// RowDraw: how one row of logits becomes an id, as plain data: what a Sampler does, for a backend
// to do where the logits lie (Backend::sample). Knows neither seeds nor requests: the random number
// is drawn already.
#pragma once

#include <cstdint>
#include <span>

namespace weft {

// What a sequence has of one id.
struct TokenCount {
  int32_t id = 0;               // of the token
  int32_t times_generated = 0;  // 0 where only the prompt has it

  bool operator==(const TokenCount&) const = default;  // member by member
};

// The steps are the Sampler's, in its order, with its arithmetic: forbidden ids, penalties,
// temperature, top-k, top-p, min-p, draw. Ties go to the lowest id. Options that SamplingParams has
// too mean the same here.
struct RowDraw {
  int64_t row = 0;             // of the logits; no two draws of a call have the same
  int32_t given = -1;          // ≥ 0: nothing is drawn, this id's log-probability is wanted
  bool wants_logprob = false;  // of the id
  std::span<const int32_t> forbidden;  // ids that weigh nothing; ascending
  std::span<const TokenCount> seen;    // what penalties are for, each id once
  float repetition_penalty = 1.0f;     // for all of them
  float presence_penalty = 0.0f;       // for those that were generated
  float frequency_penalty = 0.0f;      // the same, times how often
  float temperature = 0.0f;            // 0: the most likely
  int32_t top_k = 0;                   // ≤ 0: all
  float top_p = 1.0f;                  // 1: all
  float min_p = 0.0f;                  // 0: all
  uint64_t random = 0;                 // uniform over all 64 bits
};

// What a RowDraw gave. The log-probability is the row's own, before forbidden ids and penalties:
// logit - best - log(weight_sum / kFixedExpOne).
struct DrawnRow {
  int32_t id = -1;          // −1: a logit is NaN or +infinity, or all are −infinity
  float logit = 0.0f;       // the id's, where the log-probability is wanted
  float best = 0.0f;        // the row's largest, the same
  uint64_t weight_sum = 0;  // Σ fixed_exp(logit - best), the same
};

}  // namespace weft
