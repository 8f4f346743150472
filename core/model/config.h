// What a model is made of, as plain data: filled by a file loader, read by the decoder. An
// architecture is nothing but the values in here; there is no other place where it shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/pooling.h"

namespace weft {

// Which two elements of a head are rotated together.
enum class RopeKind {
  kNormal,  // (2i, 2i + 1): llama files
  kNeox,    // (i, i + dims / 2): qwen files
};

enum class RopeScaling { kNone, kLinear, kYarn };

// Rotary position embedding (Su et al., 2021, arXiv:2104.09864), with its extensions to longer
// contexts: linear, YaRN (Peng et al., 2023, arXiv:2309.00071) and Llama 3's frequency factors
// (ModelTensors::rope_factors).
struct RopeConfig {
  RopeKind kind = RopeKind::kNormal;
  int32_t dims = 0;  // elements of a head that are rotated, from its first; even
  double freq_base = 10000.0;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;           // how many times longer the context was made
  int32_t original_context = 0;  // YaRN: tokens the model was first trained on
  double attention_factor = 1.0;
  double yarn_ext_factor = 1.0;
  double yarn_beta_fast = 32.0;
  double yarn_beta_slow = 1.0;
};

enum class Activation { kSilu, kGelu };

struct LayerConfig {
  int32_t n_heads = 0;
  int32_t n_kv_heads = 0;  // divides n_heads
  int32_t head_dim = 0;
  int32_t ffn_dim = 0;
  int32_t attention_window = 0;  // tokens a query sees, itself included; 0: all before it
  int32_t rope = 0;              // index into ModelConfig::ropes
  Activation activation = Activation::kSilu;
};

// What a model's author recommends for drawing tokens from it; where silent, the engine's defaults
// (SamplingParams, whose meaning and ranges these have).
struct SamplingAdvice {
  std::optional<float> temperature;
  std::optional<int32_t> top_k;
  std::optional<float> top_p;
  std::optional<float> min_p;
  std::optional<float> repetition_penalty;
};

struct ModelConfig {
  std::string architecture;  // "llama"
  std::string name;          // as the file says; may be empty
  int32_t n_vocab = 0;
  int32_t n_embd = 0;
  int32_t n_ctx_train = 0;  // context the model was trained for, tokens
  float rms_norm_eps = 1e-5f;
  Pooling pooling =
      Pooling::kLast;  // how a text's one embedding is made, unless it is asked otherwise
  SamplingAdvice sampling;
  std::vector<RopeConfig> ropes;
  std::vector<LayerConfig> layers;
};

}  // namespace weft
