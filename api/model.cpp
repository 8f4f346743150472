#include "api/model.h"

#include "api/engine_factory.h"
#include "core/model/decoder.h"
#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"

namespace weft {

namespace {

Result<std::shared_ptr<const ChatTemplate>> parse_template(const ChatTemplateSources& sources,
                                                           std::string_view name) {
  const std::string* source = sources.find(name);
  if (!source) {
    const std::string which = name.empty() ? "" : " of the name \"" + std::string(name) + "\"";
    return fail(ErrorCode::kNotFound, "the model has no chat template" + which);
  }
  WEFT_TRY_ASSIGN(ChatTemplate parsed, ChatTemplate::parse(*source));
  return std::make_shared<const ChatTemplate>(std::move(parsed));
}

SamplingParams recommended(const SamplingAdvice& advice) {
  SamplingParams params;
  params.temperature = advice.temperature.value_or(params.temperature);
  params.top_k = advice.top_k.value_or(params.top_k);
  params.top_p = advice.top_p.value_or(params.top_p);
  params.min_p = advice.min_p.value_or(params.min_p);
  params.repetition_penalty = advice.repetition_penalty.value_or(params.repetition_penalty);
  return params;
}

}  // namespace

Model::~Model() = default;

Result<std::shared_ptr<const Model>> Model::load(const std::string& path,
                                                 const ModelOptions& options) {
  if (!options.packed_cache.empty() && !options.use_mmap) {
    return fail(ErrorCode::kInvalidArgument, "packed_cache: is mapped, which use_mmap forbids");
  }
  WEFT_TRY_ASSIGN(ModelParts parts, open_model(path, {.use_mmap = options.use_mmap,
                                                      .on_demand = !options.use_mmap,
                                                      .on_read = options.on_read}));
  const auto n_layers = static_cast<int32_t>(parts.config.layers.size());
  WEFT_TRY_ASSIGN(const DeviceChoice choice,
                  choose_device({.device = options.device,
                                 .gpu_layers = options.gpu_layers,
                                 .isa = options.isa,
                                 .activations = options.activations},
                                n_layers, gpu_finder(), options.on_note));
  const bool cpu_has_layers = choice.gpu_layers < n_layers;
  std::shared_ptr<WeightCache> cache;
  if (!options.packed_cache.empty() && cpu_has_layers) {
    cache =
        open_weight_cache(path, parts, options.packed_cache, choice.gpu_layers, options.on_note);
  }
  WEFT_TRY_ASSIGN(auto backend, create_backend({.device = choice.device,
                                                .gpu_layers = choice.gpu_layers,
                                                .n_layers = n_layers,
                                                .threads = options.threads,
                                                .isa = options.isa,
                                                .activations = options.activations,
                                                .math = options.math,
                                                .weight_cache = cache}));
  if (options.math == "fastest" && choice.device == "cuda" && options.on_note) {
    options.on_note(
        "math fastest: prompts may have other bits than their tokens one by one have, and batches "
        "than each request alone");
  }

  auto model = std::shared_ptr<Model>(new Model());
  model->options_ = options;
  model->options_.device = choice.device;
  model->options_.gpu_layers = choice.gpu_layers;
  model->options_.on_read = nullptr;  // they were for this call
  model->options_.on_note = nullptr;
  ModelInfo& info = model->info_;
  const ModelConfig& config = parts.config;
  info.activations = backend->activations();
  info.kv_type = info.activations == "f32" ? "f32" : "f16";
  info.name = config.name;
  info.architecture = config.architecture;
  info.n_vocab = config.n_vocab;
  info.n_embd = config.n_embd;
  info.n_layer = n_layers;
  info.n_head = config.layers.front().n_heads;
  info.n_ctx_train = config.n_ctx_train;
  info.n_params = parts.n_params;
  info.pooling = config.pooling;
  info.sampling = recommended(config.sampling);
  info.fingerprint = parts.fingerprint;

  model->chat_templates_ = std::move(parts.chat_templates);
  model->default_template_ = parse_template(model->chat_templates_, "");
  WEFT_TRY_ASSIGN(model->tokenizer_, Tokenizer::create(std::move(parts.vocab)));
  WEFT_TRY_ASSIGN(auto decoder,
                  Decoder::create(std::move(parts.config), std::move(parts.tensors), *backend));
  if (cache) cache->finish();
  info.size_bytes = decoder->weight_bytes();
  model->decoder_ = std::move(decoder);
  return std::shared_ptr<const Model>(std::move(model));
}

Result<std::shared_ptr<const ChatTemplate>> Model::chat_template(std::string_view name) const {
  if (name.empty()) return default_template_;
  return parse_template(chat_templates_, name);
}

Result<std::vector<int32_t>> Model::tokenize(std::string_view text, bool add_bos,
                                             bool parse_special) const {
  return tokenizer_->encode(text, {.add_special = add_bos, .parse_special = parse_special});
}

std::string Model::detokenize(std::span<const int32_t> ids, bool special) const {
  return tokenizer_->decode(ids, special);
}

}  // namespace weft
