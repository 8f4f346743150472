#include "gguf/model_loader.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <utility>

#include "core/quant/decode.h"
#include "gguf/architecture.h"
#include "gguf/hyperparameters.h"
#include "gguf/sampling_keys.h"
#include "gguf/vocab_loader.h"

namespace weft::gguf {
namespace {

// Only the first few of a kind are listed; a file may hold a million.
constexpr size_t kMostNamed = 10;

// What the tensors of a loaded model point into.
struct Storage {
  std::shared_ptr<void> file;
  std::list<std::vector<float>> vectors;  // those that the file has in another type
};

// Brings bytes into memory that are read here; empty where all are there.
using Fetch = std::function<Result<void>(std::span<const std::byte>)>;

// Takes tensors out of a file's list by name, checks their shapes and remembers which were taken.
class TensorTaker {
 public:
  TensorTaker(const TensorList& tensors, Storage& storage, const Fetch& fetch)
      : tensors_(tensors), storage_(storage), fetch_(fetch), taken_(tensors.size(), false) {}

  // [cols] if rows is 1, else [cols, rows]. Absent and optional: a tensor that is not present().
  Result<HostTensor> take(const std::string& name, int64_t cols, int64_t rows, Presence presence) {
    const std::array<int64_t, 4> expected = {cols, rows, 1, 1};
    const HostTensor* tensor = presence == Presence::kNever ? nullptr : tensors_.find(name);
    if (tensor == nullptr) {
      if (presence != Presence::kRequired) return HostTensor{};
      return fail(ErrorCode::kGgufMissingTensor,
                  name + ": missing, expected shape " + shape_string(expected));
    }
    if (tensor->shape != expected) {
      return fail(ErrorCode::kGgufWrongShape, name + ": shape " + shape_string(tensor->shape) +
                                                  ", expected " + shape_string(expected));
    }
    taken_[static_cast<size_t>(tensor - tensors_.all().data())] = true;
    return rows == 1 ? as_float32(*tensor) : Result<HostTensor>(*tensor);
  }

  // What is left: an error if a model needs it, else a warning.
  Result<std::vector<std::string>> check_rest() const {
    std::vector<std::string> warnings;
    size_t unused = 0;
    for (size_t i = 0; i < taken_.size(); ++i) {
      const std::string& name = tensors_.all()[i].name;
      if (taken_[i]) continue;
      if (changes_the_model(name)) {
        return fail(ErrorCode::kUnsupported,
                    name + ": a tensor that this architecture is not known to have");
      }
      if (++unused <= kMostNamed) warnings.push_back(name + ": a tensor that is not used");
    }
    if (unused > kMostNamed) {
      warnings.push_back(std::to_string(unused - kMostNamed) + " more tensors are not used");
    }
    return warnings;
  }

 private:
  Result<HostTensor> as_float32(const HostTensor& tensor) {
    if (fetch_) WEFT_TRY(fetch_(tensor.bytes));
    if (tensor.type == DType::kF32) return tensor;
    std::vector<float>& decoded = storage_.vectors.emplace_back(tensor.elements());
    decode_row(tensor.type, tensor.bytes.data(), decoded.data(), tensor.elements());
    HostTensor vector = tensor;
    vector.type = DType::kF32;
    vector.bytes = std::as_bytes(std::span(decoded));
    return vector;
  }

