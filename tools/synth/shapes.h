// The exact shapes of well-known models, so that speed and memory can be measured without their
// weights. Facts only: the numbers are those of each model's published configuration.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace weft::synth {

struct Shape {
  std::string name;          // "llama3.2-1b"
  std::string architecture;  // "llama", as in GGUF's general.architecture
  int32_t n_layers = 0;
  int32_t n_embd = 0;
  int32_t n_heads = 0;
  int32_t n_kv_heads = 0;
  int32_t head_dim = 0;
  int32_t ffn_dim = 0;
  int32_t n_vocab = 0;
  int32_t n_ctx = 0;  // context the genuine model was trained for, tokens
  float rope_base = 10000.0f;
  float rope_factor = 0.0f;  // Llama 3's long-context factor; 0: no rope factors
  float rms_eps = 1e-5f;
  bool tied_head = false;  // the embedding serves as the head
  bool qkv_bias = false;
  bool qk_norm = false;
};

// All shapes, smallest name first as listed in help: "tiny" is ours, the others are genuine.
std::span<const Shape> all_shapes();

// The shape with this name; fails with kNotFound and lists the names there are.
Result<Shape> find_shape(std::string_view name);

// Weights and biases of the model, as its makers count them: rope factors are no parameters, a
// tied head counts once.
int64_t parameter_count(const Shape& shape);

// Llama 3's frequency factors, [head_dim / 2]: what GGUF stores as rope_freqs.weight. Pairs that
// turn often within the original context of 8192 tokens are kept (1), slow ones are stretched by
// rope_factor, those between are blended. Empty where the shape has none.
std::vector<float> rope_factors(const Shape& shape);

}  // namespace weft::synth
