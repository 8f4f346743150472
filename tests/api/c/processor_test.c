// Lists of prompts: results in order, failures apart, waiting or not.
#include "tests/api/c/check.h"
#include "tests/api/c/waiter.h"

static weft_error* error = NULL;

// Four of it are more than eight blocks hold.
#define LONG "What is too long for the blocks of an engine cannot be generated. "
static const weft_string kPrompts[] = {
    {"Once upon", WEFT_NTS}, {LONG LONG LONG LONG, WEFT_NTS}, {"Hello", WEFT_NTS}};

static weft_processor* two_threads(void) {
  weft_model* model = load_mini();
  weft_processor_options options;
  weft_processor_options_init(&options, sizeof options);
  CHECK(options.max_batch_size == 32 && options.enable_metrics == 0 && options.work_stealing == 1);
  CHECK(options.stack_size == (size_t)2 << 20);
  weft_engine_config engine;
  weft_engine_config_init(&engine, sizeof engine);
  engine.num_blocks = 8;
  options.engine = &engine;
  options.num_threads = 2;
  options.max_batch_size = 2;
  options.enable_metrics = 1;
  weft_processor* processor = NULL;
  CHECK_OK(weft_processor_new(NULL, model, &options, &processor, &error));
  options.max_batch_size = 0;
  weft_processor* none = NULL;
  CHECK_FAILS(weft_processor_new(NULL, model, &options, &none, &error), WEFT_INVALID_ARGUMENT,
              "max_batch_size");
  weft_model_free(model);
  return processor;
}

static void check_results(weft_batch_results* results) {
  CHECK(weft_batch_results_count(results) == 3);
  weft_batch_result one = {.struct_size = sizeof one};
  CHECK_OK(weft_batch_results_get(results, 0, &one, &error));
  CHECK(one.success && one.error == NULL && one.tokens_generated > 0 && one.attempts == 1);
  CHECK(strlen(one.text) == one.size && one.size > 0);
  CHECK_OK(weft_batch_results_get(results, 1, &one, &error));
  CHECK(!one.success && one.size == 0);
  CHECK(weft_error_status(one.error) == WEFT_CONTEXT_OVERFLOW);
  CHECK_FAILS(weft_batch_results_get(results, 3, &one, &error), WEFT_INVALID_ARGUMENT,
              "there are 3");
  weft_batch_results_free(results);
}

static void on_results(void* user_data, const weft_error* why, weft_batch_results* results) {
  waiter* w = user_data;
  waiter_begin(w, why);
  w->handle = results;
  waiter_end(w);
}

static void on_embed_results(void* user_data, const weft_error* why, weft_embed_results* results) {
  waiter* w = user_data;
  waiter_begin(w, why);
  w->handle = results;
  waiter_end(w);
}

static void batches_generate_in_order(void) {
  weft_processor* processor = two_threads();
  waiter w;
  waiter_init(&w);
  weft_batch_config config;
  weft_batch_config_init(&config, sizeof config);
  CHECK(config.max_tokens == 100 && config.timeout_ms == -1 && config.retry_attempts == 0);
  CHECK(config.temperature == 1.0f && config.top_k == 40 && config.top_p == 0.9f);
  config.max_tokens = 6;
  weft_batch_results* results = NULL;
  CHECK_OK(weft_processor_batch_generate(processor, kPrompts, 3, &config, &results, &error));
  check_results(results);
  CHECK_OK(
      weft_processor_batch_generate_async(processor, kPrompts, 3, &config, on_results, &w, &error));
  check_results(wait_handle(&w));
  weft_processor_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(weft_processor_get_stats(processor, &stats, &error));
  CHECK(stats.batches_processed == 4 && stats.items_processed == 6 && stats.items_per_second > 0);
  CHECK(weft_processor_num_threads(processor) == 2);
  config.top_p = 7;
  CHECK_FAILS(weft_processor_batch_generate(processor, kPrompts, 3, &config, &results, &error),
              WEFT_INVALID_ARGUMENT, "top_p");
  CHECK_OK(
      weft_processor_batch_generate_async(processor, kPrompts, 3, &config, on_results, &w, &error));
  CHECK(wait_once(&w) == WEFT_INVALID_ARGUMENT && w.handle == NULL);
  weft_processor_free(processor);
  waiter_destroy(&w);
}