  const TensorList& tensors_;
  Storage& storage_;
  const Fetch& fetch_;
  std::vector<bool> taken_;
};

int64_t extent_of(Extent extent, const ModelConfig& config, const LayerConfig& layer) {
  switch (extent) {
    case Extent::kOne:
      return 1;
    case Extent::kEmbedding:
      return config.n_embd;
    case Extent::kQueries:
      return int64_t{layer.n_heads} * layer.head_dim;
    case Extent::kKeys:
      return int64_t{layer.n_kv_heads} * layer.head_dim;
    case Extent::kHead:
      return layer.head_dim;
    case Extent::kFeedForward:
      return layer.ffn_dim;
  }
  return 0;
}

Result<void> check_rope_factors(const HostTensor& factors) {
  for (int64_t i = 0; i < factors.elements(); ++i) {
    float factor;
    std::memcpy(&factor, factors.bytes.data() + i * sizeof(float), sizeof(float));
    if (!std::isfinite(factor) || factor <= 0) {
      return fail(ErrorCode::kGgufBadValue, factors.name + ": element " + std::to_string(i) +
                                                " is " + std::to_string(factor) +
                                                ", expected a factor above 0");
    }
  }
  return {};
}

Result<void> take_tensors(const Architecture& architecture, const ModelConfig& config,
                          TensorTaker& from, ModelTensors& into) {
  using enum Presence;
  const int64_t n_embd = config.n_embd;
  WEFT_TRY_ASSIGN(into.token_embedding,
                  from.take("token_embd.weight", n_embd, config.n_vocab, kRequired));
  WEFT_TRY_ASSIGN(into.output_norm, from.take("output_norm.weight", n_embd, 1, kRequired));
  WEFT_TRY_ASSIGN(into.output, from.take("output.weight", n_embd, config.n_vocab, kOptional));
  WEFT_TRY_ASSIGN(into.rope_factors,
                  from.take("rope_freqs.weight", config.ropes[0].dims / 2, 1, kOptional));
  if (into.rope_factors.present()) WEFT_TRY(check_rope_factors(into.rope_factors));

  for (size_t i = 0; i < config.layers.size(); ++i) {
    const LayerConfig& layer = config.layers[i];
    const std::string prefix = "blk." + std::to_string(i) + ".";
    auto& tensors = into.layers.emplace_back();
    for (const LayerTensorRow& row : layer_tensor_rows()) {
      WEFT_TRY_ASSIGN(
          tensors.*row.role,
          from.take(prefix + std::string(row.suffix), extent_of(row.cols, config, layer),
                    extent_of(row.rows, config, layer),
                    row.presence ? architecture.*row.presence : kRequired));
    }
  }
  return {};
}

Result<void> warn_of_vocab_size(const Metadata& metadata, const ModelConfig& config,
                                std::vector<std::string>& warnings) {
  const std::string key = config.architecture + ".vocab_size";
  WEFT_TRY_ASSIGN(const auto claimed, metadata.get_optional<int64_t>(key));
  if (claimed && *claimed != config.n_vocab) {
    warnings.push_back(key + ": " + std::to_string(*claimed) + ", but there are " +
                       std::to_string(config.n_vocab) + " tokens");
  }
  return {};
}

Result<LoadedModel> load(const Metadata& metadata, const TensorList& tensors,
                         std::shared_ptr<void> storage, const Fetch& fetch) {
  WEFT_TRY_ASSIGN(const auto name, metadata.get<std::string_view>("general.architecture"));
  WEFT_TRY_ASSIGN(const Architecture architecture, find_architecture(name));
  LoadedModel model;
  WEFT_TRY_ASSIGN(model.config, load_hyperparameters(metadata, architecture));
  WEFT_TRY_ASSIGN(model.vocab, load_vocab(metadata));
  model.config.n_vocab = model.vocab.size();

  auto kept = std::make_shared<Storage>();
  kept->file = std::move(storage);
  TensorTaker taker(tensors, *kept, fetch);
  WEFT_TRY(take_tensors(architecture, model.config, taker, model.tensors));
  WEFT_TRY_ASSIGN(model.warnings, taker.check_rest());
  model.config.sampling = load_sampling_advice(metadata, model.warnings);
  WEFT_TRY(warn_of_vocab_size(metadata, model.config, model.warnings));
  model.tensors.storage = std::move(kept);
  return model;
}

}  // namespace

Result<LoadedModel> load_model(const File& file) {
  auto kept = std::make_shared<File>(file);
  const Fetch fetch = [kept](std::span<const std::byte> part) { return kept->fetch(part); };
  WEFT_TRY_ASSIGN(LoadedModel model, load(file.metadata(), file.tensors(), kept, fetch));
  model.tensors.fetch = fetch;
  model.tensors.release = [kept](std::span<const std::byte> part) { kept->release(part); };
  return model;
}

Result<LoadedModel> load_model(const Metadata& metadata, const TensorList& tensors,
                               std::shared_ptr<void> storage) {
  return load(metadata, tensors, std::move(storage), {});
}

}  // namespace weft::gguf
