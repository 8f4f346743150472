// The asynchronous model, its streams and contexts: each completion once, whatever is freed when.
#include "tests/api/c/check.h"
#include "tests/api/c/waiter.h"

static weft_error* error = NULL;

typedef struct scene {
  weft_runtime* runtime;
  weft_async_model* model;
  waiter w;
} scene;

static scene begin(void) {
  scene s = {NULL, NULL, {.calls = 0}};
  weft_runtime_options options;
  weft_runtime_options_init(&options, sizeof options);
  options.worker_threads = 1;
  CHECK_OK(weft_runtime_new(&options, &s.runtime, &error));
  weft_model* model = load_mini();
  weft_async_config config;
  weft_async_config_init(&config, sizeof config);
  config.max_concurrent = 1;
  CHECK_OK(weft_async_model_over(s.runtime, model, &config, &s.model, &error));
  weft_model_free(model);
  return s;
}

static void end(scene* s) {
  weft_async_model_free(s->model);
  weft_runtime_free(s->runtime);
  waiter_destroy(&s->w);
}

static void defaults_are_those_of_the_cpp_interface(void) {
  weft_async_config config;
  weft_async_config_init(&config, sizeof config);
  CHECK(config.context_size == 2048 && config.max_concurrent == 4 && config.timeout_ms == 30000);
  CHECK(config.gpu_layers == 0 && config.flash_attention == 0);
  weft_stream_config stream;
  weft_stream_config_init(&stream, sizeof stream);
  CHECK(stream.max_tokens == 256 && stream.temperature == 0.8f && stream.top_k == 40);
  CHECK(stream.top_p == 0.95f && stream.buffer == 32 && stream.timeout_ms == 30000);
  CHECK(stream.delay_ms == 0 && stream.num_stop_sequences == 0);
  weft_runtime_options runtime;
  weft_runtime_options_init(&runtime, sizeof runtime);
  CHECK(runtime.worker_threads == 0 && runtime.max_blocking_threads == 16);
}

static void a_model_loads_and_its_failures_come_through_the_completion(void) {
  waiter w;
  waiter_init(&w);
  weft_async_config config;
  weft_async_config_init(&config, sizeof config);
  config.threads = 1;
  config.gpu_layers = 7;  // no GPU here or none wanted: a warning at most
  CHECK_OK(weft_async_model_load(NULL, mini_model_path, &config, on_async_model, &w, &error));
  weft_async_model* model = wait_handle(&w);
  CHECK(model != NULL && weft_async_model_is_ready(model) && weft_async_model_waiting(model) == 0);
  CHECK(weft_async_model_warning(model, 1000) == NULL);
  weft_model_info info = {.struct_size = sizeof info};
  CHECK_OK(weft_async_model_get_info(model, &info, &error));
  CHECK_TEXT(info.architecture, "llama");

  CHECK_OK(weft_async_model_tokenize(model, "Hello", WEFT_NTS, 1, on_ids, &w, &error));
  CHECK(wait_once(&w) == WEFT_OK && w.count > 1);
  CHECK_OK(weft_async_model_generate(model, "Hello", WEFT_NTS, 8, NULL, on_text, &w, &error));
  CHECK(wait_once(&w) == WEFT_OK && w.text[0] != 0);
  weft_engine_stats stats = {.struct_size = sizeof stats};
  do {  // they are those of the last step that has ended
    CHECK_OK(weft_async_model_get_stats(model, &stats, &error));
  } while (stats.finished == 0);
  CHECK(stats.finished == 1 && stats.generated_tokens > 0 && stats.blocks_capacity > 0);
  weft_async_model_free(model);

  CHECK_OK(weft_async_model_load(NULL, "/no/such.gguf", NULL, on_async_model, &w, &error));
  CHECK(wait_once(&w) == WEFT_NOT_FOUND && w.handle == NULL && strstr(w.message, "/no/such.gguf"));
  waiter_destroy(&w);
}