static void batches_embed_and_tokenise(void) {
  weft_processor* processor = two_threads();
  waiter w;
  waiter_init(&w);
  weft_embed_results* results = NULL;
  CHECK_OK(weft_processor_batch_embed(processor, kPrompts, 3, NULL, &results, &error));
  weft_embed_result one = {.struct_size = sizeof one};
  CHECK_OK(weft_embed_results_get(results, 2, &one, &error));
  CHECK(weft_embed_results_count(results) == 3 && one.success && one.dim > 0 && one.tokens > 0);
  CHECK_OK(
      weft_processor_batch_embed_async(processor, kPrompts, 3, NULL, on_embed_results, &w, &error));
  weft_embed_results* again = wait_handle(&w);
  weft_embed_result same = {.struct_size = sizeof same};
  CHECK_OK(weft_embed_results_get(again, 2, &same, &error));
  CHECK(memcmp(one.values, same.values, one.dim * sizeof(float)) == 0);
  weft_embed_results_free(results);
  weft_embed_results_free(again);

  weft_id_lists* lists = NULL;
  CHECK_OK(weft_processor_batch_tokenize(processor, kPrompts, 3, 1, &lists, &error));
  CHECK(weft_id_lists_count(lists) == 3 && weft_id_lists_get(lists, 0).count > 1);
  CHECK(weft_id_lists_get(lists, 3).count == 0);
  weft_id_lists_free(lists);
  weft_processor_free(processor);
  waiter_destroy(&w);
}

static weft_status square(void* user_data, size_t i, weft_error** why) {
  (void)why;
  ((size_t*)user_data)[i] = i * i;
  return WEFT_OK;
}

static weft_status refuse_seven(void* user_data, size_t i, weft_error** why) {
  (void)user_data;
  if (i != 7) return WEFT_OK;
  *why = weft_error_new(WEFT_UNSUPPORTED, "seven is not for us");
  return WEFT_UNSUPPORTED;
}

static void work_of_ones_own_runs_on_its_threads(void) {
  weft_processor* processor = two_threads();
  size_t squares[20];
  CHECK_OK(weft_processor_parallel_process(processor, 20, square, squares, &error));
  for (size_t i = 0; i < 20; ++i) CHECK(squares[i] == i * i);
  CHECK_FAILS(weft_processor_parallel_process(processor, 20, refuse_seven, NULL, &error),
              WEFT_UNSUPPORTED, "seven is not for us");
  CHECK_FAILS(weft_processor_parallel_process(processor, 20, NULL, NULL, &error),
              WEFT_INVALID_ARGUMENT, "f: NULL");
  CHECK_FAILS(weft_processor_parallel_process(NULL, 20, square, NULL, &error),
              WEFT_INVALID_ARGUMENT, "processor: NULL");
  weft_processor_free(processor);
}

static void freed_with_a_batch_under_way_it_still_completes(void) {
  weft_processor* processor = two_threads();
  waiter w;
  waiter_init(&w);
  weft_batch_config config;
  weft_batch_config_init(&config, sizeof config);
  config.max_tokens = 100;
  CHECK_OK(
      weft_processor_batch_generate_async(processor, kPrompts, 3, &config, on_results, &w, &error));
  weft_processor_free(processor);
  weft_batch_results_free(wait_handle(&w));
  CHECK(w.status == WEFT_OK || w.status == WEFT_SHUT_DOWN || w.status == WEFT_CANCELLED);
  waiter_destroy(&w);
}

static const test tests[] = {
    {"batches_generate_in_order", batches_generate_in_order},
    {"batches_embed_and_tokenise", batches_embed_and_tokenise},
    {"work_of_ones_own_runs_on_its_threads", work_of_ones_own_runs_on_its_threads},
    {"freed_with_a_batch_under_way_it_still_completes",
     freed_with_a_batch_under_way_it_still_completes},
};
const suite processor_suite = SUITE("Processor", tests);
