// AsyncLLM: making one, and its calls that give their answer or a number.
#include <chrono>
#include <optional>

#include "api/async_llm/async_llm.h"
#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/handles.h"
#include "api/c/llm_handles.h"
#include "api/c/post.h"

using namespace weft;
using namespace weft::c;
using llm::AsyncLLM;
using llm::GenerationOutput;

struct weft_llm_outputs {
  AsyncLLM::Answers value;
};

namespace weft::c {

Result<LLMAsk> llm_ask(const weft_llm_params* params, const weft_request_options* options) {
  WEFT_TRY_ASSIGN(const auto all, options_of(params, weft_llm_params_init, "params"));
  WEFT_TRY_ASSIGN(const auto how, options_of(options, weft_request_options_init, "options"));
  WEFT_TRY_ASSIGN(auto stops,
                  texts_of(all.stop_sequences, all.num_stop_sequences, "stop_sequences"));
  WEFT_TRY_ASSIGN(const auto ids,
                  ids_of(all.stop_token_ids, all.num_stop_token_ids, "stop_token_ids"));
  WEFT_TRY_ASSIGN(const auto priority, priority_of(how.priority));
  return LLMAsk{
      .params = {.temperature = all.temperature,
                 .top_p = all.top_p,
                 .top_k = all.top_k,
                 .max_tokens = all.max_tokens,
                 .min_tokens = all.min_tokens,
                 .stop_sequences = std::move(stops),
                 .stop_token_ids = {ids.begin(), ids.end()},
                 .repetition_penalty = all.repetition_penalty,
                 .seed = all.seed},
      .options = {.priority = priority, .timeout = std::chrono::milliseconds(how.timeout_ms)}};
}

}  // namespace weft::c

namespace {

weft_llm_output llm_output_of(const GenerationOutput& output) {
  return {.struct_size = sizeof(weft_llm_output),
          .request_id = output.request_id,
          .prompt = output.prompt.c_str(),
          .prompt_size = output.prompt.size(),
          .text = output.generated_text.c_str(),
          .size = output.generated_text.size(),
          .tokens_generated = output.tokens_generated,
          .total_tokens = output.total_tokens,
          .block_indices = output.block_indices.data(),
          .num_blocks = output.block_indices.size(),
          .finish_reason = static_cast<weft_finish_reason>(output.finish_reason)};
}

// From a worker of the AsyncLLM to the threads that completions run on. `T` is what is answered,
// `Handler` takes a Result of it.
template <class T, class Handler>
auto handed_over(const weft_llm* llm, Handler handler) {
  auto shared = std::make_shared<Handler>(std::move(handler));
  return [runtime = llm->runtime, shared](T answer) {
    auto kept = std::make_shared<T>(std::move(answer));
    post(runtime, [shared, kept] { (*shared)(std::move(*kept)); });
  };
}

auto output_handler(const weft_llm* llm, weft_on_llm_output on_output, void* user_data) {
  return handed_over<Result<GenerationOutput>>(
      llm, answer<GenerationOutput>(on_output, user_data, [](auto& done, const auto& output) {
        const weft_llm_output told = llm_output_of(output);
        done.succeed(&told);
      }));
}

Result<llm::AsyncLLMConfig> llm_config_of(const weft_llm_config* config) {
  WEFT_TRY_ASSIGN(const auto all, options_of(config, weft_llm_config_init, "config"));
  const llm::AsyncLLMConfig defaults;
  return llm::AsyncLLMConfig{.model = text_or(all.model, defaults.model),
                             .device = text_or(all.device, defaults.device),
                             .gpu_layers = gpu_layers_of(all.gpu_layers),
                             .dtype = text_or(all.dtype, defaults.dtype),
                             .max_queue_size = all.max_queue_size,
                             .num_blocks = all.num_blocks,
                             .block_size = all.block_size,
                             .max_seq_length = all.max_seq_length,
                             .worker_count = all.worker_count,
                             .threads = all.threads,
                             .max_sequences = all.max_sequences,
                             .keep_results = std::chrono::milliseconds(all.keep_results_ms)};
}

weft_llm_params params_of(const llm::SamplingParams& params) {
  return {.struct_size = 0,
          .temperature = params.temperature,
          .top_p = params.top_p,
          .top_k = params.top_k,
          .max_tokens = params.max_tokens,
          .min_tokens = params.min_tokens,
          .stop_sequences = nullptr,
          .num_stop_sequences = 0,
          .stop_token_ids = nullptr,
          .num_stop_token_ids = 0,
          .repetition_penalty = params.repetition_penalty,
          .seed = params.seed};
}

using Submit = Result<llm::RequestId> (AsyncLLM::*)(std::string, const llm::SamplingParams&,
                                                    const llm::RequestOptions&);

weft_status submit(const weft_llm* llm, const char* prompt, size_t size,
                   const weft_llm_params* params, const weft_request_options* options, uint64_t* id,
                   weft_error** error, Submit how) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}, {id, "id"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    WEFT_TRY_ASSIGN(const LLMAsk ask, llm_ask(params, options));
    WEFT_TRY_ASSIGN(*id, ((*llm->value).*how)(std::string(text), ask.params, ask.options));
    return {};
  });
}

}  // namespace

