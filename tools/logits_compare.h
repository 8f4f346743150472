// How far two models' next-token distributions are apart, over many positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace weft::tools {

class LogitsComparison {
 public:
  // One position: the reference's logits as raw float32 bytes (any alignment), and ours.
  void add_row(std::span<const std::byte> reference, std::span<const float> ours);

  // KL divergence D(reference ‖ ours) of the softmax distributions, in nats, over positions.
  double mean_kl() const { return rows_ > 0 ? sum_kl_ / static_cast<double>(rows_) : 0; }
  double max_kl() const { return max_kl_; }
  // max |ours − reference| / max |reference|, over all logits.
  double max_difference() const;
  // Share of positions whose most likely token is the same.
  double top1_agreement() const;

  // "mean KL 1.2e-10, max KL …, max|Δ|/max|reference| …, top-1 agreement 100.00 % of 40".
  std::string summary() const;

 private:
  int64_t rows_ = 0;
  int64_t same_top_ = 0;
  double sum_kl_ = 0, max_kl_ = 0;
  double max_delta_ = 0, max_reference_ = 0;
};

}  // namespace weft::tools
