#include "scheduler/token_counts.h"

#include <algorithm>

namespace weft {

// Comparing them is a few microseconds for the longest sequences.
bool TokenCounts::continues(std::span<const int32_t> prompt,
                            std::span<const int32_t> generated) const {
  return std::ranges::equal(prompt, prompt_) && generated.size() >= generated_.size() &&
         std::ranges::equal(generated.first(generated_.size()), generated_);
}

void TokenCounts::add(int32_t id, int32_t times_generated) {
  const auto [place, is_new] = places_.try_emplace(id, counts_.size());
  if (is_new) counts_.push_back({.id = id});
  counts_[place->second].times_generated += times_generated;
}

std::span<const TokenCount> TokenCounts::of(std::span<const int32_t> prompt,
                                            std::span<const int32_t> generated) {
  if (!continues(prompt, generated)) {
    places_.clear();
    counts_.clear();
    generated_.clear();
    prompt_.assign(prompt.begin(), prompt.end());
    for (const int32_t id : prompt) add(id, 0);
  }
  for (const int32_t id : generated.subspan(generated_.size())) {
    add(id, 1);
    generated_.push_back(id);
  }
  return counts_;
}

}  // namespace weft
