#include "api/async/model_core.h"

#include <utility>

#include "api/runner_factory.h"
#include "core/model/decoder.h"

namespace weft::async::detail {

Request request_of(const StreamConfig& config) {
  Request request;
  request.max_tokens = config.max_tokens;
  request.sampling.temperature = config.temperature;
  request.sampling.top_k = config.top_k;
  request.sampling.top_p = config.top_p;
  request.sampling.seed = config.seed;
  request.stop_strings = config.stop_sequences;
  request.emit_stop_token = true;  // so that there is always a last token to call final
  request.logprobs = 0;
  request.buffer = config.buffer;
  return request;
}

Result<void> check_context(size_t num_prompt, int32_t max_tokens, int32_t context_size) {
  const auto wanted = static_cast<int64_t>(num_prompt) + max_tokens;
  if (wanted <= context_size) return {};
  return fail(ErrorCode::kContextOverflow,
              "sequence of " + std::to_string(num_prompt) + " tokens + max_tokens " +
                  std::to_string(max_tokens) + " = " + std::to_string(wanted) +
                  ", the context holds " + std::to_string(context_size));
}

ModelCore::ModelCore(std::shared_ptr<Runtime> own, std::shared_ptr<RuntimeCore> core,
                     std::shared_ptr<const Model> model, AsyncConfig config,
                     std::vector<std::string> warnings)
    : own_(std::move(own)),
      runtime_(std::move(core)),
      model_(std::move(model)),
      config_(std::move(config)),
      warnings_(std::move(warnings)),
      gate_(config_.max_concurrent) {}

Result<std::shared_ptr<ModelCore>> ModelCore::create(std::shared_ptr<Runtime> own,
                                                     std::shared_ptr<RuntimeCore> core,
                                                     std::shared_ptr<const Model> model,
                                                     AsyncConfig config,
                                                     std::vector<std::string> warnings) {
  WEFT_TRY(check_at_least_one("max_concurrent", config.max_concurrent));
  WEFT_TRY(check_at_least_one("context_size", config.context_size));
  if (config.timeout_ms < 0) {
    return fail(ErrorCode::kInvalidArgument,
                "timeout_ms: " + std::to_string(config.timeout_ms) + ", expected at least 0");
  }
  return std::shared_ptr<ModelCore>(new ModelCore(std::move(own), std::move(core), std::move(model),
                                                  std::move(config), std::move(warnings)));
}

Result<Engine*> ModelCore::engine() {
  const std::lock_guard lock(engine_mutex_);
  if (!engine_) {
    EngineConfig config;
    config.max_sequences = config_.max_concurrent;
    config.num_blocks =
        config_.max_concurrent * ((config_.context_size - 1) / config.block_size + 1);
    config.kv_type = config_.kv_type;
    WEFT_TRY_ASSIGN(engine_, Engine::create(model_, config));
    ready_ = engine_.get();
  }
  return engine_.get();
}

GenerationSpec ModelCore::spec(std::string prompt, StreamConfig config,
                               const CancellationToken& cancel) {
  GenerationSpec spec;
  spec.core = runtime_;
  spec.keep_alive = shared_from_this();
  spec.gate = &gate_;
  spec.config = config;
  spec.stops.push_back(cancel.stop_token());
  spec.prepare = [this, text = std::move(prompt),
                  request = request_of(config)]() mutable -> Result<GenerationSpec::Prepared> {
    WEFT_TRY_ASSIGN(request.prompt_ids, model_->tokenize(text));
    WEFT_TRY(check_context(request.prompt_ids.size(), request.max_tokens, config_.context_size));
    if (request.prompt_ids.empty()) {
      return fail(ErrorCode::kInvalidArgument, "prompt: empty, expected a token");
    }
    WEFT_TRY_ASSIGN(Engine * engine, this->engine());
    return GenerationSpec::Prepared{engine, std::move(request)};
  };
  return spec;
}

EngineStats ModelCore::stats() const {
  const Engine* engine = ready_;
  return engine != nullptr ? engine->stats() : EngineStats{};
}

MemoryLedger ModelCore::memory() const {
  const Engine* engine = ready_;
  if (engine != nullptr) return engine->memory();
  return {.weight_bytes = model_->info().size_bytes};
}

}  // namespace weft::async::detail
