// The synchronous context: one sequence, computed on the calling thread.
#include <functional>
#include <span>

#include "api/c/boundary.h"
#include "api/c/convert.h"
#include "api/c/handles.h"
#include "api/model.h"

using namespace weft;
using namespace weft::c;

struct weft_context {
  std::unique_ptr<Context> value;
};

struct weft_generation {
  Generation value;
};

namespace weft::c {

Result<ContextParams> context_params_of(const weft_context_params* params) {
  WEFT_TRY_ASSIGN(const auto all, options_of(params, weft_context_params_init, "params"));
  return ContextParams{.n_ctx = all.n_ctx,
                       .max_batch_tokens = all.max_batch_tokens,
                       .block_size = all.block_size,
                       .kv_type = text_or(all.kv_type, ContextParams().kv_type)};
}

}  // namespace weft::c

namespace {

static_assert(static_cast<int>(FinishReason::kStop) == WEFT_FINISH_STOP);
static_assert(static_cast<int>(FinishReason::kLength) == WEFT_FINISH_LENGTH);
static_assert(static_cast<int>(FinishReason::kStopString) == WEFT_FINISH_STOP_STRING);
static_assert(static_cast<int>(FinishReason::kCancelled) == WEFT_FINISH_CANCELLED);

Result<SamplingParams> sampling_of(const weft_sampling* sampling) {
  WEFT_TRY_ASSIGN(const auto all, options_of(sampling, weft_sampling_init, "sampling"));
  return SamplingParams{.temperature = all.temperature,
                        .top_k = all.top_k,
                        .top_p = all.top_p,
                        .min_p = all.min_p,
                        .repetition_penalty = all.repetition_penalty,
                        .presence_penalty = all.presence_penalty,
                        .frequency_penalty = all.frequency_penalty,
                        .seed = all.seed};
}

struct Call {
  GenerateOptions options;
  OnToken on_token;
};

Result<Call> call_of(const weft_generate_options* options) {
  WEFT_TRY_ASSIGN(const auto all, options_of(options, weft_generate_options_init, "options"));
  WEFT_TRY_ASSIGN(auto sampling, sampling_of(all.sampling));
  WEFT_TRY_ASSIGN(auto stops, texts_of(all.stop_strings, all.num_stop_strings, "stop_strings"));
  Call call{.options = {.max_tokens = all.max_tokens,
                        .sampling = std::move(sampling),
                        .stop_strings = std::move(stops),
                        .add_bos = all.add_bos != 0,
                        .parse_special = all.parse_special != 0,
                        .ignore_eos = all.ignore_eos != 0},
            .on_token = {}};
  if (all.cancel != nullptr) call.options.cancel = all.cancel->value.stop_token();
  if (all.on_token != nullptr) {
    call.on_token = [tell = all.on_token, user_data = all.user_data](int32_t id,
                                                                     std::string_view text) {
      const std::string whole(text);  // with a NUL behind it
      return call_out(tell, user_data, id, whole.c_str(), whole.size()) != 0;
    };
  }
  return call;
}

using Generate = std::function<Result<Generation>(Context&, const Call&)>;

weft_status generate(weft_context* context, const weft_generate_options* options,
                     weft_generation** generation, weft_error** error, const Generate& run) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}}));
    WEFT_TRY_ASSIGN(const Call call, call_of(options));
    WEFT_TRY_ASSIGN(auto made, run(*context->value, call));
    if (generation != nullptr) hand_out(generation, std::move(made));
    return {};
  });
}

}  // namespace

