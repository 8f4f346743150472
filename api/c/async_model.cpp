#include "api/async/model.h"
#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/handles.h"

using namespace weft;
using namespace weft::c;

namespace weft::c {

Result<async::AsyncConfig> async_config_of(const char* path, const weft_async_config* config) {
  WEFT_TRY_ASSIGN(const auto all, options_of(config, weft_async_config_init, "config"));
  return async::AsyncConfig{.model_path = text_or(path, ""),
                            .gpu_layers = all.gpu_layers,
                            .context_size = all.context_size,
                            .threads = all.threads,
                            .flash_attention = all.flash_attention != 0,
                            .max_concurrent = all.max_concurrent,
                            .timeout_ms = all.timeout_ms,
                            .kv_type = text_or(all.kv_type, async::AsyncConfig().kv_type),
                            .on_warning = {}};
}

Result<async::StreamConfig> stream_config_of(const weft_stream_config* config) {
  WEFT_TRY_ASSIGN(const auto all, options_of(config, weft_stream_config_init, "config"));
  WEFT_TRY_ASSIGN(auto stops,
                  texts_of(all.stop_sequences, all.num_stop_sequences, "stop_sequences"));
  return async::StreamConfig{.max_tokens = all.max_tokens,
                             .temperature = all.temperature,
                             .top_k = all.top_k,
                             .top_p = all.top_p,
                             .seed = all.seed,
                             .buffer = all.buffer,
                             .timeout_ms = all.timeout_ms,
                             .delay_ms = all.delay_ms,
                             .stop_sequences = std::move(stops)};
}

weft_stream_config c_config_of(const async::StreamConfig& config) {
  return {.struct_size = sizeof(weft_stream_config),
          .max_tokens = config.max_tokens,
          .temperature = config.temperature,
          .top_k = config.top_k,
          .top_p = config.top_p,
          .seed = config.seed,
          .buffer = config.buffer,
          .timeout_ms = config.timeout_ms,
          .delay_ms = config.delay_ms,
          .stop_sequences = nullptr,
          .num_stop_sequences = 0};
}

weft_engine_stats stats_of(const EngineStats& stats) {
  return {.struct_size = sizeof(weft_engine_stats),
          .waiting = stats.waiting,
          .running = stats.running,
          .paused = stats.paused,
          .blocks_free = stats.blocks_free,
          .blocks_cached = stats.blocks_cached,
          .blocks_owned = stats.blocks_owned,
          .blocks_capacity = stats.blocks_capacity,
          .steps = stats.steps,
          .preemptions = stats.preemptions,
          .prompt_tokens = stats.prompt_tokens,
          .cached_tokens = stats.cached_tokens,
          .generated_tokens = stats.generated_tokens,
          .finished = stats.finished,
          .cancelled = stats.cancelled,
          .failed = stats.failed};
}

async::CancellationToken token_of(const weft_cancel* cancel) {
  return cancel != nullptr ? cancel->value : async::CancellationToken();
}

}  // namespace weft::c

extern "C" {

void weft_async_config_init(weft_async_config* config, size_t struct_size) {
  static const async::AsyncConfig defaults;
  init_struct(config, struct_size,
              weft_async_config{.struct_size = 0,
                                .gpu_layers = defaults.gpu_layers,
                                .context_size = defaults.context_size,
                                .threads = defaults.threads,
                                .flash_attention = defaults.flash_attention ? 1 : 0,
                                .max_concurrent = defaults.max_concurrent,
                                .timeout_ms = defaults.timeout_ms,
                                .kv_type = defaults.kv_type.c_str()});
}

void weft_stream_config_init(weft_stream_config* config, size_t struct_size) {
  init_struct(config, struct_size, c_config_of(async::StreamConfig()));
}

weft_status weft_async_model_load(weft_runtime* runtime, const char* path,
                                  const weft_async_config* config, weft_on_async_model on_loaded,
                                  void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{path, "path"}, {on_loaded, "on_loaded"}}));
    WEFT_TRY_ASSIGN(auto all, async_config_of(path, config));
    auto loaded = answer_handle<async::AsyncModel>(on_loaded, user_data);
    if (runtime != nullptr) {
      async::AsyncModel::load_with_config(*runtime->value, std::move(all), std::move(loaded));
    } else {
      async::AsyncModel::load_with_config(std::move(all), std::move(loaded));
    }
    return {};
  });
}

