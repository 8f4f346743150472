// Log-probabilities of a row of logits: the model's own distribution, before any sampling option.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "api/engine.h"

namespace weft::engine {

// The logarithm of a row's sum of exponentials, from its largest logit and
// Σ fixed_exp(logit - best): the same wherever that was summed up.
double log_sum(float best, uint64_t weight_sum);

class LogProbs {
 public:
  explicit LogProbs(std::span<const float> logits);  // borrowed

  float of(int32_t id) const;
  // The `n` most likely, best first, ties by ascending id.
  std::vector<TokenLogprob> top(int32_t n) const;

 private:
  std::span<const float> logits_;
  double log_sum_;
};

}  // namespace weft::engine
