#include "core/model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/check.h"

namespace weft {
namespace {

// YaRN: the pair that turns `rotations` times over the original context (a real number).
double pair_of_rotations(const RopeConfig& config, double rotations) {
  return config.dims * std::log(config.original_context / (rotations * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(config.freq_base));
}

// YaRN: how much of the unscaled frequency pair i keeps, 1 for fast pairs and 0 for slow ones.
double extrapolation_share(const RopeConfig& config, int32_t i) {
  const double low = std::max(0.0, std::floor(pair_of_rotations(config, config.yarn_beta_fast)));
  const double high =
      std::min(config.dims - 1.0, std::ceil(pair_of_rotations(config, config.yarn_beta_slow)));
  const double ramp = (i - low) / std::max(0.001, high - low);
  return (1.0 - std::clamp(ramp, 0.0, 1.0)) * config.yarn_ext_factor;
}

}  // namespace

RopeTable::RopeTable(const RopeConfig& config, std::span<const float> factors)
    : kind_(config.kind), dims_(config.dims), magnitude_(config.attention_factor) {
  const int32_t pairs = config.dims / 2;
  WEFT_CHECK(factors.empty() || static_cast<int32_t>(factors.size()) == pairs,
             "rope factors: " + std::to_string(factors.size()) + " for " + std::to_string(pairs));
  inverse_.reserve(pairs);
  for (int32_t i = 0; i < pairs; ++i) {
    double inverse = std::pow(config.freq_base, -2.0 * i / config.dims);
    if (!factors.empty()) inverse /= factors[i];
    const double interpolated = inverse / config.factor;
    switch (config.scaling) {
      case RopeScaling::kNone:
        break;
      case RopeScaling::kLinear:
        inverse = interpolated;
        break;
      case RopeScaling::kYarn: {
        const double keep = extrapolation_share(config, i);
        inverse = interpolated * (1.0 - keep) + inverse * keep;
        break;
      }
    }
    inverse_.push_back(inverse);
  }
  if (config.scaling == RopeScaling::kYarn && config.yarn_ext_factor != 0.0 &&
      config.factor > 1.0) {
    magnitude_ *= 1.0 + 0.1 * std::log(config.factor);
  }
}

}  // namespace weft
