#include "tools/synth/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "tools/synth/tensor_plan.h"

namespace weft::synth {
namespace {

// Small enough for tests and for a first start without a model, yet with every row a multiple of
// 256, so that each block type is stored as itself.
const Shape kTiny{.name = "tiny",
                  .architecture = "llama",
                  .n_layers = 2,
                  .n_embd = 256,
                  .n_heads = 8,
                  .n_kv_heads = 2,
                  .head_dim = 32,
                  .ffn_dim = 256,
                  .n_vocab = 1024,
                  .n_ctx = 8192,
                  .rope_base = 500000.0f,
                  .rope_factor = 8.0f,
                  .tied_head = true};

const std::array kShapes = {
    kTiny,
    Shape{.name = "qwen2.5-0.5b",
          .architecture = "qwen2",
          .n_layers = 24,
          .n_embd = 896,
          .n_heads = 14,
          .n_kv_heads = 2,
          .head_dim = 64,
          .ffn_dim = 4864,
          .n_vocab = 151936,
          .n_ctx = 32768,
          .rope_base = 1e6f,
          .rms_eps = 1e-6f,
          .tied_head = true,
          .qkv_bias = true},
    Shape{.name = "qwen3-0.6b",
          .architecture = "qwen3",
          .n_layers = 28,
          .n_embd = 1024,
          .n_heads = 16,
          .n_kv_heads = 8,
          .head_dim = 128,
          .ffn_dim = 3072,
          .n_vocab = 151936,
          .n_ctx = 40960,
          .rope_base = 1e6f,
          .rms_eps = 1e-6f,
          .tied_head = true,
          .qk_norm = true},
    Shape{.name = "llama3.2-1b",
          .architecture = "llama",
          .n_layers = 16,
          .n_embd = 2048,
          .n_heads = 32,
          .n_kv_heads = 8,
          .head_dim = 64,
          .ffn_dim = 8192,
          .n_vocab = 128256,
          .n_ctx = 131072,
          .rope_base = 500000.0f,
          .rope_factor = 32.0f,
          .tied_head = true},
    Shape{.name = "llama3.2-3b",
          .architecture = "llama",
          .n_layers = 28,
          .n_embd = 3072,
          .n_heads = 24,
          .n_kv_heads = 8,
          .head_dim = 128,
          .ffn_dim = 8192,
          .n_vocab = 128256,
          .n_ctx = 131072,
          .rope_base = 500000.0f,
          .rope_factor = 32.0f,
          .tied_head = true},
    Shape{.name = "llama3.1-8b",
          .architecture = "llama",
          .n_layers = 32,
          .n_embd = 4096,
          .n_heads = 32,
          .n_kv_heads = 8,
          .head_dim = 128,
          .ffn_dim = 14336,
          .n_vocab = 128256,
          .n_ctx = 131072,
          .rope_base = 500000.0f,
          .rope_factor = 8.0f},
};

}  // namespace

std::span<const Shape> all_shapes() { return kShapes; }

Result<Shape> find_shape(std::string_view name) {
  std::string known;
  for (const Shape& shape : kShapes) {
    if (shape.name == name) return shape;
    known += " " + shape.name;
  }
  return fail(ErrorCode::kNotFound,
              "\"" + std::string(name) + "\" is no shape; there are:" + known);
}

int64_t parameter_count(const Shape& shape) {
  int64_t count = 0;
  for (const PlannedTensor& tensor : plan_tensors(shape)) {
    if (tensor.role != TensorRole::kRopeFactors) count += tensor.rows * tensor.cols;
  }
  return count;
}

std::vector<float> rope_factors(const Shape& shape) {
  if (shape.rope_factor == 0.0f) return {};
  constexpr double kOriginalContext = 8192;
  constexpr double kLowTurns = 1;   // at most this many turns: stretched by the whole factor
  constexpr double kHighTurns = 4;  // at least this many turns: kept
  std::vector<float> factors;
  for (int32_t i = 0; i < shape.head_dim; i += 2) {
    const double frequency = std::pow(shape.rope_base, -static_cast<double>(i) / shape.head_dim);
    const double turns = kOriginalContext * frequency / (2.0 * std::numbers::pi);
    const double keep = std::clamp((turns - kLowTurns) / (kHighTurns - kLowTurns), 0.0, 1.0);
    factors.push_back(static_cast<float>(1.0 / (keep + (1.0 - keep) / shape.rope_factor)));
  }
  return factors;
}

}  // namespace weft::synth
