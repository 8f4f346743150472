// How far logits are from the truth.
#pragma once

#include <cstdint>
#include <ostream>
#include <span>
#include <vector>

#include "tests/support/reference_model.h"

namespace weft::test {

// Logits as an engine gives them: row-major [rows, n_vocab].
struct Logits {
  int64_t n_vocab = 0;
  std::vector<float> values;

  int64_t rows() const { return static_cast<int64_t>(values.size()) / n_vocab; }
};

struct LogitsDifference {
  double mean_kl = 0.0;       // KL(truth ‖ measured), nats, averaged over rows
  double max_kl = 0.0;        // of the worst row
  double max_relative = 0.0;  // max |measured − truth| / max |truth|
};

// Infinite in every field where the shapes differ or a number is not finite.
LogitsDifference compare_logits(const DoubleMatrix& truth, const Logits& measured);

std::ostream& operator<<(std::ostream& out, const LogitsDifference& difference);

// What float32 arithmetic must reach. The project promises 1e-4 of the largest logit; tests hold
// it to what the arithmetic gives: sums of a few hundred products, each rounded by 2^-24, err by
// some 2^-20 after two layers. Rounding activations to 16 bits anywhere would show.
inline constexpr double kMaxMeanKl = 1e-9;
inline constexpr double kMaxRelative = 0x1p-18;

Logits rounded(const DoubleMatrix& logits);
DoubleMatrix widened(const Logits& logits);

// The same bits in every element; signed zeros and NaN payloads count.
bool same_bits(const Logits& a, const Logits& b);

}  // namespace weft::test
