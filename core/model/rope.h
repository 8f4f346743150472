// The frequencies of rotary position embedding for one RopeConfig.
#pragma once

#include <span>
#include <vector>

#include "core/backend.h"
#include "core/model/config.h"

namespace weft {

// Radians a token for each pair of a head, with linear or YaRN scaling applied, each divided by
// its factor if `factors` ([dims / 2], Llama 3) is not empty. Owns what a RopeFrequencies views.
class RopeTable {
 public:
  RopeTable(const RopeConfig& config, std::span<const float> factors);

  RopeFrequencies frequencies() const {
    return {.kind = kind_, .dims = dims_, .inverse = inverse_, .magnitude = magnitude_};
  }

 private:
  RopeKind kind_;
  int32_t dims_;
  std::vector<double> inverse_;
  double magnitude_;
};

}  // namespace weft
