// A model as a service: answers by completion, stream, batch and number, and every end.
#include "tests/api/c/check.h"
#include "tests/api/c/waiter.h"

static weft_error* error = NULL;

static weft_llm* service(const char* path, int32_t max_queue_size) {
  weft_llm_config config;
  weft_llm_config_init(&config, sizeof config);
  CHECK(config.max_queue_size == 1000 && config.num_blocks == 1024 && config.block_size == 16);
  CHECK(config.max_seq_length == 4096 && config.worker_count == 2 && config.max_sequences == 64);
  CHECK_TEXT(config.model, "Qwen/Qwen3-0.6B");
  CHECK_TEXT(config.dtype, "float16");
  config.model = path;
  config.threads = 1;
  config.num_blocks = 64;
  config.max_queue_size = max_queue_size;
  weft_llm* llm = NULL;
  CHECK_OK(weft_llm_new(NULL, &config, &llm, &error));
  return llm;
}

static weft_llm_params params_for(int32_t max_tokens) {
  weft_llm_params params;
  weft_llm_params_init(&params, sizeof params);
  params.max_tokens = max_tokens;
  params.min_tokens = max_tokens;  // no stop token before that
  return params;
}

static void on_llm_output(void* user_data, const weft_error* why, const weft_llm_output* output) {
  waiter* w = user_data;
  waiter_begin(w, why);
  w->text[0] = 0;
  w->count = 0;
  if (output != NULL) {
    keep_text(w, output->text, output->size);
    w->count = (size_t)output->tokens_generated;
    CHECK(strlen(output->prompt) == output->prompt_size && output->num_blocks > 0);
    CHECK(output->finish_reason == WEFT_FINISH_LENGTH && output->total_tokens > 0);
  }
  waiter_end(w);
}

static void on_llm_token(void* user_data, const weft_error* why, const weft_llm_token* token) {
  waiter* w = user_data;
  waiter_begin(w, why);
  w->ended = token == NULL;
  if (token != NULL) {
    keep_text(w, token->token, token->token_size);
    ++w->count;
    CHECK(strlen(token->text) == token->size && token->request_id > 0);
    w->ids[0] = token->finished;
  }
  waiter_end(w);
}

static void on_llm_outputs(void* user_data, const weft_error* why, weft_llm_outputs* outputs) {
  waiter* w = user_data;
  waiter_begin(w, why);
  w->handle = outputs;
  waiter_end(w);
}

static void on_llm(void* user_data, const weft_error* why, weft_llm* llm) {
  waiter* w = user_data;
  waiter_begin(w, why);
  w->handle = llm;
  waiter_end(w);
}

static void presets_are_those_of_the_cpp_interface(void) {
  weft_llm_params params;
  weft_llm_params_init(&params, sizeof params);
  CHECK(params.temperature == 1.0f && params.top_p == 1.0f && params.top_k == -1);
  CHECK(params.max_tokens == 100 && params.repetition_penalty == 1.0f);
  weft_llm_params_greedy(&params, sizeof params);
  CHECK(params.temperature == 0);
  weft_llm_params_creative(&params, sizeof params);
  CHECK(params.temperature == 0.8f && params.top_p == 0.9f && params.top_k == 50);
  weft_llm_params_balanced(&params, sizeof params);
  CHECK(params.temperature == 0.7f && params.top_p == 0.9f && params.top_k == 40);
}

static void a_completion_and_a_stream_give_the_same(void) {
  weft_llm* llm = service(mini_model_path, 1000);
  waiter whole, parts;
  waiter_init(&whole);
  waiter_init(&parts);
  const weft_llm_params params = params_for(12);
  CHECK_OK(weft_llm_generate(llm, "Hello", WEFT_NTS, &params, NULL, on_llm_output, &whole, &error));
  CHECK(wait_once(&whole) == WEFT_OK && whole.count == 12);

  weft_llm_stream* stream = NULL;
  CHECK_OK(weft_llm_generate_stream(llm, "Hello", WEFT_NTS, &params, NULL, &stream, &error));
  CHECK(weft_llm_stream_request_id(stream) > 0);
  int finished = 0;
  for (int i = 0; i < 20 && !parts.ended; ++i) {
    CHECK_OK(weft_llm_stream_next(stream, on_llm_token, &parts, &error));
    CHECK(wait_once(&parts) == WEFT_OK);
    finished += !parts.ended && parts.ids[0];
  }
  CHECK(finished == 1 && parts.count == 12 && strcmp(whole.text, parts.text) == 0);
  weft_llm_stream_free(stream);
  weft_llm_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(weft_llm_get_stats(llm, &stats, &error));
  CHECK(stats.submitted == 2 && stats.completed == 2 && stats.blocks_total == 64);
  weft_llm_free(llm);
  waiter_destroy(&whole);
  waiter_destroy(&parts);
}

