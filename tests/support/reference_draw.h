// A RowDraw as it is meant, however long it takes: all candidates sorted, then walked.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/fixed_exp.h"
#include "core/row_draw.h"

namespace weft::test {

inline int32_t reference_id(std::vector<float> logits, const RowDraw& draw) {
  for (const int32_t id : draw.forbidden) logits[static_cast<size_t>(id)] = -INFINITY;
  for (const auto& [id, times] : draw.seen) {
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit > 0 ? logit / draw.repetition_penalty : logit * draw.repetition_penalty;
    if (times == 0) continue;
    logit -= draw.presence_penalty + draw.frequency_penalty * static_cast<float>(times);
  }
  struct Candidate {
    float logit;
    int32_t id;
    uint64_t weight;
  };
  std::vector<Candidate> all;
  float best = -INFINITY;
  for (const float logit : logits) {
    if (!(logit < INFINITY)) return -1;
    best = std::max(best, logit);
  }
  if (best == -INFINITY) return -1;
  for (int32_t id = 0; id < std::ssize(logits); ++id) {
    const float logit = logits[static_cast<size_t>(id)];
    all.push_back(
        {logit, id,
         fixed_exp((double{logit} - best) * (1.0 / static_cast<double>(draw.temperature)))});
  }
  std::ranges::stable_sort(all, std::greater(), &Candidate::logit);
  if (draw.temperature == 0) return all[0].id;
  if (draw.top_k > 0 && draw.top_k < std::ssize(all)) all.resize(static_cast<size_t>(draw.top_k));
  uint64_t total = 0, kept = 0;
  for (const Candidate& c : all) total += c.weight;
  size_t n = 0;
  for (const auto least = static_cast<uint64_t>(double{kFixedExpOne} * draw.min_p);
       n < all.size() && (n == 0 || all[n].weight >= least);) {
    kept += all[n++].weight;
    if (draw.top_p < 1 && kept >= static_cast<uint64_t>(static_cast<double>(total) * draw.top_p)) {
      break;
    }
  }
  auto target = static_cast<uint64_t>((static_cast<unsigned __int128>(draw.random) * kept) >> 64);
  for (size_t i = 0; i < n; ++i) {
    if (target < all[i].weight) return all[i].id;
    target -= all[i].weight;
  }
  return -1;  // beyond the end, which cannot be
}

inline DrawnRow reference_draw(std::span<const float> row, const RowDraw& draw) {
  const std::vector<float> logits(row.begin(), row.end());
  DrawnRow drawn{.id = draw.given >= 0 ? draw.given : reference_id(logits, draw)};
  if (drawn.id < 0 || (!draw.wants_logprob && draw.given < 0)) return drawn;
  for (const float logit : logits) {
    if (!(logit < INFINITY)) return {};
  }
  drawn.logit = logits[static_cast<size_t>(drawn.id)];
  drawn.best = *std::ranges::max_element(logits);
  if (drawn.best == -INFINITY) return {};
  for (const float logit : logits) drawn.weight_sum += fixed_exp(double{logit} - drawn.best);
  return drawn;
}

}  // namespace weft::test
