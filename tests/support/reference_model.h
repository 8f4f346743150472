// The oracle: a forward pass of its own, in double precision throughout, over the exactly
// dequantised weights. It shares no arithmetic with core/model or the kernels (only the model's
// description and the decoding of weights), is written to be read beside the papers, and keeps
// every K and V of the context in memory. Small models only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <Eigen/Dense>

#include "core/model/config.h"
#include "core/model/tensors.h"

namespace weft::test {

// [tokens, features]: row t belongs to token t.
using DoubleMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// What the head is applied to, of every token: the last layer's output after the final norm,
// [tokens, n_embd].
DoubleMatrix reference_hidden(const ModelConfig& config, const ModelTensors& tensors,
                              std::span<const int32_t> ids);

// Logits of every token of one sequence that starts at position 0: [tokens, n_vocab].
DoubleMatrix reference_logits(const ModelConfig& config, const ModelTensors& tensors,
                              std::span<const int32_t> ids);

// What rope multiplies pair i of a head by at one position: magnitude × (cos, sin) of its angle.
struct RopeTurn {
  double cosine, sine;
};

// [dims / 2]. `factors` divides each pair's frequency, or is empty.
std::vector<RopeTurn> reference_rope_turns(const RopeConfig& rope, std::span<const float> factors,
                                           int64_t position);

// Turns the first rope.dims elements of one head in place.
void reference_rope(const RopeConfig& rope, std::span<const RopeTurn> turns,
                    std::span<double> head);

}  // namespace weft::test
