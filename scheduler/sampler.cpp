#include "scheduler/sampler.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>

#include "core/philox.h"
#include "scheduler/fixed_exp.h"

namespace weft {
namespace {

// Philox stages: draws of one position that must be independent have different stages.
constexpr uint32_t kStageToken = 0;

tl::unexpected<Error> out_of_range(const char* field, double found, const char* wanted) {
  return fail(ErrorCode::kInvalidArgument,
              std::string(field) + ": " + std::to_string(found) + ", expected " + wanted);
}

// Most likely first; equal logits by ascending id.
constexpr auto kMoreLikely = [](const auto& a, const auto& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
};

// floor(a × b / 2^64).
uint64_t multiply_high(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
}

}  // namespace

Result<Sampler> Sampler::create(const SamplingParams& p, int32_t n_vocab) {
  if (!(p.temperature >= 0.0f) || !std::isfinite(p.temperature)) {
    return out_of_range("temperature", p.temperature, "a finite number of at least 0");
  }
  if (!(p.top_p > 0.0f && p.top_p <= 1.0f)) return out_of_range("top_p", p.top_p, "in (0, 1]");
  if (!(p.min_p >= 0.0f && p.min_p <= 1.0f)) return out_of_range("min_p", p.min_p, "in [0, 1]");
  if (!(p.repetition_penalty > 0.0f) || !std::isfinite(p.repetition_penalty)) {
    return out_of_range("repetition_penalty", p.repetition_penalty, "a finite number above 0");
  }
  if (!std::isfinite(p.presence_penalty)) {
    return out_of_range("presence_penalty", p.presence_penalty, "a finite number");
  }
  if (!std::isfinite(p.frequency_penalty)) {
    return out_of_range("frequency_penalty", p.frequency_penalty, "a finite number");
  }
  for (const auto& [id, bias] : p.logit_bias) {
    if (id < 0 || id >= n_vocab) {
      return fail(ErrorCode::kTokenOutOfRange, "logit_bias: token id " + std::to_string(id) +
                                                   ", expected 0 … " + std::to_string(n_vocab - 1));
    }
    if (std::isnan(bias) || bias == INFINITY) {
      return out_of_range("logit_bias", bias, "a finite number or -infinity");
    }
  }
  return Sampler(p);
}

Result<int32_t> Sampler::sample(std::span<float> logits, std::span<const int32_t> prompt,
                                std::span<const int32_t> generated, int64_t position) {
  apply_bias_and_penalties(logits, prompt, generated);
  int32_t best = 0;
  for (int32_t i = 0; i < static_cast<int32_t>(logits.size()); ++i) {
    if (std::isnan(logits[i]) || logits[i] == INFINITY) {
      return fail(ErrorCode::kNonFiniteLogits, "logits of position " + std::to_string(position) +
                                                   ": " + std::to_string(logits[i]) +
                                                   " for token id " + std::to_string(i));
    }
    if (logits[i] > logits[best]) best = i;
  }
  if (logits[best] == -INFINITY) {
    return fail(ErrorCode::kNonFiniteLogits,
                "logits of position " + std::to_string(position) + ": all are -infinity");
  }
  if (params_.temperature == 0.0f) return best;
  return draw(logits, logits[best], position);
}

void Sampler::apply_bias_and_penalties(std::span<float> logits, std::span<const int32_t> prompt,
                                       std::span<const int32_t> generated) const {
  for (const auto& [id, bias] : params_.logit_bias) logits[id] += bias;
  const bool repetition = params_.repetition_penalty != 1.0f;
  const bool counts = params_.presence_penalty != 0.0f || params_.frequency_penalty != 0.0f;
  if (!repetition && !counts) return;

  std::unordered_map<int32_t, int32_t> times_generated;
  if (repetition) {
    for (int32_t id : prompt) times_generated.try_emplace(id, 0);
  }
  for (int32_t id : generated) ++times_generated[id];
  for (const auto& [id, times] : times_generated) {
    float& logit = logits[id];
    if (repetition) {
      logit = logit > 0 ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
    }
    if (times > 0) {
      logit -= params_.presence_penalty + params_.frequency_penalty * static_cast<float>(times);
    }
  }
}

int32_t Sampler::draw(std::span<const float> logits, float best, int64_t position) {
  const double inverse_temperature = 1.0 / params_.temperature;
  const auto weight_of = [&](float logit) {
    return fixed_exp((static_cast<double>(logit) - best) * inverse_temperature);
  };
  const auto n_vocab = static_cast<int32_t>(logits.size());
  const int32_t k = params_.top_k <= 0 ? n_vocab : std::min(params_.top_k, n_vocab);
  // What weighs nothing can be neither kept nor drawn, so it need not be sorted.
  const double lightest = best - 28.0 * params_.temperature;
  candidates_.clear();
  uint64_t total = 0;
  for (int32_t id = 0; id < n_vocab; ++id) {
    if (logits[id] < lightest) continue;
    candidates_.push_back({logits[id], id});
  }
  const auto n = static_cast<int32_t>(std::min<int64_t>(k, std::ssize(candidates_)));
  if (n < std::ssize(candidates_)) {
    std::nth_element(candidates_.begin(), candidates_.begin() + n, candidates_.end(), kMoreLikely);
    candidates_.resize(n);
  }
  weights_.clear();
  for (const Candidate& c : candidates_) total += weight_of(c.logit);

  // Walk down from the most likely until the nucleus is full; sorted only as far as needed.
  const auto nucleus = static_cast<uint64_t>(static_cast<double>(total) * params_.top_p);
  const auto least = static_cast<uint64_t>(static_cast<double>(kFixedExpOne) * params_.min_p);
  uint64_t kept = 0;
  int32_t sorted = 0;
  for (int32_t i = 0; i < n; ++i) {
    if (i == sorted) {
      sorted = std::min(n, sorted == 0 ? 64 : sorted * 8);
      std::partial_sort(candidates_.begin() + i, candidates_.begin() + sorted, candidates_.end(),
                        kMoreLikely);
    }
    const uint64_t weight = weight_of(candidates_[i].logit);
    if (i > 0 && weight < least) break;
    weights_.push_back(weight);
    kept += weight;
    if (params_.top_p < 1.0f && kept >= nucleus) break;  // the crossing token is in
  }

  const auto random =
      Philox4x32::keyed(params_.seed, {params_.sample_index, static_cast<uint32_t>(position),
                                       static_cast<uint32_t>(position >> 32), kStageToken})
          .draw();
  const uint64_t r = (static_cast<uint64_t>(random[0]) << 32) | random[1];
  uint64_t target = multiply_high(r, kept);  // uniform in [0, kept)
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (target < weights_[i]) return candidates_[i].id;
    target -= weights_[i];
  }
  return candidates_.front().id;  // unreachable: target < Σ weights
}

}  // namespace weft