extern "C" {

void weft_llm_config_init(weft_llm_config* config, size_t struct_size) {
  static const llm::AsyncLLMConfig defaults;
  init_struct(config, struct_size,
              weft_llm_config{.struct_size = 0,
                              .model = defaults.model.c_str(),
                              .device = defaults.device.c_str(),
                              .dtype = defaults.dtype.c_str(),
                              .max_queue_size = defaults.max_queue_size,
                              .num_blocks = defaults.num_blocks,
                              .block_size = defaults.block_size,
                              .max_seq_length = defaults.max_seq_length,
                              .worker_count = defaults.worker_count,
                              .threads = defaults.threads,
                              .max_sequences = defaults.max_sequences,
                              .keep_results_ms = defaults.keep_results.count(),
                              .gpu_layers = kAllGpuLayers});
}

void weft_llm_params_init(weft_llm_params* params, size_t struct_size) {
  init_struct(params, struct_size, params_of({}));
}
void weft_llm_params_greedy(weft_llm_params* params, size_t struct_size) {
  init_struct(params, struct_size, params_of(llm::SamplingParams::greedy()));
}
void weft_llm_params_creative(weft_llm_params* params, size_t struct_size) {
  init_struct(params, struct_size, params_of(llm::SamplingParams::creative()));
}
void weft_llm_params_balanced(weft_llm_params* params, size_t struct_size) {
  init_struct(params, struct_size, params_of(llm::SamplingParams::balanced()));
}

void weft_request_options_init(weft_request_options* options, size_t struct_size) {
  const llm::RequestOptions defaults;
  init_struct(options, struct_size,
              weft_request_options{.struct_size = 0,
                                   .priority = static_cast<weft_priority>(defaults.priority),
                                   .timeout_ms = defaults.timeout.count()});
}

weft_status weft_llm_new(weft_runtime* runtime, const weft_llm_config* config, weft_llm** llm,
                         weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}}));
    WEFT_TRY_ASSIGN(const auto all, llm_config_of(config));
    WEFT_TRY_ASSIGN(auto callbacks, runtime_of(runtime));
    WEFT_TRY_ASSIGN(auto made, AsyncLLM::create(all));
    hand_out(llm, std::move(callbacks), std::make_shared<AsyncLLM>(std::move(made)));
    return {};
  });
}

weft_status weft_llm_new_async(weft_runtime* runtime, const weft_llm_config* config,
                               weft_on_llm on_llm, void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{on_llm, "on_llm"}}));
    WEFT_TRY_ASSIGN(auto all, llm_config_of(config));
    WEFT_TRY_ASSIGN(auto callbacks, runtime_of(runtime));
    auto made = answer<AsyncLLM>(on_llm, user_data, [callbacks](auto& done, AsyncLLM& loaded) {
      weft_llm* handle = nullptr;
      hand_out(&handle, callbacks, std::make_shared<AsyncLLM>(std::move(loaded)));
      done.succeed(handle);
    });
    callbacks->spawn_blocking([all = std::move(all)] { return AsyncLLM::create(all); })
        .join(std::move(made));
    return {};
  });
}

weft_status weft_llm_over(weft_runtime* runtime, const weft_model* model,
                          const weft_llm_config* config, weft_llm** llm, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {llm, "llm"}}));
    WEFT_TRY_ASSIGN(const auto all, llm_config_of(config));
    WEFT_TRY_ASSIGN(auto callbacks, runtime_of(runtime));
    WEFT_TRY_ASSIGN(auto made, AsyncLLM::create(model->value, all));
    hand_out(llm, std::move(callbacks), std::make_shared<AsyncLLM>(std::move(made)));
    return {};
  });
}

weft_status weft_llm_shutdown(weft_llm* llm, int32_t drain, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}}));
    llm->value->shutdown(drain != 0 ? Engine::Shutdown::kDrain : Engine::Shutdown::kNow);
    return {};
  });
}

void weft_llm_free(weft_llm* llm) {
  if (llm != nullptr) llm->value->shutdown(Engine::Shutdown::kNow);  // a weft_engine may hold it
  free_handle(llm);
}

weft_status weft_llm_generate(const weft_llm* llm, const char* prompt, size_t size,
                              const weft_llm_params* params, const weft_request_options* options,
                              weft_on_llm_output on_output, void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}, {on_output, "on_output"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    WEFT_TRY_ASSIGN(const LLMAsk ask, llm_ask(params, options));
    llm->value->generate(std::string(text), ask.params, ask.options,
                         output_handler(llm, on_output, user_data));
    return {};
  });
}