extern "C" {

void weft_context_params_init(weft_context_params* params, size_t struct_size) {
  static const ContextParams defaults;
  init_struct(params, struct_size,
              weft_context_params{.struct_size = 0,
                                  .n_ctx = defaults.n_ctx,
                                  .max_batch_tokens = defaults.max_batch_tokens,
                                  .block_size = defaults.block_size,
                                  .kv_type = defaults.kv_type.c_str()});
}

void weft_sampling_init(weft_sampling* sampling, size_t struct_size) {
  const SamplingParams defaults;
  init_struct(sampling, struct_size,
              weft_sampling{.struct_size = 0,
                            .temperature = defaults.temperature,
                            .top_k = defaults.top_k,
                            .top_p = defaults.top_p,
                            .min_p = defaults.min_p,
                            .repetition_penalty = defaults.repetition_penalty,
                            .presence_penalty = defaults.presence_penalty,
                            .frequency_penalty = defaults.frequency_penalty,
                            .seed = defaults.seed});
}

void weft_generate_options_init(weft_generate_options* options, size_t struct_size) {
  const GenerateOptions defaults;
  init_struct(options, struct_size,
              weft_generate_options{.struct_size = 0,
                                    .max_tokens = defaults.max_tokens,
                                    .sampling = nullptr,
                                    .stop_strings = nullptr,
                                    .num_stop_strings = 0,
                                    .add_bos = defaults.add_bos ? 1 : 0,
                                    .parse_special = defaults.parse_special ? 1 : 0,
                                    .ignore_eos = defaults.ignore_eos ? 1 : 0,
                                    .cancel = nullptr,
                                    .on_token = nullptr,
                                    .user_data = nullptr});
}

const char* weft_generation_text(const weft_generation* generation, size_t* size) {
  return data_of(generation->value.text, size);
}
const int32_t* weft_generation_ids(const weft_generation* generation, size_t* count) {
  return data_of(generation->value.ids, count);
}
const int32_t* weft_generation_prompt_ids(const weft_generation* generation, size_t* count) {
  return data_of(generation->value.prompt_ids, count);
}
weft_finish_reason weft_generation_finish_reason(const weft_generation* generation) {
  return static_cast<weft_finish_reason>(generation->value.finish_reason);
}
double weft_generation_prompt_seconds(const weft_generation* generation) {
  return generation->value.prompt_seconds;
}
double weft_generation_seconds(const weft_generation* generation) {
  return generation->value.generate_seconds;
}
void weft_generation_free(weft_generation* generation) { free_handle(generation); }

weft_status weft_context_new(const weft_model* model, const weft_context_params* params,
                             weft_context** context, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {context, "context"}}));
    WEFT_TRY_ASSIGN(const auto all, context_params_of(params));
    WEFT_TRY_ASSIGN(auto made, Context::create(model->value, all));
    hand_out(context, std::move(made));
    return {};
  });
}

void weft_context_free(weft_context* context) { free_handle(context); }

weft_status weft_context_generate(weft_context* context, const char* prompt, size_t size,
                                  const weft_generate_options* options,
                                  weft_generation** generation, weft_error** error) {
  return generate(context, options, generation, error,
                  [&](Context& own, const Call& call) -> Result<Generation> {
                    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
                    return own.generate(text, call.options, call.on_token);
                  });
}

weft_status weft_context_generate_ids(weft_context* context, const int32_t* ids, size_t count,
                                      const weft_generate_options* options,
                                      weft_generation** generation, weft_error** error) {
  return generate(context, options, generation, error,
                  [&](Context& own, const Call& call) -> Result<Generation> {
                    WEFT_TRY_ASSIGN(const auto all, ids_of(ids, count, "ids"));
                    return own.generate(all, call.options, call.on_token);
                  });
}

weft_status weft_context_resume(weft_context* context, const int32_t* more, size_t count,
                                const weft_generate_options* options, weft_generation** generation,
                                weft_error** error) {
  return generate(context, options, generation, error,
                  [&](Context& own, const Call& call) -> Result<Generation> {
                    WEFT_TRY_ASSIGN(const auto all, ids_of(more, count, "more"));
                    return own.resume(all, call.options, call.on_token);
                  });
}

weft_status weft_context_save(const weft_context* context, const char* path, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}, {path, "path"}}));
    return context->value->save(path);
  });
}

weft_status weft_context_load(weft_context* context, const char* path, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}, {path, "path"}}));
    return context->value->load(path);
  });
}

weft_status weft_context_get_ids(const weft_context* context, weft_ids** ids, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}, {ids, "ids"}}));
    const auto all = context->value->ids();
    hand_out(ids, std::vector<int32_t>(all.begin(), all.end()));
    return {};
  });
}

weft_status weft_context_clear(weft_context* context, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}}));
    context->value->clear();
    return {};
  });
}

}  // extern "C"
