#include "tools/bench/step_cost.h"

#include <map>

#include "api/runner_factory.h"
#include "core/model/decoder.h"
#include "gguf/file.h"

namespace weft::tools {
namespace {

constexpr int32_t kBlockTokens = 16;

}  // namespace

Result<StepCosts> StepCosts::of(const std::string& path, const Model& model,
                                const std::string& kv_type) {
  StepCosts costs;
  WEFT_TRY_ASSIGN(const gguf::File file, gguf::File::open(path));
  // A file without a matrix for the head uses the embedding's.
  const bool tied = file.tensors().find("output.weight") == nullptr;
  std::map<DType, double> bytes_of_type;
  for (const HostTensor& tensor : file.tensors()) {
    const auto bytes = static_cast<double>(tensor.bytes.size());
    bytes_of_type[tensor.type] += bytes;
    const bool embedding = tensor.name == "token_embd.weight";
    if (embedding ? tied : tensor.name == "output.weight") {
      costs.head_bytes_ = bytes;
      costs.head_elements_ = static_cast<double>(tensor.elements());
    } else if (!embedding) {
      costs.body_bytes_ += bytes;
      // Norms and biases are vectors.
      if (tensor.shape[1] > 1) costs.body_elements_ += static_cast<double>(tensor.elements());
    }
  }
  double most = 0;
  for (const auto& [type, bytes] : bytes_of_type) {
    if (bytes > most) {
      most = bytes;
      costs.main_type_ = dtype_name(type);
    }
  }
  WEFT_TRY_ASSIGN(const uint64_t block,
                  kv_block_bytes(model, {.block_size = kBlockTokens, .kv_type = kv_type}));
  costs.kv_token_bytes_ = static_cast<double>(block) / kBlockTokens;
  for (const LayerConfig& layer : model.decoder()->config().layers) {
    // A product and a weighted sum, each head_dim multiply-adds a head.
    costs.attention_flops_ += 4.0 * layer.n_heads * layer.head_dim;
  }
  return costs;
}

Cost StepCosts::step(const StepShape& shape) const {
  const auto sequences = static_cast<double>(shape.sequences);
  const auto tokens = static_cast<double>(shape.tokens);
  const auto from = static_cast<double>(shape.from);
  // Token i of the step attends to from + i + 1 positions, itself included.
  const double attended = sequences * (tokens * from + tokens * (tokens + 1) / 2);
  return {.bytes = body_bytes_ + head_bytes_ + sequences * (from + tokens) * kv_token_bytes_,
          .flops = 2 * (body_elements_ * sequences * tokens + head_elements_ * sequences) +
                   attention_flops_ * attended};
}

}  // namespace weft::tools
