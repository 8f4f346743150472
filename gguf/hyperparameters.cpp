#include "gguf/hyperparameters.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "gguf/printable.h"

namespace weft::gguf {
namespace {

// Bounds that keep every product of two sizes inside 63 bits and every loop short. Each is far
// beyond the largest model that anybody has published.
constexpr int64_t kMostLayers = 1024;
constexpr int64_t kMostHeads = 1 << 14;
constexpr int64_t kLargestHead = 1 << 14;
constexpr int64_t kLargestWidth = 1 << 22;  // embedding, all heads together, feed-forward
constexpr int64_t kLongestContext = std::numeric_limits<int32_t>::max();
constexpr double kLargestFactor = 1e12;

std::string text(double value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof(digits), value).ptr};
}

// The keys of one architecture: "llama." and a name.
class Keys {
 public:
  Keys(const Metadata& metadata, std::string_view architecture)
      : metadata_(metadata), prefix_(std::string(architecture) + ".") {}

  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  bool has(std::string_view name) const { return metadata_.contains(key(name)); }
  const Metadata& metadata() const { return metadata_; }

  // An integer from 1 to `most`.
  Result<int32_t> size(std::string_view name, int64_t most) const {
    WEFT_TRY_ASSIGN(const int64_t value, metadata_.get<int64_t>(key(name)));
    return in_range(name, value, most);
  }
  Result<int32_t> size_or(std::string_view name, int64_t most, int32_t fallback) const {
    return has(name) ? size(name, most) : Result<int32_t>(fallback);
  }

  // As size(), also from an array with one element a layer, all alike.
  Result<int32_t> layer_size(std::string_view name, int64_t most, int32_t layers) const {
    const Value* value = metadata_.find(key(name));
    if (value == nullptr || value->type != ValueType::kArray) return size(name, most);
    if (value->element_type == ValueType::kInt32) return same_for_all<int32_t>(name, most, layers);
    return same_for_all<uint32_t>(name, most, layers);
  }
  Result<int32_t> layer_size_or(std::string_view name, int64_t most, int32_t layers,
                                int32_t fallback) const {
    return has(name) ? layer_size(name, most, layers) : Result<int32_t>(fallback);
  }

  // A finite float, least < value <= most.
  Result<double> number_or(std::string_view name, double fallback, double least,
                           double most) const {
    WEFT_TRY_ASSIGN(const double value, metadata_.get_or<double>(key(name), fallback));
    if (std::isfinite(value) && value > least && value <= most) return value;
    return bad(name,
               text(value) + ", expected more than " + text(least) + " and at most " + text(most));
  }

  tl::unexpected<Error> bad(std::string_view name, const std::string& why) const {
    return fail(ErrorCode::kGgufBadValue, key(name) + ": " + why);
  }
  tl::unexpected<Error> unsupported(std::string_view name, const std::string& why) const {
    return fail(ErrorCode::kUnsupported, key(name) + ": " + why);
  }

 private:
  Result<int32_t> in_range(std::string_view name, int64_t value, int64_t most) const {
    if (value >= 1 && value <= most) return static_cast<int32_t>(value);
    return bad(name, std::to_string(value) + ", expected 1 to " + std::to_string(most));
  }

  template <class T>
  Result<int32_t> same_for_all(std::string_view name, int64_t most, int32_t layers) const {
    WEFT_TRY_ASSIGN(const ArrayView<T> values, metadata_.get_array<T>(key(name)));
    if (values.size() != static_cast<size_t>(layers)) {
      return bad(name, std::to_string(values.size()) + " elements for " + std::to_string(layers) +
                           " layers");
    }
    for (size_t i = 1; i < values.size(); ++i) {
      if (values[i] != values[0]) {
        return unsupported(
            name, "differs between layers 0 and " + std::to_string(i) + ", which is not supported");
      }
    }
    return in_range(name, values[0], most);
  }

  const Metadata& metadata_;
  std::string prefix_;
};