static void a_talk_is_answered(void) {
  weft_llm* llm = service(talking_model_path, 1000);
  const weft_chat_message talk[] = {{{"user", WEFT_NTS}, {"Hi", WEFT_NTS}}};
  waiter w;
  waiter_init(&w);
  const weft_llm_params params = params_for(6);
  CHECK_OK(weft_llm_chat(llm, talk, 1, NULL, &params, NULL, on_llm_output, &w, &error));
  CHECK(wait_once(&w) == WEFT_OK && w.count == 6);
  CHECK_OK(weft_llm_chat(llm, NULL, 0, NULL, &params, NULL, on_llm_output, &w, &error));
  CHECK(wait_once(&w) == WEFT_TEMPLATE_RAISED && strstr(w.message, "nothing was said") != NULL);
  weft_llm_stream* stream = NULL;
  CHECK_OK(weft_llm_chat_stream(llm, NULL, 0, NULL, &params, NULL, &stream, &error));
  CHECK_OK(weft_llm_stream_next(stream, on_llm_token, &w, &error));
  CHECK(wait_once(&w) == WEFT_TEMPLATE_RAISED);
  weft_llm_stream_free(stream);
  CHECK_OK(weft_llm_chat_stream(llm, talk, 1, NULL, &params, NULL, &stream, &error));
  CHECK_OK(weft_llm_stream_next(stream, on_llm_token, &w, &error));
  CHECK(wait_once(&w) == WEFT_OK);
  weft_llm_stream_free(stream);
  weft_llm_free(llm);
  waiter_destroy(&w);
}

static void a_batch_is_answered_in_order(void) {
  static const weft_string prompts[] = {{"Hello", WEFT_NTS}, {"Once", WEFT_NTS}, {"Hi", WEFT_NTS}};
  weft_llm* llm = service(mini_model_path, 1000);
  waiter w;
  waiter_init(&w);
  const weft_llm_params params = params_for(5);
  CHECK_OK(weft_llm_generate_batch(llm, prompts, 3, &params, 2, on_llm_outputs, &w, &error));
  weft_llm_outputs* outputs = wait_handle(&w);
  CHECK(weft_llm_outputs_count(outputs) == 3);
  for (size_t i = 0; i < 3; ++i) {
    weft_llm_output output = {.struct_size = sizeof output};
    CHECK_OK(weft_llm_outputs_get(outputs, i, &output, &error));
    CHECK(strcmp(output.prompt, prompts[i].data) == 0 && output.tokens_generated == 5);
  }
  weft_llm_outputs_free(outputs);
  CHECK_OK(weft_llm_generate_batch(llm, prompts, 3, &params, 0, on_llm_outputs, &w, &error));
  outputs = wait_handle(&w);
  weft_llm_output output = {.struct_size = sizeof output};
  CHECK_FAILS(weft_llm_outputs_get(outputs, 0, &output, &error), WEFT_INVALID_ARGUMENT,
              "batch_size: 0");
  weft_llm_outputs_free(outputs);
  CHECK_OK(weft_llm_generate_batch(llm, NULL, 0, &params, 4, on_llm_outputs, &w, &error));
  outputs = wait_handle(&w);
  CHECK(weft_llm_outputs_count(outputs) == 0);
  weft_llm_outputs_free(outputs);
  weft_llm_free(llm);
  waiter_destroy(&w);
}

static void answers_are_fetched_by_number(void) {
  weft_llm* llm = service(mini_model_path, 1000);
  waiter w;
  waiter_init(&w);
  const weft_llm_params params = params_for(5);
  uint64_t first = 0, second = 0;
  CHECK_OK(weft_llm_submit_request(llm, "Hello", WEFT_NTS, &params, NULL, &first, &error));
  CHECK_OK(weft_llm_try_submit(llm, "Hello", WEFT_NTS, &params, NULL, &second, &error));
  CHECK(first > 0 && second > first);
  CHECK_OK(weft_llm_get_result(llm, first, on_llm_output, &w, &error));
  CHECK(wait_once(&w) == WEFT_OK && w.count == 5);
  CHECK_OK(weft_llm_get_result(llm, first, on_llm_output, &w, &error));
  CHECK(wait_once(&w) == WEFT_NOT_FOUND);
  weft_poll state = WEFT_POLL_PENDING;
  weft_llm_outputs* outputs = NULL;
  while (state == WEFT_POLL_PENDING) {
    CHECK_OK(weft_llm_try_get_result(llm, second, &state, &outputs, &error));
  }
  CHECK(state == WEFT_POLL_READY && weft_llm_outputs_count(outputs) == 1);
  weft_llm_outputs_free(outputs);
  CHECK_OK(weft_llm_try_get_result(llm, second, &state, &outputs, &error));
  CHECK(state == WEFT_POLL_UNKNOWN && outputs == NULL);
  CHECK(!weft_llm_cancel(llm, second) && !weft_llm_cancel(NULL, 1));

  weft_engine* engine = NULL;
  CHECK_OK(weft_llm_get_engine(llm, &engine, &error));
  weft_llm_free(llm);
  const weft_string text = {"Hello", WEFT_NTS};
  weft_embeddings* embeddings = NULL;
  CHECK_FAILS(weft_engine_embed(engine, &text, 1, NULL, &embeddings, &error), WEFT_SHUT_DOWN, "");
  weft_engine_free(engine);
  waiter_destroy(&w);
}

