#include "tools/synth/tensor_plan.h"

#include <cmath>
#include <utility>

#include "tools/synth/vocabulary.h"

namespace weft::synth {
namespace {

// Each layer adds a variance of one to a residual stream that starts at one: half from attention,
// half from the feed-forward network. So its rms after layer l is √(1 + l): 4 after 16, 6 after 32.
const float kBranchDeviation = std::sqrt(0.5f);

// Deviation of q and of k before the dot product. Scores then have a deviation of 2, and a query
// gathers most of its weight from about e^-4 of the context, one token in 55: neither uniform
// (the values would average out to nothing) nor all on one token.
const float kQueryKeyDeviation = std::sqrt(2.0f);

// rms of silu(g) · u for independent normal g and u: √E[silu(g)²], by numerical integration.
constexpr float kGluRms = 0.5965f;

// Logits of this deviation give some 4 nats of entropy over a vocabulary of 128k.
constexpr float kLogitDeviation = 4.0f;

// What learned norms scatter around their mean, as a share of it.
constexpr float kNormScatter = 0.1f;

WeightLaw norm_law(float mean) { return {.mean = mean, .deviation = kNormScatter * mean}; }

// For a matrix whose inputs have an rms of one, outputs of the deviation given.
WeightLaw matrix_law(int64_t inputs, float output_deviation) {
  return {.deviation = output_deviation / std::sqrt(static_cast<float>(inputs))};
}

// A tied head sees its own embeddings: the logit of the token just read would grow with √n_embd
// and every model would stutter. With signs drawn for the norm in between, that product averages
// out like any other. (Learned norms keep their signs; no arithmetic cares.)
WeightLaw output_norm_law(const Shape& shape) {
  if (!shape.tied_head) return norm_law(1.0f);
  WeightLaw law = norm_law(kLogitDeviation / std::sqrt(static_cast<float>(shape.n_embd)));
  law.random_sign = true;
  return law;
}

class Planner {
 public:
  explicit Planner(const Shape& shape) : shape_(shape) {}

  std::vector<PlannedTensor> plan() && {
    const int64_t embd = shape_.n_embd;
    if (shape_.rope_factor != 0.0f) {
      vector(TensorRole::kRopeFactors, "rope_freqs.weight", shape_.head_dim / 2, {});
    }
    matrix(TensorRole::kTokenEmbedding, "token_embd.weight", embd, shape_.n_vocab, {});
    if (shape_.tied_head) tensors_.back().quiet_rows = kControlAndByteTokens;
    for (layer_ = 0; layer_ < shape_.n_layers; ++layer_) layer();
    layer_ = 0;
    vector(TensorRole::kOutputNorm, "output_norm.weight", embd, output_norm_law(shape_));
    if (!shape_.tied_head) {
      matrix(TensorRole::kOutput, "output.weight", embd, shape_.n_vocab,
             matrix_law(embd, kLogitDeviation));
      tensors_.back().quiet_rows = kControlAndByteTokens;
    }
    return std::move(tensors_);
  }

 private:
  void layer() {
    const int64_t embd = shape_.n_embd;
    const int64_t q = int64_t{shape_.n_heads} * shape_.head_dim;
    const int64_t kv = int64_t{shape_.n_kv_heads} * shape_.head_dim;
    const int64_t ffn = shape_.ffn_dim;
    const std::string blk = "blk." + std::to_string(layer_) + ".";
    // With a bias, its variance takes half of the whole; with a norm of q and k, the norm sets
    // the deviation.
    const float share = shape_.qkv_bias ? std::sqrt(0.5f) : 1.0f;
    const float qk = shape_.qk_norm ? 1.0f : kQueryKeyDeviation * share;

    vector(TensorRole::kNorm, blk + "attn_norm.weight", embd, norm_law(1.0f));
    matrix(TensorRole::kAttnQ, blk + "attn_q.weight", embd, q, matrix_law(embd, qk));
    matrix(TensorRole::kAttnK, blk + "attn_k.weight", embd, kv, matrix_law(embd, qk));
    matrix(TensorRole::kAttnV, blk + "attn_v.weight", embd, kv, matrix_law(embd, share));
    if (shape_.qkv_bias) {
      vector(TensorRole::kBias, blk + "attn_q.bias", q, {.deviation = kQueryKeyDeviation * share});
      vector(TensorRole::kBias, blk + "attn_k.bias", kv, {.deviation = kQueryKeyDeviation * share});
      vector(TensorRole::kBias, blk + "attn_v.bias", kv, {.deviation = share});
    }
    if (shape_.qk_norm) {
      const WeightLaw law = norm_law(kQueryKeyDeviation);
      vector(TensorRole::kQkNorm, blk + "attn_q_norm.weight", shape_.head_dim, law);
      vector(TensorRole::kQkNorm, blk + "attn_k_norm.weight", shape_.head_dim, law);
    }
    matrix(TensorRole::kAttnOutput, blk + "attn_output.weight", q, embd,
           matrix_law(q, kBranchDeviation));
    vector(TensorRole::kNorm, blk + "ffn_norm.weight", embd, norm_law(1.0f));
    matrix(TensorRole::kFfnGate, blk + "ffn_gate.weight", embd, ffn, matrix_law(embd, 1.0f));
    matrix(TensorRole::kFfnUp, blk + "ffn_up.weight", embd, ffn, matrix_law(embd, 1.0f));
    matrix(TensorRole::kFfnDown, blk + "ffn_down.weight", ffn, embd,
           matrix_law(ffn, kBranchDeviation / kGluRms));
  }

  void vector(TensorRole role, std::string name, int64_t size, WeightLaw law) {
    tensors_.push_back(
        {.name = std::move(name), .role = role, .layer = layer_, .cols = size, .law = law});
  }

  void matrix(TensorRole role, std::string name, int64_t cols, int64_t rows, WeightLaw law) {
    tensors_.push_back({.name = std::move(name),
                        .role = role,
                        .layer = layer_,
                        .cols = cols,
                        .rows = rows,
                        .law = law});
  }

  const Shape& shape_;
  int32_t layer_ = 0;
  std::vector<PlannedTensor> tensors_;
};

}  // namespace

std::vector<PlannedTensor> plan_tensors(const Shape& shape) { return Planner(shape).plan(); }

}  // namespace weft::synth