// The same request through another door of the interface has the same bits.
static void generates_what_a_context_generates(void) {
  scene s = begin();
  waiter_init(&s.w);
  CHECK_OK(
      weft_async_model_generate(s.model, "Once upon", WEFT_NTS, 20, NULL, on_text, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK);
  weft_model* model = NULL;
  CHECK_OK(weft_async_model_get_model(s.model, &model, &error));
  weft_context* context = NULL;
  weft_generation* generation = NULL;
  weft_generate_options options;
  weft_generate_options_init(&options, sizeof options);
  options.max_tokens = 20;
  CHECK_OK(weft_context_new(model, NULL, &context, &error));
  CHECK_OK(weft_context_generate(context, "Once upon", WEFT_NTS, &options, &generation, &error));
  CHECK(strcmp(weft_generation_text(generation, NULL), s.w.text) == 0);
  weft_generation_free(generation);
  weft_context_free(context);
  weft_model_free(model);
  end(&s);
}

// Unread it stands still, and keeps its place: the only one.
static weft_stream* endless_stream(scene* s) {
  weft_stream_config config;
  weft_stream_config_init(&config, sizeof config);
  config.max_tokens = 1500;
  config.buffer = 2;
  config.timeout_ms = 0;
  CHECK_OK(weft_async_model_generate_stream(s->model, "Hello", WEFT_NTS, &config, NULL, on_stream,
                                            &s->w, &error));
  return wait_handle(&s->w);
}

static void a_stream_gives_each_token_and_its_end(void) {
  scene s = begin();
  waiter_init(&s.w);
  const weft_string stop = {"not in this text", WEFT_NTS};
  weft_stream_config config;
  weft_stream_config_init(&config, sizeof config);
  config.max_tokens = 12;
  config.stop_sequences = &stop;
  config.num_stop_sequences = 1;
  CHECK_OK(weft_async_model_generate_with(s.model, "Hello", WEFT_NTS, &config, NULL, on_text, &s.w,
                                          &error));
  CHECK(wait_once(&s.w) == WEFT_OK);
  char whole[4096];
  memcpy(whole, s.w.text, sizeof whole);

  CHECK_OK(weft_async_model_generate_stream(s.model, "Hello", WEFT_NTS, &config, NULL, on_stream,
                                            &s.w, &error));
  weft_stream* stream = wait_handle(&s.w);
  CHECK(stream != NULL);
  s.w.text[0] = 0;
  s.w.count = 0;
  int finals = 0;
  for (int i = 0; i < 20 && finals == 0; ++i) {
    CHECK_OK(weft_stream_next(stream, on_token, &s.w, &error));
    CHECK(wait_once(&s.w) == WEFT_OK);
    finals += s.w.ended;
  }
  CHECK(finals == 1 && strcmp(s.w.text, whole) == 0);
  CHECK(weft_stream_is_finished(stream));
  CHECK(weft_stream_tokens_generated(stream) == (int32_t)s.w.count);
  weft_token token = {.struct_size = sizeof token};
  weft_poll state = WEFT_POLL_PENDING;
  CHECK_OK(weft_stream_try_next(stream, &token, &state, &error));
  CHECK(state == WEFT_POLL_FINISHED);
  weft_stream_config read = {.struct_size = sizeof read};
  CHECK_OK(weft_stream_get_config(stream, &read, &error));
  CHECK(read.max_tokens == 12 && read.num_stop_sequences == 1);
  CHECK_TEXT(read.stop_sequences[0].data, "not in this text");
  weft_stream_free(stream);
  end(&s);
}

static void cancelling_ends_calls_and_streams(void) {
  scene s = begin();
  waiter_init(&s.w);
  weft_stream* stream = endless_stream(&s);
  weft_cancel* cancel = NULL;
  CHECK_OK(weft_cancel_new(&cancel, &error));
  CHECK_OK(weft_async_model_generate(s.model, "Hello", WEFT_NTS, 9, cancel, on_text, &s.w, &error));
  weft_cancel_request(cancel);
  weft_cancel_free(cancel);
  CHECK(wait_once(&s.w) == WEFT_CANCELLED);

  CHECK_OK(weft_stream_next(stream, on_token, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK);
  weft_stream_cancel(stream);
  weft_status last = WEFT_OK;
  for (int i = 0; i < 10 && last == WEFT_OK; ++i) {  // what was made can still be read
    CHECK_OK(weft_stream_next(stream, on_token, &s.w, &error));
    last = wait_once(&s.w);
  }
  CHECK(last == WEFT_CANCELLED);
  weft_token token = {.struct_size = sizeof token};
  weft_poll state = WEFT_POLL_PENDING;
  CHECK_FAILS(weft_stream_try_next(stream, &token, &state, &error), WEFT_CANCELLED, "cancelled");
  weft_stream_free(stream);
  end(&s);
}

static void a_timeout_is_its_own_error(void) {
  scene s = begin();
  waiter_init(&s.w);
  weft_stream* stream = endless_stream(&s);
  weft_stream_config config;
  weft_stream_config_init(&config, sizeof config);
  config.timeout_ms = 1;
  CHECK_OK(weft_async_model_generate_with(s.model, "Hello", WEFT_NTS, &config, NULL, on_text, &s.w,
                                          &error));
  CHECK(wait_once(&s.w) == WEFT_TIMED_OUT);
  weft_stream_free(stream);
  end(&s);
}

// Everything is freed while twenty calls wait and a next() may.
static void every_completion_comes_once_whatever_is_freed(void) {
  for (int order = 0; order < 2; ++order) {
    scene s = begin();
    waiter_init(&s.w);
    waiter calls, next;
    waiter_init(&calls);
    waiter_init(&next);
    weft_stream* stream = endless_stream(&s);
    CHECK_OK(weft_stream_next(stream, on_token, &next, &error));
    for (int i = 0; i < 20; ++i) {
      CHECK_OK(
          weft_async_model_generate(s.model, "Hello", WEFT_NTS, 9, NULL, on_text, &calls, &error));
    }
    if (order == 0) {
      weft_runtime_free(s.runtime);
      CHECK(!weft_async_model_is_ready(s.model));
      CHECK_OK(weft_async_model_generate(s.model, "Hi", WEFT_NTS, 2, NULL, on_text, &s.w, &error));
      CHECK(wait_once(&s.w) == WEFT_SHUT_DOWN);
      CHECK(wait_for(&calls, 20) == 20);
      weft_async_model_free(s.model);
      weft_stream_free(stream);
    } else {
      weft_stream_free(stream);  // those in line have their turn meanwhile
      weft_async_model_free(s.model);
      weft_runtime_free(s.runtime);
      CHECK(wait_for(&calls, 20) == 20);
    }
    CHECK(wait_for(&next, 1) == 1);
    waiter_destroy(&calls);
    waiter_destroy(&next);
    waiter_destroy(&s.w);
  }
}

static void misuse_is_returned_and_completes_nothing(void) {
  scene s = begin();
  waiter_init(&s.w);
  CHECK_FAILS(weft_async_model_load(NULL, NULL, NULL, on_async_model, &s.w, &error),
              WEFT_INVALID_ARGUMENT, "path: NULL");
  CHECK_FAILS(weft_async_model_load(NULL, "a", NULL, NULL, &s.w, &error), WEFT_INVALID_ARGUMENT,
              "on_loaded: NULL");
  CHECK_FAILS(weft_async_model_generate(NULL, "a", 1, 1, NULL, on_text, &s.w, &error),
              WEFT_INVALID_ARGUMENT, "model: NULL");
  CHECK_FAILS(weft_async_model_generate(s.model, "a", 1, 1, NULL, NULL, NULL, &error),
              WEFT_INVALID_ARGUMENT, "on_text: NULL");
  weft_stream_config config = {.struct_size = 4};
  CHECK_FAILS(
      weft_async_model_generate_stream(s.model, "a", 1, &config, NULL, on_stream, &s.w, &error),
      WEFT_INVALID_ARGUMENT, "config.struct_size: 4");
  CHECK_FAILS(weft_stream_next(NULL, on_token, &s.w, &error), WEFT_INVALID_ARGUMENT,
              "stream: NULL");
  CHECK_FAILS(weft_async_context_new(NULL, NULL, on_async_context, &s.w, &error),
              WEFT_INVALID_ARGUMENT, "model: NULL");
  CHECK_FAILS(weft_async_context_clear(NULL, on_done, &s.w, &error), WEFT_INVALID_ARGUMENT,
              "context: NULL");
  CHECK_FAILS(weft_pool_acquire(NULL, 0, on_lease, &s.w, &error), WEFT_INVALID_ARGUMENT,
              "pool: NULL");
  CHECK_FAILS(weft_async_model_over(NULL, NULL, NULL, &s.model, &error), WEFT_INVALID_ARGUMENT,
              "runtime: NULL");
  CHECK(s.w.calls == 0);
  // What is wrong with the request itself comes through its completion.
  CHECK_OK(weft_async_model_generate(s.model, "a", 1, -5, NULL, on_text, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_INVALID_ARGUMENT && strstr(s.w.message, "max_tokens"));
  end(&s);
}

static void a_context_goes_on_from_where_it_was(void) {
  const char* path = "test_c_api_async.session";
  scene s = begin();
  waiter_init(&s.w);
  weft_context_params params;
  weft_context_params_init(&params, sizeof params);
  params.n_ctx = 256;
  CHECK_OK(weft_async_context_new(s.model, &params, on_async_context, &s.w, &error));
  weft_async_context* context = wait_handle(&s.w);
  CHECK_OK(weft_async_context_generate(context, "Hello", WEFT_NTS, 4, NULL, on_text, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK);
  weft_ids *first = NULL, *second = NULL;
  CHECK_OK(weft_async_context_get_ids(context, &first, &error));
  CHECK_OK(weft_async_context_save_state(context, path, on_done, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK);

  const int32_t more[] = {5, 6};
  const weft_batch batches[] = {{more, 2, 3}, {more, 1, 2}};
  int32_t batch_ids[16];
  CHECK_OK(weft_async_context_process_batch(context, batches, 2, on_id_lists, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK && s.w.count > 0 && s.w.count <= 5);
  const size_t batch_count = s.w.count;
  memcpy(batch_ids, s.w.ids, batch_count * sizeof(int32_t));

  // Loaded again, the same batches give the same ids.
  CHECK_OK(weft_async_context_clear(context, on_done, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK);
  CHECK_OK(weft_async_context_load_state(context, path, on_done, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK);
  CHECK_OK(weft_async_context_get_ids(context, &second, &error));
  CHECK(weft_ids_count(first) == weft_ids_count(second));
  CHECK_OK(weft_async_context_process_batch(context, batches, 2, on_id_lists, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK && s.w.count == batch_count);
  CHECK(memcmp(batch_ids, s.w.ids, batch_count * sizeof(int32_t)) == 0);

  weft_stream_config config;
  weft_stream_config_init(&config, sizeof config);
  config.max_tokens = 2;
  CHECK_OK(weft_async_context_generate_stream(context, more, 2, &config, on_stream, &s.w, &error));
  weft_stream* stream = wait_handle(&s.w);
  CHECK_OK(weft_stream_next(stream, on_token, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK);
  weft_stream_free(stream);
  CHECK_OK(weft_async_context_load_state(context, mini_model_path, on_done, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_INVALID_ARGUMENT);
  remove(path);
  weft_ids_free(first);
  weft_ids_free(second);
  weft_async_context_free(context);
  end(&s);
}

static void a_pool_lends_what_it_has(void) {
  scene s = begin();
  waiter_init(&s.w);
  weft_context_params params;
  weft_context_params_init(&params, sizeof params);
  params.n_ctx = 64;
  CHECK_OK(weft_pool_new(s.model, 1, &params, on_pool, &s.w, &error));
  weft_pool* pool = wait_handle(&s.w);
  CHECK_OK(weft_pool_acquire(pool, -1, on_lease, &s.w, &error));
  weft_lease* lease = wait_handle(&s.w);
  CHECK(lease != NULL);
  weft_lease* none = NULL;
  CHECK_OK(weft_pool_try_acquire(pool, &none, &error));
  CHECK(none == NULL);
  CHECK_OK(weft_pool_acquire(pool, 1, on_lease, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_TIMED_OUT && s.w.handle == NULL);
  weft_pool_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(weft_pool_get_stats(pool, &stats, &error));
  CHECK(stats.size == 1 && stats.in_use == 1 && stats.available == 0);
  CHECK_OK(weft_async_context_generate(weft_lease_context(lease), "Hi", WEFT_NTS, 4, NULL, on_text,
                                       &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK);
  weft_lease_free(lease);
  CHECK_OK(weft_pool_resize(pool, 2, on_done, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK);
  CHECK_OK(weft_pool_resize(pool, 0, on_done, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_INVALID_ARGUMENT);
  CHECK_OK(weft_pool_generate(pool, "Hi", WEFT_NTS, 4, on_text, &s.w, &error));
  CHECK(wait_once(&s.w) == WEFT_OK);
  weft_pool_free(pool);

  weft_async_config config;
  weft_async_config_init(&config, sizeof config);
  config.threads = 1;
  CHECK_OK(weft_pool_load(NULL, mini_model_path, &config, 2, on_pool, &s.w, &error));
  pool = wait_handle(&s.w);
  CHECK(pool != NULL);
  weft_pool_free(pool);
  end(&s);
}

static const test tests[] = {
    {"defaults_are_those_of_the_cpp_interface", defaults_are_those_of_the_cpp_interface},
    {"a_model_loads_and_its_failures_come_through_the_completion",
     a_model_loads_and_its_failures_come_through_the_completion},
    {"generates_what_a_context_generates", generates_what_a_context_generates},
    {"a_stream_gives_each_token_and_its_end", a_stream_gives_each_token_and_its_end},
    {"cancelling_ends_calls_and_streams", cancelling_ends_calls_and_streams},
    {"a_timeout_is_its_own_error", a_timeout_is_its_own_error},
    {"every_completion_comes_once_whatever_is_freed",
     every_completion_comes_once_whatever_is_freed},
    {"misuse_is_returned_and_completes_nothing", misuse_is_returned_and_completes_nothing},
    {"a_context_goes_on_from_where_it_was", a_context_goes_on_from_where_it_was},
    {"a_pool_lends_what_it_has", a_pool_lends_what_it_has},
};
const suite async_suite = SUITE("Async", tests);