Result<LayerConfig> load_layer(const Keys& keys, int32_t n_embd, int32_t n_layers) {
  LayerConfig layer;
  WEFT_TRY_ASSIGN(layer.ffn_dim, keys.layer_size("feed_forward_length", kLargestWidth, n_layers));
  WEFT_TRY_ASSIGN(layer.n_heads, keys.layer_size("attention.head_count", kMostHeads, n_layers));
  WEFT_TRY_ASSIGN(layer.n_kv_heads, keys.layer_size_or("attention.head_count_kv", kMostHeads,
                                                       n_layers, layer.n_heads));
  if (layer.n_heads % layer.n_kv_heads != 0) {
    return keys.bad("attention.head_count_kv", std::to_string(layer.n_kv_heads) +
                                                   ", expected a divisor of head_count, " +
                                                   std::to_string(layer.n_heads));
  }
  if (!keys.has("attention.key_length") && n_embd % layer.n_heads != 0) {
    return keys.bad("attention.head_count", std::to_string(layer.n_heads) +
                                                ", expected a divisor of embedding_length, " +
                                                std::to_string(n_embd));
  }
  const int32_t default_head = n_embd / layer.n_heads;
  WEFT_TRY_ASSIGN(layer.head_dim, keys.size_or("attention.key_length", kLargestHead, default_head));
  WEFT_TRY_ASSIGN(const int32_t value_dim,
                  keys.size_or("attention.value_length", kLargestHead, default_head));
  if (value_dim != layer.head_dim) {
    return keys.unsupported("attention.value_length", std::to_string(value_dim) +
                                                          ", but keys have " +
                                                          std::to_string(layer.head_dim) +
                                                          ": supported only where they are alike");
  }
  if (int64_t{layer.n_heads} * layer.head_dim > kLargestWidth) {
    return keys.bad("attention.head_count",
                    std::to_string(layer.n_heads) + " heads of " + std::to_string(layer.head_dim) +
                        ", expected at most " + std::to_string(kLargestWidth) + " together");
  }
  return layer;
}

Result<RopeScaling> load_scaling_kind(const Keys& keys) {
  constexpr std::string_view kName = "rope.scaling.type";
  // A file that gives a factor alone means the linear kind.
  WEFT_TRY_ASSIGN(const std::string_view name,
                  keys.metadata().get_or<std::string_view>(keys.key(kName), "linear"));
  if (name == "none") return RopeScaling::kNone;
  if (name == "linear") return RopeScaling::kLinear;
  if (name == "yarn") return RopeScaling::kYarn;
  return keys.unsupported(kName, '"' + printable(name) + "\", supported are none, linear and yarn");
}

Result<void> load_scaling(const Keys& keys, int32_t n_ctx_train, RopeConfig& rope) {
  WEFT_TRY_ASSIGN(rope.scaling, load_scaling_kind(keys));
  // The second is what the key was called once. Both may say 0 for "none".
  const char* name = keys.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  WEFT_TRY_ASSIGN(const double factor, keys.metadata().get_or<double>(keys.key(name), 1.0));
  if (!std::isfinite(factor) || factor < 0 || factor > kLargestFactor) {
    return keys.bad(name, text(factor) + ", expected a factor above 0");
  }
  rope.factor = factor == 0 ? 1.0 : factor;
  WEFT_TRY_ASSIGN(rope.attention_factor,
                  keys.number_or("rope.scaling.attn_factor", 1.0, 0.0, kLargestFactor));
  if (rope.factor == 1.0 && rope.scaling == RopeScaling::kLinear) rope.scaling = RopeScaling::kNone;
  if (rope.scaling == RopeScaling::kNone) rope.factor = 1.0;
  if (rope.scaling != RopeScaling::kYarn) return {};

  WEFT_TRY_ASSIGN(rope.original_context, keys.size_or("rope.scaling.original_context_length",
                                                      kLongestContext, n_ctx_train));
  WEFT_TRY_ASSIGN(rope.yarn_ext_factor, keys.number_or("rope.scaling.yarn_ext_factor", 1.0,
                                                       -kLargestFactor, kLargestFactor));
  if (rope.yarn_ext_factor < 0) rope.yarn_ext_factor = 1.0;  // how files say "not set"
  WEFT_TRY_ASSIGN(rope.yarn_beta_fast,
                  keys.number_or("rope.scaling.yarn_beta_fast", 32.0, 0.0, kLargestFactor));
  WEFT_TRY_ASSIGN(rope.yarn_beta_slow,
                  keys.number_or("rope.scaling.yarn_beta_slow", 1.0, 0.0, kLargestFactor));
  return {};
}

