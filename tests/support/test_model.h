// Small models with random weights, made in memory: any mix of the features the decoder knows,
// the same bytes for the same specification on every machine.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/model/config.h"
#include "core/model/tensors.h"

namespace weft::test {

struct TestModelSpec {
  std::string architecture = "llama";  // a name only; the features are the fields below
  int32_t n_layers = 2;
  int32_t n_embd = 64;
  int32_t n_heads = 4;
  int32_t n_kv_heads = 2;
  int32_t head_dim = 16;
  int32_t ffn_dim = 96;
  int32_t n_vocab = 128;
  int32_t n_ctx_train = 2048;
  float rms_norm_eps = 1e-5f;

  bool tied_head = false;        // no output tensor: the embedding serves
  bool qkv_bias = false;         // as qwen2
  bool output_bias = false;      // attn_output.bias
  bool qk_norm = false;          // as qwen3
  RopeConfig rope;               // dims 0: the whole head
  bool rope_factors = false;     // a factor for each frequency, as Llama 3
  std::vector<int32_t> windows;  // attention_window of layers 0, 1, …, over again; empty: none
  Activation activation = Activation::kSilu;

  DType type = DType::kF32;  // of matrices; norms, biases and factors are always F32
  // Other types for some matrices, by role: token_embd, attn_q, …, ffn_down, output.
  std::map<std::string, DType> role_types;
  uint64_t seed = 1;
};

// The views in `tensors` point into tensors.storage, which copies share.
struct TestModel {
  ModelConfig config;
  ModelTensors tensors;
};

// Weights are scaled so that activations and logits are of order one.
TestModel make_test_model(const TestModelSpec& spec);

}  // namespace weft::test
