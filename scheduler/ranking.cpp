#include "scheduler/ranking.h"

#include <algorithm>
#include <array>
#include <limits>

#include "core/fixed_exp.h"

namespace weft {
namespace {

// Farther away than so many temperatures, a logit weighs nothing (fixed_exp(), and a little for
// the rounding of buckets).
constexpr float kFarthest = 28.01f;
// Some hundred entries a bucket where a large vocabulary's logits are about alike; 48 KiB in all.
constexpr int32_t kBuckets = 4096;
constexpr float kPerDistance = kBuckets / kFarthest;
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr size_t kStretch = 512;

}  // namespace

// visit(first, buckets) for every stretch of logits: the bucket of each, where kBuckets is what
// weighs nothing. A stretch is computed at a time, in a loop without branches, which would be as
// random as the logits. Single precision will do: rounded, buckets are still in the logits' order.
template <class Visit>
void Ranking::for_stretches(const Visit& visit) const {
  // Below some temperature it would be infinite, and the best's own distance no number.
  const float scale = std::min(static_cast<float>(scale_) * kPerDistance, kLargest);
  std::array<int32_t, kStretch> buckets;
  for (size_t first = 0; first < logits_.size(); first += kStretch) {
    const size_t n = std::min(kStretch, logits_.size() - first);
    for (size_t i = 0; i < n; ++i) {
      const float at = (best_ - logits_[first + i]) * scale;
      buckets[i] = static_cast<int32_t>(at < kBuckets ? at : kBuckets);
    }
    visit(first, std::span(buckets).first(n));
  }
}

void Ranking::build(std::span<const float> logits, float best, double inverse_temperature,
                    int32_t most) {
  logits_ = logits;
  best_ = best;
  scale_ = inverse_temperature;
  sorted_bucket_ = -1;
  counts_.assign(kBuckets + 1, 0);
  weights_.assign(kBuckets + 1, 0);
  const auto n = static_cast<int32_t>(std::ssize(logits));
  if (most >= n) {
    count_and_weigh();
    size_ = n - counts_.back();
    return;
  }
  for_stretches([&](size_t, std::span<const int32_t> buckets) {
    for (const int32_t bucket : buckets) ++counts_[static_cast<size_t>(bucket)];
  });
  size_ = std::min(n - counts_.back(), most);
  weigh_up_to(bucket_of_rank(size_ - 1));
}

void Ranking::count_and_weigh() {
  std::array<uint64_t, kStretch> weights;
  for_stretches([&](size_t first, std::span<const int32_t> buckets) {
    for (size_t i = 0; i < buckets.size(); ++i) {
      weights[i] = fixed_exp(-distance(logits_[first + i]));
    }
    for (size_t i = 0; i < buckets.size(); ++i) {
      const auto bucket = static_cast<size_t>(buckets[i]);
      ++counts_[bucket];
      weights_[bucket] += weights[i];
    }
  });
}

// Few logits are that near where only the first ranks are asked for.
void Ranking::weigh_up_to(int32_t last) {
  for_stretches([&](size_t first, std::span<const int32_t> buckets) {
    for (size_t i = 0; i < buckets.size(); ++i) {
      if (buckets[i] > last) continue;
      weights_[static_cast<size_t>(buckets[i])] += fixed_exp(-distance(logits_[first + i]));
    }
  });
}

int32_t Ranking::bucket_of_rank(int32_t rank) const {
  int32_t bucket = 0;
  for (int32_t end = counts_[0]; end <= rank; end += counts_[static_cast<size_t>(bucket)]) ++bucket;
  return bucket;
}

int32_t Ranking::count_at_least(uint64_t weight) const {
  return static_cast<int32_t>(std::ranges::count_if(
      logits_, [&](float logit) { return fixed_exp(-distance(logit)) >= weight; }));
}

const std::vector<Ranking::Entry>& Ranking::sorted(int32_t bucket) {
  if (sorted_bucket_ == bucket) return sorted_;
  sorted_bucket_ = bucket;
  sorted_.clear();
  for_stretches([&](size_t first, std::span<const int32_t> buckets) {
    for (size_t i = 0; i < buckets.size(); ++i) {
      if (buckets[i] != bucket) continue;
      const float logit = logits_[first + i];
      sorted_.push_back({logit, static_cast<int32_t>(first + i), fixed_exp(-distance(logit))});
    }
  });
  std::ranges::sort(sorted_, [](const Entry& a, const Entry& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  });
  return sorted_;
}

uint64_t Ranking::weight_of_first(int32_t count) {
  uint64_t sum = 0;
  for (int32_t bucket = 0; count > 0 && bucket < kBuckets; ++bucket) {
    const int32_t here = counts_[static_cast<size_t>(bucket)];
    if (here <= count) {
      sum += weights_[static_cast<size_t>(bucket)];
    } else {
      for (const Entry& entry : std::span(sorted(bucket)).first(static_cast<size_t>(count))) {
        sum += entry.weight;
      }
    }
    count -= here;
  }
  return sum;
}

Ranking::Place Ranking::find(uint64_t weight) {
  Place place = {0, 0};
  int32_t rank = 0;
  for (int32_t bucket = 0; rank < size_; ++bucket) {
    const int32_t here = counts_[static_cast<size_t>(bucket)];
    const uint64_t of_bucket = weights_[static_cast<size_t>(bucket)];
    if (of_bucket > weight || rank + here >= size_) {
      for (const Entry& entry : sorted(bucket)) {
        place = {rank, entry.id};
        if (entry.weight > weight || ++rank == size_) return place;
        weight -= entry.weight;
      }
      continue;
    }
    weight -= of_bucket;
    rank += here;
  }
  return place;
}

}  // namespace weft
