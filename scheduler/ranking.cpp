#include "scheduler/ranking.h"

#include <algorithm>
#include <array>

#include "scheduler/fixed_exp.h"

namespace weft {
namespace {

// Farther away than so many temperatures, a logit weighs nothing.
constexpr double kFarthest = 28.0;
// Some hundred entries a bucket where a large vocabulary's logits are about alike; 48 KiB in all.
constexpr int32_t kBuckets = 4096;
constexpr double kPerDistance = kBuckets / kFarthest;

}  // namespace

// visit(index, bucket) for every logit; bucket kBuckets is what weighs nothing. A stretch of
// buckets is computed at a time, in a loop without branches, which would be as random as the
// logits.
template <class Visit>
void Ranking::for_buckets(const Visit& visit) const {
  constexpr size_t kStretch = 512;
  std::array<int32_t, kStretch> bucket;
  for (size_t begin = 0; begin < logits_.size(); begin += kStretch) {
    const size_t n = std::min(kStretch, logits_.size() - begin);
    for (size_t i = 0; i < n; ++i) {
      const double at = distance(logits_[begin + i]) * kPerDistance;
      bucket[i] = static_cast<int32_t>(at < kBuckets ? at : kBuckets);
    }
    for (size_t i = 0; i < n; ++i) visit(begin + i, bucket[i]);
  }
}

void Ranking::build(std::span<const float> logits, float best, double inverse_temperature,
                    int32_t most) {
  logits_ = logits;
  best_ = best;
  scale_ = inverse_temperature;
  sorted_bucket_ = -1;
  counts_.assign(kBuckets + 1, 0);
  weights_.assign(kBuckets, 0);
  for_buckets([&](size_t, int32_t bucket) { ++counts_[static_cast<size_t>(bucket)]; });
  size_ = std::min(static_cast<int32_t>(std::ssize(logits)) - counts_.back(), most);
  int32_t last = 0;
  for (int32_t before = 0; before + counts_[static_cast<size_t>(last)] < size_; ++last) {
    before += counts_[static_cast<size_t>(last)];
  }
  for_buckets([&](size_t i, int32_t bucket) {
    if (bucket <= last) {
      weights_[static_cast<size_t>(bucket)] += fixed_exp(-distance(logits[i]));
    }
  });
}

int32_t Ranking::count_at_least(uint64_t weight) const {
  return static_cast<int32_t>(std::ranges::count_if(
      logits_, [&](float logit) { return fixed_exp(-distance(logit)) >= weight; }));
}

const std::vector<Ranking::Entry>& Ranking::sorted(int32_t bucket) {
  if (sorted_bucket_ == bucket) return sorted_;
  sorted_bucket_ = bucket;
  sorted_.clear();
  for_buckets([&](size_t i, int32_t of) {
    if (of != bucket) return;
    sorted_.push_back({logits_[i], static_cast<int32_t>(i), fixed_exp(-distance(logits_[i]))});
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
