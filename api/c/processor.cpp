// ParallelProcessor: lists of prompts, on the calling thread's time or a blocking thread's.
#include <numeric>

#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/handles.h"
#include "api/c/listed_error.h"
#include "api/parallel/parallel_processor.h"

using namespace weft;
using namespace weft::c;

struct weft_processor {
  std::shared_ptr<async::Runtime> runtime;
  std::shared_ptr<parallel::ParallelProcessor> value;
};

struct weft_batch_results {
  std::vector<parallel::GenerationResult> value;
  ListedErrors errors = listed_errors(value);
};

struct weft_embed_results {
  std::vector<parallel::EmbeddingResult> value;
  ListedErrors errors = listed_errors(value);
};

struct weft_id_lists {
  std::vector<std::vector<int32_t>> value;
};

namespace {

using Processor = std::shared_ptr<parallel::ParallelProcessor>;

std::optional<int64_t> timeout_of(int64_t timeout_ms) {
  return timeout_ms < 0 ? std::nullopt : std::optional(timeout_ms);
}

struct GenerateCall {
  Processor processor;
  std::vector<std::string> prompts;
  parallel::BatchGenerationConfig config;
  auto operator()() const { return processor->batch_generate(prompts, config); }
};

Result<GenerateCall> generate_call(const weft_processor* processor, const weft_string* prompts,
                                   size_t count, const weft_batch_config* config) {
  WEFT_TRY(given({{processor, "processor"}}));
  WEFT_TRY_ASSIGN(const auto all, options_of(config, weft_batch_config_init, "config"));
  WEFT_TRY_ASSIGN(auto texts, texts_of(prompts, count, "prompts"));
  return GenerateCall{.processor = processor->value,
                      .prompts = std::move(texts),
                      .config = {.max_tokens = all.max_tokens,
                                 .temperature = all.temperature,
                                 .top_k = all.top_k,
                                 .top_p = all.top_p,
                                 .timeout_ms = timeout_of(all.timeout_ms),
                                 .retry_attempts = all.retry_attempts,
                                 .seed = all.seed}};
}

struct EmbedCall {
  Processor processor;
  std::vector<std::string> texts;
  parallel::BatchEmbedConfig config;
  auto operator()() const { return processor->batch_embed(texts, config); }
};

Result<EmbedCall> embed_call(const weft_processor* processor, const weft_string* texts,
                             size_t count, const weft_batch_embed_config* config) {
  WEFT_TRY(given({{processor, "processor"}}));
  WEFT_TRY_ASSIGN(const auto all, options_of(config, weft_batch_embed_config_init, "config"));
  WEFT_TRY_ASSIGN(auto own, texts_of(texts, count, "texts"));
  WEFT_TRY_ASSIGN(const auto pooling, pooling_of(all.pooling));
  return EmbedCall{.processor = processor->value,
                   .texts = std::move(own),
                   .config = {.pooling = pooling,
                              .normalize = all.normalize != 0,
                              .timeout_ms = timeout_of(all.timeout_ms)}};
}

Result<parallel::ParallelProcessor> build(const weft_model* model,
                                          const weft_processor_options* options) {
  WEFT_TRY_ASSIGN(const auto all, options_of(options, weft_processor_options_init, "options"));
  WEFT_TRY_ASSIGN(const auto engine, engine_config_of(all.engine, "engine"));
  WEFT_TRY_ASSIGN(const auto cpus,
                  ids_of(all.cpu_affinity, all.num_cpu_affinity, "options.cpu_affinity"));
  auto builder = parallel::ParallelProcessor::builder(model->value);
  builder
      .thread_pool({.num_threads = all.num_threads,
                    .stack_size = all.stack_size,
                    .numa_aware = all.numa_aware != 0,
                    .work_stealing = all.work_stealing != 0,
                    .cpu_affinity = {cpus.begin(), cpus.end()}})
      .max_batch_size(all.max_batch_size)
      .engine(engine);
  if (all.enable_metrics != 0) builder.enable_metrics();
  return builder.build();
}

}  // namespace

