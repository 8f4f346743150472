#include "core/model/pooling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

namespace weft {
namespace {

constexpr std::array<std::pair<Pooling, std::string_view>, 4> kNames = {{
    {Pooling::kLast, "last"},
    {Pooling::kMean, "mean"},
    {Pooling::kFirst, "first"},
    {Pooling::kMax, "max"},
}};

}  // namespace

std::string_view pooling_name(Pooling pooling) {
  for (const auto& [value, name] : kNames) {
    if (value == pooling) return name;
  }
  return "unknown";
}

std::optional<Pooling> find_pooling(std::string_view name) {
  for (const auto& [value, its_name] : kNames) {
    if (its_name == name) return value;
  }
  return std::nullopt;
}

void Pooler::add(int64_t position, std::span<const float> state) {
  switch (pooling_) {
    case Pooling::kLast:
      if (position == num_tokens_ - 1) pooled_.assign(state.begin(), state.end());
      return;
    case Pooling::kFirst:
      if (position == 0) pooled_.assign(state.begin(), state.end());
      return;
    case Pooling::kMean:
      sums_.resize(state.size());
      for (size_t i = 0; i < state.size(); ++i) sums_[i] += state[i];
      return;
    case Pooling::kMax:
      if (pooled_.empty()) {
        pooled_.assign(state.begin(), state.end());
        return;
      }
      // A NaN stays one, so that it is found in the end.
      for (size_t i = 0; i < state.size(); ++i) {
        if (!(state[i] <= pooled_[i]) && !std::isnan(pooled_[i])) pooled_[i] = state[i];
      }
      return;
  }
}

std::vector<float> Pooler::take() {
  if (pooling_ == Pooling::kMean) {
    pooled_.reserve(sums_.size());
    for (const double sum : sums_) {
      pooled_.push_back(static_cast<float>(sum / static_cast<double>(num_tokens_)));
    }
    sums_.clear();
  }
  return std::exchange(pooled_, {});
}

void normalize(std::span<float> vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  if (squares == 0) return;
  const double length = std::sqrt(squares);
  for (float& x : vector) x = static_cast<float>(x / length);
}

}  // namespace weft