Result<RopeConfig> load_rope(const Keys& keys, const Architecture& architecture, int32_t head_dim,
                             int32_t n_ctx_train) {
  constexpr std::string_view kDims = "rope.dimension_count";
  RopeConfig rope;
  rope.kind = architecture.rope;
  WEFT_TRY_ASSIGN(rope.dims, keys.size_or(kDims, kLargestHead, head_dim));
  const std::string found = std::to_string(rope.dims);
  if (rope.dims % 2 != 0) return keys.bad(kDims, found + ", expected an even number");
  if (rope.dims > head_dim || (architecture.rope_whole_head && rope.dims != head_dim)) {
    return keys.bad(kDims, found + ", but a head has " + std::to_string(head_dim));
  }
  // Above 1: YaRN divides by its logarithm.
  WEFT_TRY_ASSIGN(rope.freq_base, keys.number_or("rope.freq_base", 10000.0, 1.0, kLargestFactor));
  WEFT_TRY(load_scaling(keys, n_ctx_train, rope));
  return rope;
}

Result<void> refuse_what_is_not_built(const Keys& keys) {
  const Metadata& metadata = keys.metadata();
  WEFT_TRY_ASSIGN(const int64_t experts, metadata.get_or<int64_t>(keys.key("expert_count"), 0));
  if (experts != 0) {
    return keys.unsupported("expert_count",
                            std::to_string(experts) + ": mixtures of experts are not supported");
  }
  WEFT_TRY_ASSIGN(const bool causal, metadata.get_or<bool>(keys.key("attention.causal"), true));
  if (!causal)
    return keys.unsupported("attention.causal", "false: not a model that generates text");
  return {};
}

// "none", and the pooling of rerankers, whose head is not built, leave the last token's.
Result<Pooling> load_pooling(const Keys& keys) {
  constexpr std::string_view kName = "pooling_type";
  WEFT_TRY_ASSIGN(const int64_t type, keys.metadata().get_or<int64_t>(keys.key(kName), 0));
  switch (type) {
    case 0:
    case 3:
    case 4:
      return Pooling::kLast;
    case 1:
      return Pooling::kMean;
    case 2:
      return Pooling::kFirst;
    default:
      return keys.bad(kName, std::to_string(type) + ", expected 0 … 4");
  }
}

}  // namespace

Result<ModelConfig> load_hyperparameters(const Metadata& metadata,
                                         const Architecture& architecture) {
  const Keys keys(metadata, architecture.name);
  WEFT_TRY(refuse_what_is_not_built(keys));
  ModelConfig config;
  config.architecture = architecture.name;
  WEFT_TRY_ASSIGN(const std::string_view name,
                  metadata.get_or<std::string_view>("general.name", ""));
  config.name = printable(name);
  WEFT_TRY_ASSIGN(const int32_t n_layers, keys.size("block_count", kMostLayers));
  WEFT_TRY_ASSIGN(config.n_embd, keys.size("embedding_length", kLargestWidth));
  WEFT_TRY_ASSIGN(config.n_ctx_train, keys.size("context_length", kLongestContext));
  WEFT_TRY(metadata.get<double>(keys.key("attention.layer_norm_rms_epsilon")));
  WEFT_TRY_ASSIGN(const double epsilon,
                  keys.number_or("attention.layer_norm_rms_epsilon", 0.0, 0.0, 1.0));
  config.rms_norm_eps = static_cast<float>(epsilon);
  WEFT_TRY_ASSIGN(config.pooling, load_pooling(keys));
  WEFT_TRY_ASSIGN(const LayerConfig layer, load_layer(keys, config.n_embd, n_layers));
  WEFT_TRY_ASSIGN(RopeConfig rope,
                  load_rope(keys, architecture, layer.head_dim, config.n_ctx_train));
  config.ropes.push_back(rope);
  config.layers.assign(static_cast<size_t>(n_layers), layer);
  return config;
}

}  // namespace weft::gguf
