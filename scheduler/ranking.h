// Ranking: logits from the most likely on (ties by ascending id), without sorting them. A histogram
// over their distance from the best holds counts and weights; only the buckets in which a question
// ends are sorted. What stays is a few dozen kilobytes, whatever the vocabulary. Knows no options
// of a request. Owned by one sampler; not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft {

class Ranking {
 public:
  struct Place {
    int32_t rank;
    int32_t id;
  };

  // Ranks the `most` most likely ids, fewer where logits are so far below `best`, the largest, that
  // they weigh nothing. A weight is e^((logit - best) × inverse_temperature) as fixed_exp() gives
  // it. The logits must live, unchanged, until the last question.
  void build(std::span<const float> logits, float best, double inverse_temperature, int32_t most);

  int32_t size() const { return size_; }
  // How many weigh at least so much.
  int32_t count_at_least(uint64_t weight) const;
  // The sum over the first `count` ranks.
  uint64_t weight_of_first(int32_t count);
  // The first rank with which the sum of weights, from the first on, exceeds `weight`; the last
  // where none does.
  Place find(uint64_t weight);

 private:
  struct Entry {
    float logit;
    int32_t id;
    uint64_t weight;
  };

  double distance(float logit) const { return (static_cast<double>(best_) - logit) * scale_; }
  template <class Visit>
  void for_stretches(const Visit& visit) const;
  void count_and_weigh();
  void weigh_up_to(int32_t last);
  int32_t bucket_of_rank(int32_t rank) const;
  const std::vector<Entry>& sorted(int32_t bucket);

  std::span<const float> logits_;
  float best_ = 0;
  double scale_ = 0;
  int32_t size_ = 0;
  std::vector<int32_t> counts_;    // of each bucket; the last is what weighs nothing
  std::vector<uint64_t> weights_;  // of each bucket that is ranked at least in part, and the last
  int32_t sorted_bucket_ = -1;
  std::vector<Entry> sorted_;
};

}  // namespace weft
