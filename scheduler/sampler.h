// Sampler: one request's way from logits to a token id. A chain in this order: logit bias,
// penalties (repetition, presence, frequency), temperature, top-k, top-p, min-p, draw.
//
// Probabilities are fixed-point integers made by an exponential of our own and random numbers are
// keyed by (seed, sample index, position): equal logits give equal ids on every machine, whatever
// the batch. Ties go to the lowest id. Owned by one request; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/row_draw.h"
#include "scheduler/ranking.h"
#include "scheduler/token_counts.h"

namespace weft {

// How one request's tokens are drawn.
struct SamplingParams {
  float temperature = 0.8f;         // ≥ 0; 0 takes the most likely token
  int32_t top_k = 40;               // keep the k most likely; ≤ 0: all
  float top_p = 0.95f;              // (0, 1]; keep the smallest set of at least this mass
  float min_p = 0.0f;               // [0, 1]; drop what is less likely than this × the best
  float repetition_penalty = 1.0f;  // > 0; divides (or multiplies, below 0) logits of seen ids
  float presence_penalty = 0.0f;    // taken from logits of generated ids
  float frequency_penalty = 0.0f;   // the same, times how often
  uint64_t seed = 42;               // equal requests with equal seeds give equal tokens
  uint32_t sample_index = 0;        // which of a request's n samples this is
  std::vector<std::pair<int32_t, float>> logit_bias;  // (token id, added to its logit)
};

// A chain of these steps, ready to draw.
class Sampler {
 public:
  // Fails with kInvalidArgument (naming the field, its value and its range) or, for a biased id
  // outside the vocabulary, kTokenOutOfRange.
  static Result<Sampler> create(const SamplingParams& params, int32_t n_vocab);

  // The id for `position`, the absolute position the drawn token will have. `logits` [n_vocab]
  // is scratch. `prompt` and `generated` are the ids so far. Fails with kNonFiniteLogits where a
  // logit is NaN or +infinity, or all are −infinity.
  Result<int32_t> sample(std::span<float> logits, std::span<const int32_t> prompt,
                         std::span<const int32_t> generated, int64_t position);

  // The same draw, for a backend to make of the same logits (Backend::sample): equal logits give
  // the id that sample() gives. Nothing where only sample() can make it, which the options alone
  // decide: a logit bias. Its spans are valid until the sampler's next draw.
  std::optional<RowDraw> row_draw(std::span<const int32_t> prompt,
                                  std::span<const int32_t> generated, int64_t position);

  // Whether a draw depends on which ids came before, and not on their number alone.
  bool depends_on_ids() const {
    return params_.repetition_penalty != 1.0f || params_.presence_penalty != 0.0f ||
           params_.frequency_penalty != 0.0f;
  }

  // What it draws with.
  const SamplingParams& params() const { return params_; }

 private:
  explicit Sampler(const SamplingParams& params) : params_(params) {}
  // What penalties change; nothing where there are none.
  std::span<const TokenCount> seen(std::span<const int32_t> prompt,
                                   std::span<const int32_t> generated);
  void apply_bias_and_penalties(std::span<float> logits, std::span<const int32_t> prompt,
                                std::span<const int32_t> generated);
  uint64_t random(int64_t position) const;
  int32_t draw(std::span<const float> logits, float best, int64_t position);

  SamplingParams params_;
  // Kept between calls so that a step allocates nothing.
  Ranking ranking_;
  TokenCounts counts_;
};

}  // namespace weft
