// What a model's steps must read and compute at least: the bytes and operations that a benchmark
// sets its times against.
#pragma once

#include <cstdint>
#include <string>

#include "api/model.h"
#include "core/error.h"

namespace weft::tools {

struct Cost {
  double bytes = 0;  // weights once a step, and the KV that its tokens attend to
  double flops = 0;  // two a multiply-add: matrices and attention

  Cost& operator+=(const Cost& other) {
    bytes += other.bytes;
    flops += other.flops;
    return *this;
  }
};

// The shape of one step: each of `sequences` computes `tokens` tokens from position `from` on, and
// wants the logits of the last.
struct StepShape {
  int64_t sequences = 1;
  int64_t tokens = 1;
  int64_t from = 0;
};

// Immutable.
class StepCosts {
 public:
  // Reads the sizes of the matrices from the model's file.
  static Result<StepCosts> of(const std::string& path, const Model& model,
                              const std::string& kv_type);

  Cost step(const StepShape& shape) const;
  // The type that most of the weights' bytes are in: "Q4_K".
  const std::string& main_type() const { return main_type_; }

 private:
  double body_bytes_ = 0, body_elements_ = 0;  // every matrix but the embedding and the head
  double head_bytes_ = 0, head_elements_ = 0;
  double kv_token_bytes_ = 0;   // keys and values of one token in all layers
  double attention_flops_ = 0;  // of a token and one position it attends to, in all layers
  std::string main_type_;
};

}  // namespace weft::tools