extern "C" {

void weft_processor_options_init(weft_processor_options* options, size_t struct_size) {
  const parallel::ThreadPoolConfig threads;
  init_struct(options, struct_size,
              weft_processor_options{.struct_size = 0,
                                     .num_threads = threads.num_threads,
                                     .stack_size = threads.stack_size,
                                     .numa_aware = threads.numa_aware ? 1 : 0,
                                     .work_stealing = threads.work_stealing ? 1 : 0,
                                     .cpu_affinity = nullptr,
                                     .num_cpu_affinity = 0,
                                     .max_batch_size = 32,
                                     .enable_metrics = 0,
                                     .engine = nullptr});
}

void weft_batch_config_init(weft_batch_config* config, size_t struct_size) {
  const parallel::BatchGenerationConfig defaults;
  init_struct(config, struct_size,
              weft_batch_config{.struct_size = 0,
                                .max_tokens = defaults.max_tokens,
                                .temperature = defaults.temperature,
                                .top_k = defaults.top_k,
                                .top_p = defaults.top_p,
                                .timeout_ms = defaults.timeout_ms.value_or(-1),
                                .retry_attempts = defaults.retry_attempts,
                                .seed = defaults.seed});
}

void weft_batch_embed_config_init(weft_batch_embed_config* config, size_t struct_size) {
  const parallel::BatchEmbedConfig defaults;
  init_struct(config, struct_size,
              weft_batch_embed_config{.struct_size = 0,
                                      .pooling = WEFT_POOLING_OF_MODEL,
                                      .normalize = defaults.normalize ? 1 : 0,
                                      .timeout_ms = defaults.timeout_ms.value_or(-1)});
}

size_t weft_batch_results_count(const weft_batch_results* results) {
  return results != nullptr ? results->value.size() : 0;
}
weft_status weft_batch_results_get(const weft_batch_results* results, size_t i,
                                   weft_batch_result* result, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{results, "results"}}));
    WEFT_TRY(in_range(i, results->value.size()));
    const parallel::GenerationResult& one = results->value[i];
    return fill(result,
                weft_batch_result{.struct_size = 0,
                                  .text = one.text.c_str(),
                                  .size = one.text.size(),
                                  .tokens_generated = one.tokens_generated,
                                  .processing_time_ms = one.processing_time_ms,
                                  .success = one.success ? 1 : 0,
                                  .error = results->errors[i].get(),
                                  .attempts = one.attempts},
                "result");
  });
}
void weft_batch_results_free(weft_batch_results* results) { free_handle(results); }

size_t weft_embed_results_count(const weft_embed_results* results) {
  return results != nullptr ? results->value.size() : 0;
}
weft_status weft_embed_results_get(const weft_embed_results* results, size_t i,
                                   weft_embed_result* result, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{results, "results"}}));
    WEFT_TRY(in_range(i, results->value.size()));
    const parallel::EmbeddingResult& one = results->value[i];
    return fill(result,
                weft_embed_result{.struct_size = 0,
                                  .values = one.embedding.data(),
                                  .dim = one.embedding.size(),
                                  .tokens = one.tokens,
                                  .processing_time_ms = one.processing_time_ms,
                                  .success = one.success ? 1 : 0,
                                  .error = results->errors[i].get()},
                "result");
  });
}
void weft_embed_results_free(weft_embed_results* results) { free_handle(results); }

size_t weft_id_lists_count(const weft_id_lists* lists) {
  return lists != nullptr ? lists->value.size() : 0;
}
weft_id_list weft_id_lists_get(const weft_id_lists* lists, size_t i) {
  if (lists == nullptr || i >= lists->value.size()) return {nullptr, 0};
  return {lists->value[i].data(), lists->value[i].size()};
}
void weft_id_lists_free(weft_id_lists* lists) { free_handle(lists); }

weft_status weft_processor_new(weft_runtime* runtime, const weft_model* model,
                               const weft_processor_options* options, weft_processor** processor,
                               weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {processor, "processor"}}));
    WEFT_TRY_ASSIGN(auto callbacks, runtime_of(runtime));
    WEFT_TRY_ASSIGN(auto made, build(model, options));
    hand_out(processor, std::move(callbacks),
             std::make_shared<parallel::ParallelProcessor>(std::move(made)));
    return {};
  });
}