weft_status weft_llm_chat(const weft_llm* llm, const weft_chat_message* messages, size_t count,
                          const weft_chat_options* chat_options, const weft_llm_params* params,
                          const weft_request_options* options, weft_on_llm_output on_output,
                          void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}, {on_output, "on_output"}}));
    WEFT_TRY_ASSIGN(auto talk, messages_of(messages, count));
    WEFT_TRY_ASSIGN(const auto how, chat_options_of(chat_options));
    WEFT_TRY_ASSIGN(const LLMAsk ask, llm_ask(params, options));
    llm->value->chat(std::move(talk), ask.params, ask.options, how,
                     output_handler(llm, on_output, user_data));
    return {};
  });
}

size_t weft_llm_outputs_count(const weft_llm_outputs* outputs) {
  return outputs != nullptr ? outputs->value.size() : 0;
}

weft_status weft_llm_outputs_get(const weft_llm_outputs* outputs, size_t i, weft_llm_output* output,
                                 weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{outputs, "outputs"}}));
    WEFT_TRY(in_range(i, outputs->value.size()));
    const auto& one = outputs->value[i];
    if (!one) return tl::unexpected(one.error());
    return fill(output, llm_output_of(*one), "output");
  });
}

void weft_llm_outputs_free(weft_llm_outputs* outputs) { free_handle(outputs); }

weft_status weft_llm_generate_batch(const weft_llm* llm, const weft_string* prompts, size_t count,
                                    const weft_llm_params* params, int32_t batch_size,
                                    weft_on_llm_outputs on_outputs, void* user_data,
                                    weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}, {on_outputs, "on_outputs"}}));
    WEFT_TRY_ASSIGN(auto texts, texts_of(prompts, count, "prompts"));
    WEFT_TRY_ASSIGN(const LLMAsk ask, llm_ask(params, nullptr));
    llm->value->generate_batch(std::move(texts), ask.params, batch_size,
                               handed_over<AsyncLLM::Answers>(
                                   llm, answer_handle<AsyncLLM::Answers>(on_outputs, user_data)));
    return {};
  });
}

weft_status weft_llm_submit_request(const weft_llm* llm, const char* prompt, size_t size,
                                    const weft_llm_params* params,
                                    const weft_request_options* options, uint64_t* id,
                                    weft_error** error) {
  return submit(llm, prompt, size, params, options, id, error, &AsyncLLM::submit_request);
}

weft_status weft_llm_try_submit(const weft_llm* llm, const char* prompt, size_t size,
                                const weft_llm_params* params, const weft_request_options* options,
                                uint64_t* id, weft_error** error) {
  return submit(llm, prompt, size, params, options, id, error, &AsyncLLM::try_submit);
}

weft_status weft_llm_get_result(const weft_llm* llm, uint64_t id, weft_on_llm_output on_output,
                                void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}, {on_output, "on_output"}}));
    llm->value->get_result(id, output_handler(llm, on_output, user_data));
    return {};
  });
}

weft_status weft_llm_try_get_result(const weft_llm* llm, uint64_t id, weft_poll* state,
                                    weft_llm_outputs** outputs, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}, {state, "state"}, {outputs, "outputs"}}));
    auto polled = llm->value->try_get_result(id);
    *outputs = nullptr;
    if (polled.state == llm::Polled::State::kReady) {
      hand_out(outputs, AsyncLLM::Answers{std::move(*polled.result)});
      *state = WEFT_POLL_READY;
    } else {
      const bool is_known = polled.state == llm::Polled::State::kNotReady;
      *state = is_known ? WEFT_POLL_PENDING : WEFT_POLL_UNKNOWN;
    }
    return {};
  });
}

int32_t weft_llm_cancel(const weft_llm* llm, uint64_t id) {
  return llm != nullptr && llm->value->cancel(id) ? 1 : 0;
}

weft_status weft_llm_get_stats(const weft_llm* llm, weft_llm_stats* stats, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}}));
    const llm::AsyncLLMStats all = llm->value->get_stats();
    return fill(stats,
                weft_llm_stats{.struct_size = 0,
                               .submitted = all.submitted,
                               .completed = all.completed,
                               .failed = all.failed,
                               .cancelled = all.cancelled,
                               .timed_out = all.timed_out,
                               .waiting_for_room = all.waiting_for_room,
                               .waiting = all.waiting,
                               .running = all.running,
                               .results_kept = all.results_kept,
                               .results_expired = all.results_expired,
                               .prompt_tokens = all.prompt_tokens,
                               .generated_tokens = all.generated_tokens,
                               .blocks_total = all.blocks_total,
                               .blocks_used = all.blocks_used},
                "stats");
  });
}

weft_status weft_llm_get_engine(const weft_llm* llm, weft_engine** engine, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}, {engine, "engine"}}));
    hand_out(engine, llm->runtime, std::shared_ptr<Engine>(llm->value, &llm->value->engine()),
             false);
    return {};
  });
}

}  // extern "C"
