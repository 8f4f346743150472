// Log-probabilities of a row of logits: the model's own distribution, before any sampling option.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "api/engine.h"

namespace weft::engine {

class LogProbs {
 public:
  explicit LogProbs(std::span<const float> logits);  // borrowed

  float of(int32_t id) const;
  // The `n` most likely, best first, ties by ascending id.
  std::vector<TokenLogprob> top(int32_t n) const;

 private:
  std::span<const float> logits_;
  double log_sum_;  // logarithm of the sum of exponentials
};

}  // namespace weft::engine
