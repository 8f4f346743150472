#include "api/model.h"

#include "api/engine_factory.h"
#include "core/model/decoder.h"
#include "core/text/tokenizer.h"

namespace weft {

Model::~Model() = default;

Result<std::shared_ptr<const Model>> Model::load(const std::string& path,
                                                 const ModelOptions& options) {
  WEFT_TRY_ASSIGN(auto backend, create_backend({.device = options.device,
                                                .threads = options.threads,
                                                .isa = options.isa,
                                                .activations = options.activations}));
  WEFT_TRY_ASSIGN(ModelParts parts,
                  open_model(path, {.use_mmap = options.use_mmap, .on_read = options.on_read}));

  auto model = std::shared_ptr<Model>(new Model());
  model->options_ = options;
  model->options_.on_read = nullptr;  // it was for this call
  ModelInfo& info = model->info_;
  const ModelConfig& config = parts.config;
  info.activations = backend->activations();
  info.kv_type = info.activations == "f32" ? "f32" : "f16";
  info.name = config.name;
  info.architecture = config.architecture;
  info.n_vocab = config.n_vocab;
  info.n_embd = config.n_embd;
  info.n_layer = static_cast<int32_t>(config.layers.size());
  info.n_head = config.layers.front().n_heads;
  info.n_ctx_train = config.n_ctx_train;
  info.n_params = parts.n_params;
  info.pooling = config.pooling;
  info.fingerprint = parts.fingerprint;

  WEFT_TRY_ASSIGN(model->tokenizer_, Tokenizer::create(std::move(parts.vocab)));
  WEFT_TRY_ASSIGN(auto decoder,
                  Decoder::create(std::move(parts.config), std::move(parts.tensors), *backend));
  info.size_bytes = decoder->weight_bytes();
  model->decoder_ = std::move(decoder);
  return std::shared_ptr<const Model>(std::move(model));
}

Result<std::vector<int32_t>> Model::tokenize(std::string_view text, bool add_bos,
                                             bool parse_special) const {
  return tokenizer_->encode(text, {.add_special = add_bos, .parse_special = parse_special});
}

std::string Model::detokenize(std::span<const int32_t> ids, bool special) const {
  return tokenizer_->decode(ids, special);
}

}  // namespace weft