// An unread stream of many tokens keeps the engine busy for nobody; what waits is freed with it.
static void every_request_ends_when_its_service_is_freed(void) {
  for (int round = 0; round < 10; ++round) {
    weft_llm* llm = service(mini_model_path, 1000);
    waiter calls, next;
    waiter_init(&calls);
    waiter_init(&next);
    const weft_llm_params params = params_for(800);
    weft_llm_stream* stream = NULL;
    CHECK_OK(weft_llm_generate_stream(llm, "Hello", WEFT_NTS, &params, NULL, &stream, &error));
    CHECK_OK(weft_llm_stream_next(stream, on_llm_token, &next, &error));
    CHECK_OK(weft_llm_stream_next(stream, on_llm_token, &next, &error));  // one at a time, or later
    for (int i = 0; i < 10; ++i) {
      CHECK_OK(
          weft_llm_generate(llm, "Hello", WEFT_NTS, &params, NULL, on_llm_output, &calls, &error));
    }
    if (round % 2 == 0) weft_llm_stream_free(stream);
    weft_llm_free(llm);
    if (round % 2 == 1) weft_llm_stream_free(stream);
    CHECK(wait_for(&calls, 10) == 10 && wait_for(&next, 2) == 2);
    waiter_destroy(&calls);
    waiter_destroy(&next);
  }
}

static void what_is_wrong_says_so(void) {
  waiter w;
  waiter_init(&w);
  weft_llm_config config;
  weft_llm_config_init(&config, sizeof config);
  config.model = mini_model_path;
  config.device = "mps";
  weft_llm* llm = NULL;
  CHECK_FAILS(weft_llm_new(NULL, &config, &llm, &error), WEFT_UNSUPPORTED, "mps");
  CHECK_OK(weft_llm_new_async(NULL, &config, on_llm, &w, &error));
  CHECK(wait_once(&w) == WEFT_UNSUPPORTED && w.handle == NULL);
  config.device = "cpu";
  CHECK(config.gpu_layers == -1);
  config.gpu_layers = 3;
  CHECK_FAILS(weft_llm_new(NULL, &config, &llm, &error), WEFT_INVALID_ARGUMENT, "gpu_layers: 3");
  config.gpu_layers = 0;
  config.num_blocks = 8;
  CHECK_OK(weft_llm_new_async(NULL, &config, on_llm, &w, &error));
  llm = wait_handle(&w);
  CHECK(llm != NULL);
  weft_llm_params params = params_for(1000);
  CHECK_OK(weft_llm_generate(llm, "Hello", WEFT_NTS, &params, NULL, on_llm_output, &w, &error));
  CHECK(wait_once(&w) == WEFT_CONTEXT_OVERFLOW);
  weft_request_options options;
  weft_request_options_init(&options, sizeof options);
  CHECK(options.priority == WEFT_PRIORITY_NORMAL && options.timeout_ms == 0);
  options.priority = 17;
  CHECK_FAILS(weft_llm_generate(llm, "Hello", WEFT_NTS, NULL, &options, on_llm_output, &w, &error),
              WEFT_INVALID_ARGUMENT, "priority: 17");
  params.struct_size = 8;
  CHECK_FAILS(weft_llm_generate(llm, "Hello", WEFT_NTS, &params, NULL, on_llm_output, &w, &error),
              WEFT_INVALID_ARGUMENT, "params.struct_size: 8");
  CHECK_FAILS(weft_llm_generate(NULL, "a", 1, NULL, NULL, on_llm_output, &w, &error),
              WEFT_INVALID_ARGUMENT, "llm: NULL");
  CHECK_FAILS(weft_llm_stream_next(NULL, on_llm_token, &w, &error), WEFT_INVALID_ARGUMENT,
              "stream: NULL");
  CHECK_OK(weft_llm_shutdown(llm, 1, &error));
  CHECK_OK(weft_llm_generate(llm, "a", 1, NULL, NULL, on_llm_output, &w, &error));
  CHECK(wait_once(&w) == WEFT_SHUT_DOWN);
  weft_llm_free(llm);
  weft_llm_free(NULL);
  waiter_destroy(&w);
}

static const test tests[] = {
    {"presets_are_those_of_the_cpp_interface", presets_are_those_of_the_cpp_interface},
    {"a_completion_and_a_stream_give_the_same", a_completion_and_a_stream_give_the_same},
    {"a_talk_is_answered", a_talk_is_answered},
    {"a_batch_is_answered_in_order", a_batch_is_answered_in_order},
    {"answers_are_fetched_by_number", answers_are_fetched_by_number},
    {"every_request_ends_when_its_service_is_freed", every_request_ends_when_its_service_is_freed},
    {"what_is_wrong_says_so", what_is_wrong_says_so},
};
const suite llm_suite = SUITE("LLM", tests);
