#include "gguf/architecture.h"

#include <algorithm>
#include <array>
#include <string>

#include "gguf/printable.h"

namespace weft::gguf {
namespace {

using enum Presence;

constexpr std::array kArchitectures = {
    Architecture{.name = "llama",
                 .rope = RopeKind::kNormal,
                 .rope_whole_head = true,
                 .qkv_bias = kOptional,
                 .output_bias = kOptional,
                 .qk_norm = kNever},
    Architecture{.name = "qwen2",
                 .rope = RopeKind::kNeox,
                 .rope_whole_head = false,
                 .qkv_bias = kRequired,
                 .output_bias = kOptional,
                 .qk_norm = kNever},
    Architecture{.name = "qwen3",
                 .rope = RopeKind::kNeox,
                 .rope_whole_head = false,
                 .qkv_bias = kOptional,
                 .output_bias = kOptional,
                 .qk_norm = kRequired},
};

using Layer = LayerTensorsOf<HostTensor>;
constexpr Presence Architecture::*kAlways = nullptr;

constexpr std::array kLayerTensors = {
    LayerTensorRow{"attn_norm.weight", &Layer::attn_norm, Extent::kEmbedding, Extent::kOne,
                   kAlways},
    LayerTensorRow{"attn_q.weight", &Layer::wq, Extent::kEmbedding, Extent::kQueries, kAlways},
    LayerTensorRow{"attn_k.weight", &Layer::wk, Extent::kEmbedding, Extent::kKeys, kAlways},
    LayerTensorRow{"attn_v.weight", &Layer::wv, Extent::kEmbedding, Extent::kKeys, kAlways},
    LayerTensorRow{"attn_q.bias", &Layer::bq, Extent::kQueries, Extent::kOne,
                   &Architecture::qkv_bias},
    LayerTensorRow{"attn_k.bias", &Layer::bk, Extent::kKeys, Extent::kOne, &Architecture::qkv_bias},
    LayerTensorRow{"attn_v.bias", &Layer::bv, Extent::kKeys, Extent::kOne, &Architecture::qkv_bias},
    LayerTensorRow{"attn_q_norm.weight", &Layer::q_norm, Extent::kHead, Extent::kOne,
                   &Architecture::qk_norm},
    LayerTensorRow{"attn_k_norm.weight", &Layer::k_norm, Extent::kHead, Extent::kOne,
                   &Architecture::qk_norm},
    LayerTensorRow{"attn_output.weight", &Layer::wo, Extent::kQueries, Extent::kEmbedding, kAlways},
    LayerTensorRow{"attn_output.bias", &Layer::bo, Extent::kEmbedding, Extent::kOne,
                   &Architecture::output_bias},
    LayerTensorRow{"ffn_norm.weight", &Layer::ffn_norm, Extent::kEmbedding, Extent::kOne, kAlways},
    LayerTensorRow{"ffn_gate.weight", &Layer::gate, Extent::kEmbedding, Extent::kFeedForward,
                   kAlways},
    LayerTensorRow{"ffn_up.weight", &Layer::up, Extent::kEmbedding, Extent::kFeedForward, kAlways},
    LayerTensorRow{"ffn_down.weight", &Layer::down, Extent::kFeedForward, Extent::kEmbedding,
                   kAlways},
};

// Parts of the names of tensors that take part in the arithmetic of some model.
constexpr std::array<std::string_view, 9> kMeaningful = {
    "_exps.", "_shexp.", "ffn_gate_inp.", "attn_qkv.",     "attn_sinks",
    "_norm",  ".bias",   ".scale",        "rope_factors_",
};

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

Result<Architecture> find_architecture(std::string_view name) {
  std::string known;
  for (const Architecture& row : kArchitectures) {
    if (row.name == name) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return fail(ErrorCode::kUnknownArchitecture,
              "general.architecture: \"" + printable(name) + "\", known are " + known);
}

std::span<const LayerTensorRow> layer_tensor_rows() { return kLayerTensors; }

bool changes_the_model(std::string_view tensor_name) {
  return std::any_of(kMeaningful.begin(), kMeaningful.end(), [&](std::string_view part) {
    return tensor_name.find(part) != std::string_view::npos;
  });
}

}  // namespace weft::gguf
