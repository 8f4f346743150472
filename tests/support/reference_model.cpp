#include "tests/support/reference_model.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <numbers>

#include "core/check.h"
#include "core/quant/decode.h"

namespace weft::test {
namespace {

using RowVector = Eigen::RowVectorXd;

// The weights of a tensor as its format defines them: [rows, cols].
DoubleMatrix weights_of(const HostTensor& tensor) {
  const int64_t rows = tensor.rows();
  const int64_t cols = tensor.cols();
  const int64_t stride = row_bytes(tensor.type, cols).value();
  WEFT_CHECK(static_cast<int64_t>(tensor.bytes.size()) == rows * stride, tensor.name);
  DoubleMatrix matrix(rows, cols);
  std::vector<float> row(cols);
  for (int64_t r = 0; r < rows; ++r) {
    decode_row(tensor.type, tensor.bytes.data() + r * stride, row.data(), cols);
    for (int64_t c = 0; c < cols; ++c) matrix(r, c) = row[c];
  }
  return matrix;
}

RowVector vector_of(const HostTensor& tensor) {
  const DoubleMatrix matrix = weights_of(tensor);
  return Eigen::Map<const RowVector>(matrix.data(), matrix.size());
}

std::vector<float> floats_of(const HostTensor& tensor) {
  std::vector<float> values(tensor.present() ? tensor.elements() : 0);
  if (!values.empty()) {
    decode_row(tensor.type, tensor.bytes.data(), values.data(), tensor.elements());
  }
  return values;
}

// y = x Wᵀ (+ b), for all tokens.
DoubleMatrix linear(const DoubleMatrix& x, const HostTensor& weight, const HostTensor& bias = {}) {
  DoubleMatrix y = x * weights_of(weight).transpose();
  if (bias.present()) y.rowwise() += vector_of(bias);
  return y;
}

// Each row, in groups of gain.size() elements, divided by its root mean square.
DoubleMatrix rms_norm(const DoubleMatrix& x, const HostTensor& gain_tensor, double eps) {
  const RowVector gain = vector_of(gain_tensor);
  const int64_t width = gain.size();
  DoubleMatrix y(x.rows(), x.cols());
  for (int64_t t = 0; t < x.rows(); ++t) {
    for (int64_t c = 0; c < x.cols(); c += width) {
      const auto group = x.row(t).segment(c, width);
      const double rms = std::sqrt(group.squaredNorm() / static_cast<double>(width) + eps);
      y.row(t).segment(c, width) = (group / rms).cwiseProduct(gain);
    }
  }
  return y;
}

void rotate_heads(DoubleMatrix& x, int32_t head_dim, const RopeConfig& rope,
                  std::span<const float> factors) {
  for (int64_t t = 0; t < x.rows(); ++t) {
    const std::vector<RopeTurn> turns = reference_rope_turns(rope, factors, t);
    for (int64_t c = 0; c < x.cols(); c += head_dim) {
      reference_rope(rope, turns, {x.row(t).data() + c, static_cast<size_t>(head_dim)});
    }
  }
}

// softmax(q Kᵀ / √d) V over the tokens that each query may see, a head at a time.
DoubleMatrix attention(const DoubleMatrix& q, const DoubleMatrix& k, const DoubleMatrix& v,
                       const LayerConfig& layer) {
  const int64_t tokens = q.rows();
  const int64_t dim = layer.head_dim;
  const int64_t queries_per_kv = layer.n_heads / layer.n_kv_heads;
  DoubleMatrix out(tokens, q.cols());
  for (int64_t h = 0; h < layer.n_heads; ++h) {
    const auto keys = k.middleCols(h / queries_per_kv * dim, dim);
    const auto values = v.middleCols(h / queries_per_kv * dim, dim);
    for (int64_t t = 0; t < tokens; ++t) {
      const int64_t window = layer.attention_window;
      const int64_t first = window > 0 ? std::max<int64_t>(0, t + 1 - window) : 0;
      const int64_t seen = t + 1 - first;
      RowVector weight = q.row(t).segment(h * dim, dim) * keys.middleRows(first, seen).transpose();
      weight /= std::sqrt(static_cast<double>(dim));
      weight = (weight.array() - weight.maxCoeff()).exp();
      weight /= weight.sum();
      out.row(t).segment(h * dim, dim) = weight * values.middleRows(first, seen);
    }
  }
  return out;
}

double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1.0 + std::exp(-x));
    case Activation::kGelu: {
      // The tanh form (Hendrycks & Gimpel, 2016), which is what models are trained with.
      const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return 0.5 * x * (1.0 + std::tanh(inner));
    }
  }
  return x;
}

