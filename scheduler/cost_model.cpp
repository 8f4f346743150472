#include "scheduler/cost_model.h"

#include <algorithm>
#include <cmath>

namespace weft {
namespace {

using Terms = std::array<double, CostModel::kNumTerms>;

// A step counts half after 13 more of its kind: enough to average the noise of timers. What a slow
// step weighs against a fast one makes a machine that slows down look fast for longer than that.
constexpr double kFading = 0.95;
// Coordinate descent from the last fit: the coefficients move little from step to step.
constexpr int kSweeps = 24;
// A time far below the estimate would weigh too much; it comes from a clock that jumped.
constexpr double kLeastOfEstimate = 0.25;

// A deviation is known less well than a mean: a step counts half after 69 more.
constexpr double kSpreadFading = 0.99;
constexpr double kMostError = 0.5;

Terms terms_of(const StepShape& shape) {
  return {1.0, static_cast<double>(shape.decodes), static_cast<double>(shape.prompt_tokens),
          static_cast<double>(shape.context_tokens)};
}

double dot(const Terms& a, const Terms& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

void CostModel::observe(const StepShape& shape, double seconds) {
  if (!(seconds > 0) || !std::isfinite(seconds)) return;
  const Terms terms = terms_of(shape);
  if (shape.decodes > 0 && shape.prompt_tokens > 0 && calibrated()) {
    const double expected = estimate(shape);
    const double error = expected > 0 ? std::min(std::abs(seconds / expected - 1), kMostError) : 0;
    squares_ = squares_ * kSpreadFading + error * error;
    weights_ = weights_ * kSpreadFading + 1;
  }
  seconds = std::max(seconds, dot(coefficients_, terms) * kLeastOfEstimate);
  Moments& moments = shape.prompt_tokens > 0 ? prompt_steps_ : decode_steps_;
  const double scale = 1.0 / seconds;
  for (int i = 0; i < kNumTerms; ++i) {
    const double term = terms[i] * scale;
    moments.sums[i] = moments.sums[i] * kFading + term;
    for (int j = 0; j < kNumTerms; ++j) {
      moments.products[i][j] = moments.products[i][j] * kFading + term * (terms[j] * scale);
    }
  }
  if (shape.decodes > 0 && shape.prompt_tokens <= kFewPromptTokens &&
      num_mostly_decodes_ < kCalibration) {
    ++num_mostly_decodes_;
  }
  fitted_ = false;
}

const Terms& CostModel::coefficients() const {
  if (fitted_) return coefficients_;
  double products[kNumTerms][kNumTerms];
  double sums[kNumTerms];
  for (int i = 0; i < kNumTerms; ++i) {
    sums[i] = decode_steps_.sums[i] + prompt_steps_.sums[i];
    for (int j = 0; j < kNumTerms; ++j) {
      products[i][j] = decode_steps_.products[i][j] + prompt_steps_.products[i][j];
    }
  }
  // Each coefficient in turn takes its best value ≥ 0 with the others as they are.
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (int i = 0; i < kNumTerms; ++i) {
      if (products[i][i] < 1e-100) continue;  // a term that was zero in every step, or long ago
      double rest = sums[i];
      for (int j = 0; j < kNumTerms; ++j) {
        if (j != i) rest -= products[i][j] * coefficients_[j];
      }
      coefficients_[i] = std::max(0.0, rest / products[i][i]);
    }
  }
  fitted_ = true;
  return coefficients_;
}

double CostModel::spread() const { return weights_ > 0 ? std::sqrt(squares_ / weights_) : 0; }

double CostModel::estimate(const StepShape& shape) const {
  return dot(coefficients(), terms_of(shape));
}

int32_t CostModel::chunk_within(const StepShape& shape, int64_t depth, double seconds,
                                int32_t most) const {
  const auto fits = [&](int32_t num_tokens) {
    StepShape larger = shape;
    larger.add_prompt(depth, num_tokens);
    return estimate(larger) <= seconds;
  };
  if (fits(most)) return most;
  int32_t fit = 0, too_many = most;
  while (too_many - fit > 1) {
    const int32_t middle = fit + (too_many - fit) / 2;
    (fits(middle) ? fit : too_many) = middle;
  }
  return fit;
}

}  // namespace weft