weft_status weft_async_model_over(weft_runtime* runtime, const weft_model* model,
                                  const weft_async_config* config, weft_async_model** result,
                                  weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{runtime, "runtime"}, {model, "model"}, {result, "result"}}));
    WEFT_TRY_ASSIGN(auto all, async_config_of(nullptr, config));
    WEFT_TRY_ASSIGN(auto made,
                    async::AsyncModel::over(*runtime->value, model->value, std::move(all)));
    hand_out(result, std::move(made));
    return {};
  });
}

void weft_async_model_free(weft_async_model* model) { free_handle(model); }

weft_status weft_async_model_generate(const weft_async_model* model, const char* prompt,
                                      size_t size, int32_t max_tokens, const weft_cancel* cancel,
                                      weft_on_text on_text, void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {on_text, "on_text"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    model->value.generate(std::string(text), max_tokens, token_of(cancel),
                          answer_text(on_text, user_data));
    return {};
  });
}

weft_status weft_async_model_generate_with(const weft_async_model* model, const char* prompt,
                                           size_t size, const weft_stream_config* config,
                                           const weft_cancel* cancel, weft_on_text on_text,
                                           void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {on_text, "on_text"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    WEFT_TRY_ASSIGN(auto all, stream_config_of(config));
    model->value.generate(std::string(text), std::move(all), token_of(cancel),
                          answer_text(on_text, user_data));
    return {};
  });
}

weft_status weft_async_model_generate_stream(const weft_async_model* model, const char* prompt,
                                             size_t size, const weft_stream_config* config,
                                             const weft_cancel* cancel, weft_on_stream on_stream,
                                             void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {on_stream, "on_stream"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    WEFT_TRY_ASSIGN(auto all, stream_config_of(config));
    model->value.generate_stream(std::string(text), std::move(all), token_of(cancel),
                                 answer_handle<async::TokenStream>(on_stream, user_data));
    return {};
  });
}

weft_status weft_async_model_tokenize(const weft_async_model* model, const char* text, size_t size,
                                      int32_t add_bos, weft_on_ids on_ids, void* user_data,
                                      weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {on_ids, "on_ids"}}));
    WEFT_TRY_ASSIGN(const auto view, text_of(text, size, "text"));
    using Ids = std::vector<int32_t>;
    model->value.tokenize_async(std::string(view), add_bos != 0,
                                answer<Ids>(on_ids, user_data, [](auto& done, const Ids& ids) {
                                  done.succeed(ids.data(), ids.size());
                                }));
    return {};
  });
}

weft_status weft_async_model_get_info(const weft_async_model* model, weft_model_info* info,
                                      weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}}));
    return fill(info, info_of(model->value.model_info()), "info");
  });
}

weft_status weft_async_model_get_stats(const weft_async_model* model, weft_engine_stats* stats,
                                       weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}}));
    return fill(stats, stats_of(model->value.stats()), "stats");
  });
}

weft_status weft_async_model_get_model(const weft_async_model* model, weft_model** result,
                                       weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {result, "result"}}));
    hand_out(result, model->value.model());
    return {};
  });
}

int32_t weft_async_model_is_ready(const weft_async_model* model) {
  return model != nullptr && model->value.is_ready() ? 1 : 0;
}

int32_t weft_async_model_waiting(const weft_async_model* model) {
  return model != nullptr ? model->value.waiting() : 0;
}

const char* weft_async_model_warning(const weft_async_model* model, size_t i) {
  if (model == nullptr || i >= model->value.warnings().size()) return nullptr;
  return model->value.warnings()[i].c_str();
}

}  // extern "C"
