#include "tools/logits_compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include <fmt/format.h>

namespace weft::tools {
namespace {

// log of the sum of exponentials, and the index of the first maximum.
struct Normaliser {
  double log_sum;
  size_t top;
};

Normaliser normalise(std::span<const float> logits) {
  const auto top = std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - *top);
  return {*top + std::log(sum), static_cast<size_t>(top - logits.begin())};
}

// A maximum in which NaN does not vanish.
void raise(double& maximum, double value) {
  if (std::isnan(value) || value > maximum) maximum = value;
}

}  // namespace

void LogitsComparison::add_row(std::span<const std::byte> reference, std::span<const float> ours) {
  std::vector<float> wanted(ours.size());
  std::memcpy(wanted.data(), reference.data(), ours.size_bytes());
  const Normaliser p = normalise(wanted);
  const Normaliser q = normalise(ours);
  double kl = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double log_p = wanted[i] - p.log_sum;
    const double log_q = ours[i] - q.log_sum;
    kl += std::exp(log_p) * (log_p - log_q);
    raise(max_delta_, std::abs(static_cast<double>(ours[i]) - wanted[i]));
    max_reference_ = std::max(max_reference_, std::abs(static_cast<double>(wanted[i])));
  }
  ++rows_;
  sum_kl_ += kl;
  raise(max_kl_, kl);
  if (p.top == q.top) ++same_top_;
}

double LogitsComparison::max_difference() const {
  return max_reference_ > 0 ? max_delta_ / max_reference_ : max_delta_;
}

double LogitsComparison::top1_agreement() const {
  return rows_ > 0 ? static_cast<double>(same_top_) / static_cast<double>(rows_) : 0;
}

std::string LogitsComparison::summary() const {
  return fmt::format(
      "mean KL {:.3e}, max KL {:.3e}, max|Δ|/max|reference| {:.3e}, top-1 agreement {:.2f} % of {}",
      mean_kl(), max_kl(), max_difference(), 100 * top1_agreement(), rows_);
}

}  // namespace weft::tools
