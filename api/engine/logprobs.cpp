#include "api/engine/logprobs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/fixed_exp.h"

namespace weft::engine {

double log_sum(float best, uint64_t weight_sum) {
  return best + std::log(static_cast<double>(weight_sum) / static_cast<double>(kFixedExpOne));
}

LogProbs::LogProbs(std::span<const float> logits) : logits_(logits) {
  const float top = *std::max_element(logits.begin(), logits.end());
  uint64_t sum = 0;
  for (const float logit : logits) sum += fixed_exp(static_cast<double>(logit) - top);
  log_sum_ = log_sum(top, sum);
}

float LogProbs::of(int32_t id) const { return static_cast<float>(logits_[id] - log_sum_); }

std::vector<TokenLogprob> LogProbs::top(int32_t n) const {
  std::vector<int32_t> ids(logits_.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto kept = std::min<int64_t>(n, std::ssize(ids));
  std::partial_sort(ids.begin(), ids.begin() + kept, ids.end(), [&](int32_t a, int32_t b) {
    return logits_[a] > logits_[b] || (logits_[a] == logits_[b] && a < b);
  });
  std::vector<TokenLogprob> top;
  for (int64_t i = 0; i < kept; ++i) top.push_back({ids[i], of(ids[i])});
  return top;
}

}  // namespace weft::engine
