#include "tests/support/test_model.h"

#include <cmath>
#include <deque>
#include <memory>

#include "core/check.h"
#include "gguf/quantize/encode.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

// A deque: growing moves no tensor that a view points at already.
using Storage = std::deque<std::vector<std::byte>>;

std::vector<std::byte> encode(DType type, const std::vector<float>& values) {
  const EncodeRow encode_row = encode_row_function(type);
  WEFT_CHECK(encode_row != nullptr, "no encoder for " + std::string(dtype_name(type)));
  const auto elements = static_cast<int64_t>(values.size());
  std::vector<std::byte> bytes(row_bytes(type, elements).value());
  encode_row(values.data(), bytes.data(), elements);
  return bytes;
}

class Maker {
 public:
  explicit Maker(const TestModelSpec& spec) : spec_(spec), storage_(std::make_shared<Storage>()) {}

  // Mean 0 and the given deviation: [rows, cols].
  HostTensor matrix(const std::string& prefix, const std::string& role, int64_t rows, int64_t cols,
                    double deviation) {
    const auto found = spec_.role_types.find(role);
    const DType type = found == spec_.role_types.end() ? spec_.type : found->second;
    return tensor(prefix + role + ".weight", type, {cols, rows, 1, 1}, 0.0, deviation);
  }

  HostTensor vector(const std::string& name, int64_t size, double mean, double deviation) {
    return tensor(name, DType::kF32, {size, 1, 1, 1}, mean, deviation);
  }

  std::shared_ptr<Storage> storage() const { return storage_; }

 private:
  HostTensor tensor(std::string name, DType type, std::array<int64_t, 4> shape, double mean,
                    double deviation) {
    HostTensor result{.name = std::move(name), .type = type, .shape = shape, .bytes = {}};
    Random random(spec_.seed, result.name);
    std::vector<float> values(result.elements());
    for (float& value : values) value = static_cast<float>(mean + deviation * random.bell());
    result.bytes = storage_->emplace_back(encode(type, values));
    return result;
  }

  const TestModelSpec& spec_;
  std::shared_ptr<Storage> storage_;
};

// Keeps a sum over `inputs` elements of order one.
double deviation_for(int64_t inputs) { return 1.0 / std::sqrt(static_cast<double>(inputs)); }

LayerTensorsOf<HostTensor> make_layer(Maker& maker, const TestModelSpec& spec, int32_t index) {
  const std::string prefix = "blk." + std::to_string(index) + ".";
  const int64_t q = int64_t{spec.n_heads} * spec.head_dim;
  const int64_t kv = int64_t{spec.n_kv_heads} * spec.head_dim;
  const double from_embd = deviation_for(spec.n_embd);
  LayerTensorsOf<HostTensor> t;
  t.attn_norm = maker.vector(prefix + "attn_norm.weight", spec.n_embd, 1.0, 0.2);
  // Twice the neutral scale: scores then differ by a few units and attention is not flat.
  t.wq = maker.matrix(prefix, "attn_q", q, spec.n_embd, 2.0 * from_embd);
  t.wk = maker.matrix(prefix, "attn_k", kv, spec.n_embd, from_embd);
  t.wv = maker.matrix(prefix, "attn_v", kv, spec.n_embd, from_embd);
  if (spec.qkv_bias) {
    t.bq = maker.vector(prefix + "attn_q.bias", q, 0.0, 0.5);
    t.bk = maker.vector(prefix + "attn_k.bias", kv, 0.0, 0.5);
    t.bv = maker.vector(prefix + "attn_v.bias", kv, 0.0, 0.5);
  }
  if (spec.qk_norm) {
    t.q_norm = maker.vector(prefix + "attn_q_norm.weight", spec.head_dim, 1.4, 0.3);
    t.k_norm = maker.vector(prefix + "attn_k_norm.weight", spec.head_dim, 1.0, 0.3);
  }
  t.wo = maker.matrix(prefix, "attn_output", spec.n_embd, q, deviation_for(q));
  if (spec.output_bias) t.bo = maker.vector(prefix + "attn_output.bias", spec.n_embd, 0.0, 0.3);
  t.ffn_norm = maker.vector(prefix + "ffn_norm.weight", spec.n_embd, 1.0, 0.2);
  t.gate = maker.matrix(prefix, "ffn_gate", spec.ffn_dim, spec.n_embd, 1.5 * from_embd);
  t.up = maker.matrix(prefix, "ffn_up", spec.ffn_dim, spec.n_embd, 1.5 * from_embd);
  t.down = maker.matrix(prefix, "ffn_down", spec.n_embd, spec.ffn_dim, deviation_for(spec.ffn_dim));
  return t;
}

ModelConfig make_config(const TestModelSpec& spec) {
  ModelConfig config{.architecture = spec.architecture,
                     .name = "random-" + spec.architecture,
                     .n_vocab = spec.n_vocab,
                     .n_embd = spec.n_embd,
                     .n_ctx_train = spec.n_ctx_train,
                     .rms_norm_eps = spec.rms_norm_eps,
                     .ropes = {spec.rope},
                     .layers = {}};
  if (config.ropes[0].dims == 0) config.ropes[0].dims = spec.head_dim;
  for (int32_t i = 0; i < spec.n_layers; ++i) {
    const int32_t window = spec.windows.empty() ? 0 : spec.windows[i % spec.windows.size()];
    config.layers.push_back({.n_heads = spec.n_heads,
                             .n_kv_heads = spec.n_kv_heads,
                             .head_dim = spec.head_dim,
                             .ffn_dim = spec.ffn_dim,
                             .attention_window = window,
                             .rope = 0,
                             .activation = spec.activation});
  }
  return config;
}

}  // namespace

TestModel make_test_model(const TestModelSpec& spec) {
  Maker maker(spec);
  TestModel model{.config = make_config(spec), .tensors = {}};
  ModelTensors& t = model.tensors;
  // A tied head multiplies by the embedding, so that one has to be as small as a head.
  const double head_deviation = 2.0 * deviation_for(spec.n_embd);
  t.token_embedding = maker.matrix("", "token_embd", spec.n_vocab, spec.n_embd,
                                   spec.tied_head ? head_deviation : 1.0);
  t.output_norm = maker.vector("output_norm.weight", spec.n_embd, 1.0, 0.2);
  if (!spec.tied_head) {
    t.output = maker.matrix("", "output", spec.n_vocab, spec.n_embd, head_deviation);
  }
  for (int32_t i = 0; i < spec.n_layers; ++i) t.layers.push_back(make_layer(maker, spec, i));
  if (spec.rope_factors) {
    t.rope_factors = maker.vector("rope_freqs.weight", model.config.ropes[0].dims / 2, 4.5, 1.0);
  }
  t.storage = maker.storage();
  return model;
}

}  // namespace weft::test
