#include "scheduler/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "core/fixed_exp.h"
#include "core/philox.h"

namespace weft {
namespace {

// Philox stages: draws of one position that must be independent have different stages.
constexpr uint32_t kStageToken = 0;

tl::unexpected<Error> out_of_range(const char* field, double found, const char* wanted) {
  return fail(ErrorCode::kInvalidArgument,
              std::string(field) + ": " + std::to_string(found) + ", expected " + wanted);
}

// floor(a × b / 2^64).
uint64_t multiply_high(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
}

struct Largest {
  float logit;
  bool all_below_infinity;  // false too where one is NaN
};

// Several lanes at once, so that the loop is vectorised.
Largest largest(std::span<const float> logits) {
  constexpr size_t kLanes = 16;
  std::array<float, kLanes> most;
  std::array<uint32_t, kLanes> bad = {};
  most.fill(-INFINITY);
  const auto take = [&](size_t lane, float logit) {
    most[lane] = logit > most[lane] ? logit : most[lane];
    bad[lane] |= logit < INFINITY ? 0 : 1;
  };
  const size_t whole = logits.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) take(lane, logits[i + lane]);
  }
  for (size_t i = whole; i < logits.size(); ++i) take(i - whole, logits[i]);
  return {*std::ranges::max_element(most), std::ranges::count(bad, 0u) == kLanes};
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
  const auto [best, all_below_infinity] = largest(logits);
  const auto of_position = [&] { return "logits of position " + std::to_string(position) + ": "; };
  if (!all_below_infinity) {
    const auto bad = std::ranges::find_if(logits, [](float logit) { return !(logit < INFINITY); });
    return fail(ErrorCode::kNonFiniteLogits, of_position() + std::to_string(*bad) +
                                                 " for token id " +
                                                 std::to_string(bad - logits.begin()));
  }
  if (best == -INFINITY)
    return fail(ErrorCode::kNonFiniteLogits, of_position() + "all are -infinity");
  if (params_.temperature == 0.0f) {
    return static_cast<int32_t>(std::ranges::find(logits, best) - logits.begin());
  }
  return draw(logits, best, position);
}

std::span<const TokenCount> Sampler::seen(std::span<const int32_t> prompt,
                                          std::span<const int32_t> generated) {
  const bool repetition = params_.repetition_penalty != 1.0f;
  const bool counts = params_.presence_penalty != 0.0f || params_.frequency_penalty != 0.0f;
  if (!repetition && !counts) return {};
  return counts_.of(repetition ? prompt : std::span<const int32_t>(), generated);
}

void Sampler::apply_bias_and_penalties(std::span<float> logits, std::span<const int32_t> prompt,
                                       std::span<const int32_t> generated) {
  for (const auto& [id, bias] : params_.logit_bias) logits[id] += bias;
  for (const auto& [id, times] : seen(prompt, generated)) {
    float& logit = logits[id];
    if (params_.repetition_penalty != 1.0f) {
      logit = logit > 0 ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
    }
    if (times > 0) {
      logit -= params_.presence_penalty + params_.frequency_penalty * static_cast<float>(times);
    }
  }
}

std::optional<RowDraw> Sampler::row_draw(std::span<const int32_t> prompt,
                                         std::span<const int32_t> generated, int64_t position) {
  if (!params_.logit_bias.empty()) return std::nullopt;
  return RowDraw{.seen = seen(prompt, generated),
                 .repetition_penalty = params_.repetition_penalty,
                 .presence_penalty = params_.presence_penalty,
                 .frequency_penalty = params_.frequency_penalty,
                 .temperature = params_.temperature,
                 .top_k = params_.top_k,
                 .top_p = params_.top_p,
                 .min_p = params_.min_p,
                 .random = random(position)};
}

uint64_t Sampler::random(int64_t position) const {
  const auto words =
      Philox4x32::keyed(params_.seed, {params_.sample_index, static_cast<uint32_t>(position),
                                       static_cast<uint32_t>(position >> 32), kStageToken})
          .draw();
  return (static_cast<uint64_t>(words[0]) << 32) | words[1];
}

int32_t Sampler::draw(std::span<const float> logits, float best, int64_t position) {
  const auto n_vocab = static_cast<int32_t>(logits.size());
  const int32_t k = params_.top_k <= 0 ? n_vocab : std::min(params_.top_k, n_vocab);
  ranking_.build(logits, best, 1.0 / params_.temperature, k);

  int32_t kept = ranking_.size();
  if (params_.min_p > 0.0f) {
    const auto least = static_cast<uint64_t>(static_cast<double>(kFixedExpOne) * params_.min_p);
    kept = std::clamp(ranking_.count_at_least(least), 1, kept);
  }
  if (params_.top_p < 1.0f) {
    const uint64_t total = ranking_.weight_of_first(ranking_.size());
    const auto nucleus = static_cast<uint64_t>(static_cast<double>(total) * params_.top_p);
    // The token that crosses it is in.
    kept = std::min(kept, ranking_.find(std::max<uint64_t>(nucleus, 1) - 1).rank + 1);
  }

  const uint64_t weight = ranking_.weight_of_first(kept);
  return ranking_.find(multiply_high(random(position), weight)).id;  // uniform in [0, weight)
}

}  // namespace weft
