// The tensors of a shape: their GGUF names, dimensions, and the law their random values follow,
// chosen so that a forward pass looks like a real model's to the arithmetic: activations of order
// one in every layer, attention that attends, and logits with a few nats of entropy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/synth/file_type.h"
#include "tools/synth/shapes.h"

namespace weft::synth {

// Values are about normal with this mean and deviation; with `random_sign` each value's sign is
// then drawn too.
struct WeightLaw {
  float mean = 0.0f;
  float deviation = 1.0f;
  bool random_sign = false;
};

// Rows of the head for tokens that should hardly be drawn: their logits stay near zero, where the
// best of the others are at 12 and more. Else a small model would soon draw its end of text.
inline constexpr float kQuietRowScale = 0.25f;

struct PlannedTensor {
  std::string name;  // "blk.3.attn_q.weight"
  TensorRole role;
  int32_t layer = 0;  // 0 for tensors of no layer
  int64_t cols = 0;   // elements of a row: the input of a matrix, or the length of a vector
  int64_t rows = 1;   // outputs of a matrix; 1 for vectors
  WeightLaw law;      // unused by rope factors, whose values are computed
  // So many first rows are scaled by kQuietRowScale.
  int64_t quiet_rows = 0;
};

// All tensors in the order in which they are written.
std::vector<PlannedTensor> plan_tensors(const Shape& shape);

}  // namespace weft::synth
