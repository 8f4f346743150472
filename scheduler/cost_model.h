// CostModel: how long a step takes, learnt from the steps that ran. It may change how large a
// prompt's chunks are, never which ids come out. Owned by the step thread.
//
//   seconds ≈ base + per_decode × decodes + per_prompt × prompt tokens + per_context × context
//
// The coefficients are never negative. They are those of the least sum of squared *relative*
// errors over recent steps, so a step that a busy machine held up, however long, weighs no more
// than one good step of the few dozens that are remembered. Steps with and without prompt tokens
// are remembered apart: a thousand decodes do not make it forget what a prompt costs.
#pragma once

#include <array>
#include <cstdint>

namespace weft {

struct StepShape {
  int32_t decodes = 0;
  int32_t prompt_tokens = 0;
  int64_t context_tokens = 0;  // KV positions that all tokens of the step attend to, summed

  // One sequence's next `num_tokens`, after the `depth` before them.
  void add_prompt(int64_t depth, int32_t num_tokens) {
    prompt_tokens += num_tokens;
    context_tokens += num_tokens * depth + int64_t{num_tokens} * (num_tokens + 1) / 2;
  }
  void add_decode(int64_t depth) {
    ++decodes;
    context_tokens += depth + 1;
  }
};

class CostModel {
 public:
  // Up to so many prompt tokens a step tells the cost of decodes well enough.
  static constexpr int32_t kFewPromptTokens = 16;

  // Times that are not positive and finite are ignored.
  void observe(const StepShape& shape, double seconds);

  // Estimated seconds of a step; 0 before anything was observed.
  double estimate(const StepShape& shape) const;
  // The most tokens, up to `most`, of a prompt `depth` tokens deep, with which the step `shape`
  // stays within `seconds`.
  int32_t chunk_within(const StepShape& shape, int64_t depth, double seconds, int32_t most) const;
  // How far the times of recent steps with decodes and a chunk lay from their estimates: the
  // standard deviation of the ratio. One that the machine held up counts as half as long again.
  double spread() const;
  // Whether a decode's cost can be told from a prompt's: estimates of steps with both mean little
  // before.
  bool calibrated() const { return num_mostly_decodes_ >= kCalibration; }

  // base, per_decode, per_prompt, per_context: seconds.
  static constexpr int kNumTerms = 4;
  const std::array<double, kNumTerms>& coefficients() const;

 private:
  static constexpr int kCalibration = 3;

  // Sums over steps, older ones faded: of the products of their terms over the squared time, and
  // of their terms over the time.
  struct Moments {
    double products[kNumTerms][kNumTerms] = {};
    double sums[kNumTerms] = {};
  };

  Moments decode_steps_, prompt_steps_;
  int num_mostly_decodes_ = 0;
  // Of the squared relative errors; weights of older steps fade.
  double squares_ = 0, weights_ = 0;
  // Fitted when asked for: steps without a prompt need no estimate.
  mutable std::array<double, kNumTerms> coefficients_{};
  mutable bool fitted_ = true;
};

}  // namespace weft
