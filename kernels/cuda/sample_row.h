// What the sampling kernels know of a row, and how they see its logits.
//
// Rows are ranked by a number that orders logits and, among equal ones, ids. A histogram over the
// distance from the best says in which stretch of ranks a question ends (sample_histogram.cu);
// only that stretch is sorted (sample_choose.cu). Weights are integers (core/fixed_exp.h), so that
// sums are the same in any order, and atomic additions give what the host's sampler gives.
#pragma once

#include <cmath>

#include "core/fixed_exp.h"
#include "core/row_draw.h"
#include "kernels/cuda/device/device.h"

namespace weft::cuda {

// Logits of one block where a row is spread over many.
inline constexpr int kSampleSlice = 2048;
// Entries a bucket of a large vocabulary are then around a hundred.
inline constexpr int kSampleBuckets = 1024;

// One draw, uploaded. Device memory throughout.
struct SampleRow {
  float* logits;
  int32_t given;
  bool wants_logprob;

  const TokenCount* seen;
  const int32_t* forbidden;
  int32_t num_seen;
  int32_t num_forbidden;
  float* saved;  // [num_seen + num_forbidden] the logits that were changed
  float repetition_penalty;
  float presence_penalty;
  float frequency_penalty;

  float temperature;
  float bucket_scale;  // buckets a unit of logit
  double inverse_temperature;
  int32_t top_k;  // in [1, n_vocab]
  float top_p;
  float min_p;
  uint64_t min_weight;  // of min_p
  uint64_t random;

  uint64_t* bests;    // [slices] the first in rank of each
  int32_t* counts;    // [kSampleBuckets]
  uint64_t* weights;  // [kSampleBuckets]
  int32_t* likely;    // how many weigh at least min_weight
  DrawnRow* drawn;

  WEFT_DEVICE bool draws() const { return given < 0; }
  WEFT_DEVICE bool ranks() const { return draws() && temperature > 0.0f; }
};

// --- Ranks -------------------------------------------------------------------------------------
// The first in rank is the largest of these: by logit, then by id, the lowest first. Both zeros
// are one logit. A logit that may not be (NaN, +infinity) is above all.
WEFT_DEVICE uint64_t rank_key(float logit, int32_t id) {
  if (!(logit < INFINITY)) return ~uint64_t{0};
  const uint32_t bits = bits_from_float(logit + 0.0f);
  const uint32_t ordered = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
  return static_cast<uint64_t>(ordered) << 32 | ~static_cast<uint32_t>(id);
}
WEFT_DEVICE float logit_of(uint64_t key) {
  const auto ordered = static_cast<uint32_t>(key >> 32);
  return float_from_bits(ordered >> 31 != 0 ? ordered & 0x7fffffffu : ~ordered);
}
WEFT_DEVICE int32_t id_of(uint64_t key) {
  return static_cast<int32_t>(~static_cast<uint32_t>(key));
}
// Whether a row whose first in rank this is can be drawn from.
WEFT_DEVICE bool can_be_drawn(uint64_t best) {
  return best != ~uint64_t{0} && logit_of(best) > -INFINITY;
}

// The row's first in rank, once FindBest is done with it; by a whole warp.
WEFT_DEVICE uint64_t best_of(const SampleRow& row, int slices) {
  uint64_t best = 0;
  for (int slice = lane_index(); slice < slices; slice += kWarp) {
    const uint64_t other = load(row.bests + slice);
    best = other > best ? other : best;
  }
  return warp_max(best);
}

// --- Weights -----------------------------------------------------------------------------------
// As Ranking::distance() has it.
WEFT_DEVICE uint64_t weight_of(const SampleRow& row, float best, float logit) {
  const double distance =
      (static_cast<double>(best) - static_cast<double>(logit)) * row.inverse_temperature;
  return fixed_exp(-distance);
}

// The bucket of a logit, in the order of ranks; kSampleBuckets: it weighs nothing.
WEFT_DEVICE int bucket_of(const SampleRow& row, float best, float logit) {
  const float at = (best - logit) * row.bucket_scale;
  return at < static_cast<float>(kSampleBuckets) ? static_cast<int>(at) : kSampleBuckets;
}

}  // namespace weft::cuda