void add_attention(DoubleMatrix& x, const ModelConfig& config, const LayerConfig& layer,
                   const LayerTensorsOf<HostTensor>& w, std::span<const float> factors) {
  const double eps = config.rms_norm_eps;
  const DoubleMatrix normed = rms_norm(x, w.attn_norm, eps);
  DoubleMatrix q = linear(normed, w.wq, w.bq);
  DoubleMatrix k = linear(normed, w.wk, w.bk);
  const DoubleMatrix v = linear(normed, w.wv, w.bv);
  if (w.q_norm.present()) q = rms_norm(q, w.q_norm, eps);
  if (w.k_norm.present()) k = rms_norm(k, w.k_norm, eps);
  const RopeConfig& rope = config.ropes.at(layer.rope);
  rotate_heads(q, layer.head_dim, rope, factors);
  rotate_heads(k, layer.head_dim, rope, factors);
  x += linear(attention(q, k, v, layer), w.wo, w.bo);
}

void add_feed_forward(DoubleMatrix& x, const ModelConfig& config, const LayerConfig& layer,
                      const LayerTensorsOf<HostTensor>& w) {
  const DoubleMatrix normed = rms_norm(x, w.ffn_norm, config.rms_norm_eps);
  const DoubleMatrix gate = linear(normed, w.gate);
  const DoubleMatrix up = linear(normed, w.up);
  const DoubleMatrix gated =
      gate.unaryExpr([&](double g) { return activate(layer.activation, g); }).cwiseProduct(up);
  x += linear(gated, w.down);
}

// YaRN's "by parts" (Peng et al., 2023, section 3.2): the share of pair i's own frequency that is
// kept. The paper's ramp runs over rotations within the original context; files hold it in the
// form all implementations share, a linear ramp over the pair's index between the pairs that make
// beta_fast and beta_slow rotations.
double yarn_share(const RopeConfig& rope, double pair) {
  const auto index_of = [&](double rotations) {
    // freq_base^(-2i / dims) × original_context = 2π × rotations, solved for i.
    const double wavelength = rope.original_context / (2.0 * std::numbers::pi * rotations);
    return 0.5 * rope.dims * std::log(wavelength) / std::log(rope.freq_base);
  };
  const double fast = std::max(std::floor(index_of(rope.yarn_beta_fast)), 0.0);
  const double slow = std::min(std::ceil(index_of(rope.yarn_beta_slow)), rope.dims - 1.0);
  const double ramp = (pair - fast) / std::max(slow - fast, 0.001);
  return rope.yarn_ext_factor * (1.0 - std::min(1.0, std::max(0.0, ramp)));
}

}  // namespace

std::vector<RopeTurn> reference_rope_turns(const RopeConfig& rope, std::span<const float> factors,
                                           int64_t position) {
  const bool yarn = rope.scaling == RopeScaling::kYarn;
  double magnitude = rope.attention_factor;
  if (yarn && rope.yarn_ext_factor != 0.0) magnitude *= 0.1 * std::log(rope.factor) + 1.0;
  std::vector<RopeTurn> turns;
  for (int32_t pair = 0; pair < rope.dims / 2; ++pair) {
    double angle = static_cast<double>(position) /
                   std::pow(rope.freq_base, static_cast<double>(2 * pair) / rope.dims);
    if (!factors.empty()) angle /= static_cast<double>(factors[pair]);
    if (rope.scaling == RopeScaling::kLinear) angle /= rope.factor;
    if (yarn) {
      const double share = yarn_share(rope, pair);
      angle = share * angle + (1.0 - share) * angle / rope.factor;
    }
    turns.push_back({magnitude * std::cos(angle), magnitude * std::sin(angle)});
  }
  return turns;
}

void reference_rope(const RopeConfig& rope, std::span<const RopeTurn> turns,
                    std::span<double> head) {
  const bool neox = rope.kind == RopeKind::kNeox;
  for (int32_t i = 0; i < rope.dims / 2; ++i) {
    double& a = head[neox ? i : 2 * i];
    double& b = head[neox ? i + rope.dims / 2 : 2 * i + 1];
    const double turned = a * turns[i].cosine - b * turns[i].sine;
    b = a * turns[i].sine + b * turns[i].cosine;
    a = turned;
  }
}

DoubleMatrix reference_hidden(const ModelConfig& config, const ModelTensors& tensors,
                              std::span<const int32_t> ids) {
  const std::vector<float> factors = floats_of(tensors.rope_factors);
  const DoubleMatrix embedding = weights_of(tensors.token_embedding);
  DoubleMatrix x(ids.size(), config.n_embd);
  for (size_t t = 0; t < ids.size(); ++t) x.row(t) = embedding.row(ids[t]);
  for (size_t i = 0; i < config.layers.size(); ++i) {
    add_attention(x, config, config.layers[i], tensors.layers.at(i), factors);
    add_feed_forward(x, config, config.layers[i], tensors.layers.at(i));
  }
  return rms_norm(x, tensors.output_norm, config.rms_norm_eps);
}

DoubleMatrix reference_logits(const ModelConfig& config, const ModelTensors& tensors,
                              std::span<const int32_t> ids) {
  return linear(reference_hidden(config, tensors, ids),
                tensors.output.present() ? tensors.output : tensors.token_embedding);
}

}  // namespace weft::test