void weft_processor_free(weft_processor* processor) {
  // Calls under way hold it too, and are not to hold it up.
  if (processor != nullptr) processor->value->engine().shutdown(Engine::Shutdown::kNow);
  free_handle(processor);
}

weft_status weft_processor_batch_generate(const weft_processor* processor,
                                          const weft_string* prompts, size_t count,
                                          const weft_batch_config* config,
                                          weft_batch_results** results, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{results, "results"}}));
    WEFT_TRY_ASSIGN(const auto call, generate_call(processor, prompts, count, config));
    WEFT_TRY_ASSIGN(auto made, call());
    hand_out(results, std::move(made));
    return {};
  });
}

weft_status weft_processor_batch_embed(const weft_processor* processor, const weft_string* texts,
                                       size_t count, const weft_batch_embed_config* config,
                                       weft_embed_results** results, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{results, "results"}}));
    WEFT_TRY_ASSIGN(const auto call, embed_call(processor, texts, count, config));
    WEFT_TRY_ASSIGN(auto made, call());
    hand_out(results, std::move(made));
    return {};
  });
}

weft_status weft_processor_batch_tokenize(const weft_processor* processor, const weft_string* texts,
                                          size_t count, int32_t add_bos, weft_id_lists** lists,
                                          weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{processor, "processor"}, {lists, "lists"}}));
    WEFT_TRY_ASSIGN(const auto all, texts_of(texts, count, "texts"));
    WEFT_TRY_ASSIGN(auto ids, processor->value->batch_tokenize(all, add_bos != 0));
    hand_out(lists, std::move(ids));
    return {};
  });
}

weft_status weft_processor_batch_generate_async(const weft_processor* processor,
                                                const weft_string* prompts, size_t count,
                                                const weft_batch_config* config,
                                                weft_on_batch_results on_results, void* user_data,
                                                weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{on_results, "on_results"}}));
    WEFT_TRY_ASSIGN(auto call, generate_call(processor, prompts, count, config));
    using Results = std::vector<parallel::GenerationResult>;
    processor->runtime->spawn_blocking(std::move(call))
        .join(answer_handle<Results>(on_results, user_data));
    return {};
  });
}

weft_status weft_processor_batch_embed_async(const weft_processor* processor,
                                             const weft_string* texts, size_t count,
                                             const weft_batch_embed_config* config,
                                             weft_on_embed_results on_results, void* user_data,
                                             weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{on_results, "on_results"}}));
    WEFT_TRY_ASSIGN(auto call, embed_call(processor, texts, count, config));
    using Results = std::vector<parallel::EmbeddingResult>;
    processor->runtime->spawn_blocking(std::move(call))
        .join(answer_handle<Results>(on_results, user_data));
    return {};
  });
}

weft_status weft_processor_parallel_process(const weft_processor* processor, size_t count,
                                            weft_status (*f)(void* user_data, size_t i,
                                                             weft_error** error),
                                            void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{processor, "processor"}, {f, "f"}}));
    std::vector<size_t> items(count);
    std::iota(items.begin(), items.end(), size_t{0});
    struct Done {};
    const auto process = [&](size_t i) -> Result<Done> {
      weft_error* why = nullptr;
      const weft_status status = call_out(f, user_data, i, &why);
      WEFT_TRY(outcome_of(status, why));
      return Done();
    };
    WEFT_TRY(processor->value->parallel_process(items, process));
    return {};
  });
}

weft_status weft_processor_get_stats(const weft_processor* processor, weft_processor_stats* stats,
                                     weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{processor, "processor"}}));
    const parallel::ParallelStats all = processor->value->stats();
    return fill(stats,
                weft_processor_stats{.struct_size = 0,
                                     .batches_processed = all.batches_processed,
                                     .items_processed = all.items_processed,
                                     .avg_batch_seconds = all.avg_batch_time.count(),
                                     .items_per_second = all.items_per_second},
                "stats");
  });
}

int32_t weft_processor_num_threads(const weft_processor* processor) {
  return processor != nullptr ? processor->value->num_threads() : 0;
}

}  // extern "C"
