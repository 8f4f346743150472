// Handlers and jobs: turns, outputs told and read, handlers of one's own, ends of every kind.
#include "tests/api/c/check.h"
#include "tests/api/c/waiter.h"

static weft_error* error = NULL;
static const char* const kCpu[] = {"cpu"};

static weft_llama* small_llama(void) {
  weft_model* model = load_mini();
  weft_llama* llama = NULL;
  CHECK_OK(weft_llama_over(model, NULL, &llama, &error));
  weft_model_free(model);
  return llama;
}

static weft_generate_request ask(const char* prompt, int32_t max_tokens) {
  weft_generate_request request;
  weft_generate_request_init(&request, sizeof request);
  request.prompt = prompt;
  request.prompt_size = WEFT_NTS;
  request.max_tokens = max_tokens;
  request.temperature = 0;  // after "Hello" nothing stops it that early
  return request;
}

static void keep_output(waiter* w, const weft_output* output) {
  if (w->count < COUNT_OF(w->ids)) w->ids[w->count++] = output->token_id;
  keep_text(w, output->text, output->size);
}

// Beside on_done, which counts.
static void on_output(void* user_data, const weft_output* output) {
  waiter* w = user_data;
  pthread_mutex_lock(&w->mutex);
  CHECK(output->index == (int32_t)w->count);
  keep_output(w, output);
  pthread_mutex_unlock(&w->mutex);
}

static weft_status hear_output(void* user_data, const weft_output* output, weft_error** why) {
  waiter* w = user_data;
  keep_output(w, output);
  if (w->count < 3) return WEFT_OK;
  *why = weft_error_new(WEFT_UNSUPPORTED, "three are enough");
  return WEFT_UNSUPPORTED;
}

static void turns_give_tokens_until_there_are_none(void) {
  weft_llama* llama = NULL;
  CHECK_OK(weft_llama_load(mini_model_path, "cpu", NULL, &llama, &error));
  CHECK(weft_llama_runs_on(llama, "cpu") && !weft_llama_runs_on(llama, "cuda"));
  weft_state* state = NULL;
  weft_sampler* sampler = NULL;
  CHECK_OK(weft_llama_new_state(llama, "Hello", WEFT_NTS, 5, &state, &error));
  CHECK_OK(weft_sampler_new(0.9, 42, &sampler, &error));
  CHECK(weft_state_num_generated(state) == 0);
  int32_t ids[5];
  weft_single_token token = {.struct_size = sizeof token};
  for (int i = 0; i < 5; ++i) {
    CHECK_OK(weft_llama_generate_single_token(llama, state, 0, sampler, &token, &error));
    ids[i] = token.token_id;
    CHECK(token.done == (i == 4) && strlen(token.text) == token.size);
  }
  CHECK(weft_state_num_generated(state) == 5);
  CHECK_FAILS(weft_llama_generate_single_token(llama, state, 0, sampler, &token, &error),
              WEFT_MAX_TOKENS_REACHED, "Maximum tokens reached");

  // The loop in one call gives the same.
  weft_outputs* outputs = NULL;
  CHECK_OK(weft_llama_generate_streaming(llama, "Hello", WEFT_NTS, 5, 0, sampler, NULL, NULL,
                                         &outputs, &error));
  CHECK(weft_outputs_count(outputs) == 5);
  for (size_t i = 0; i < 5; ++i) {
    weft_output output = {.struct_size = sizeof output};
    CHECK_OK(weft_outputs_get(outputs, i, &output, &error));
    CHECK(output.token_id == ids[i] && output.index == (int32_t)i);
  }
  weft_outputs_free(outputs);
  waiter w;
  waiter_init(&w);
  CHECK_FAILS(weft_llama_generate_streaming(llama, "Hello", WEFT_NTS, 5, 0, sampler, hear_output,
                                            &w, NULL, &error),
              WEFT_UNSUPPORTED, "three are enough");
  CHECK(w.count == 3 && memcmp(w.ids, ids, 3 * sizeof(int32_t)) == 0);

  weft_model* model = NULL;
  weft_engine* engine = NULL;
  CHECK_OK(weft_llama_get_model(llama, &model, &error));
  CHECK_OK(weft_llama_get_engine(llama, NULL, &engine, &error));
  weft_llama_free(llama);  // the others keep what they need
  weft_sampler_free(sampler);
  weft_state_free(state);
  const weft_string text = {"Hello", WEFT_NTS};
  weft_embeddings* embeddings = NULL;
  CHECK_OK(weft_engine_embed(engine, &text, 1, NULL, &embeddings, &error));
  weft_embeddings_free(embeddings);
  weft_engine_free(engine);
  weft_model_free(model);
  waiter_destroy(&w);
}

// The first scene of every handler: many requests, each with the ids that it has alone.
static void jobs_beside_each_other_have_the_ids_they_have_alone(void) {
  static const char* const prompts[] = {"Hello", "Once upon", "The fox", "Hello there"};
  weft_llama* llama = small_llama();
  for (weft_handler_kind kind = WEFT_HANDLER_CONCURRENT; kind <= WEFT_HANDLER_BLOCKING; ++kind) {
    weft_inference* inference = NULL;
    CHECK_OK(weft_inference_new(NULL, llama, kind, NULL, &inference, &error));
    waiter told[4];
    weft_job* jobs[4];
    for (int i = 0; i < 4; ++i) {
      waiter_init(&told[i]);
      const weft_generate_request request = ask(prompts[i], 20);
      CHECK_OK(weft_inference_spawn(inference, &request, kCpu, 1, on_output, on_done, &told[i],
                                    &jobs[i], &error));
    }
    for (int i = 0; i < 4; ++i) {
      CHECK(wait_once(&told[i]) == WEFT_OK && told[i].count > 0);
      CHECK_OK(weft_job_join(jobs[i], &error));
      weft_job_free(jobs[i]);
      const weft_generate_request request = ask(prompts[i], 20);
      weft_outputs* alone = NULL;
      CHECK_OK(weft_inference_run(inference, &request, kCpu, 1, &alone, &error));
      CHECK(weft_outputs_count(alone) == told[i].count);
      for (size_t t = 0; t < told[i].count; ++t) {
        weft_output output = {.struct_size = sizeof output};
        CHECK_OK(weft_outputs_get(alone, t, &output, &error));
        CHECK(output.token_id == told[i].ids[t]);
      }
      weft_outputs_free(alone);
      waiter_destroy(&told[i]);
    }
    weft_inference_free(inference);
  }
  weft_llama_free(llama);
}

static void outputs_can_be_read_and_a_job_cancelled(void) {
  weft_llama* llama = small_llama();
  weft_inference* inference = NULL;
  CHECK_OK(weft_inference_new(NULL, llama, WEFT_HANDLER_CONCURRENT, NULL, &inference, &error));
  const weft_generate_request request = ask("Hello", 5);
  weft_job* job = NULL;
  CHECK_OK(weft_inference_spawn(inference, &request, kCpu, 1, NULL, NULL, NULL, &job, &error));
  weft_output output = {.struct_size = sizeof output};
  weft_poll state = WEFT_POLL_READY;
  for (int32_t i = 0; i < 5; ++i) {
    CHECK_OK(weft_job_next(job, &output, &state, &error));
    CHECK(state == WEFT_POLL_READY && output.index == i && strlen(output.text) == output.size);
  }
  CHECK_OK(weft_job_next(job, &output, &state, &error));
  CHECK(state == WEFT_POLL_FINISHED);
  CHECK_OK(weft_job_try_next(job, &output, &state, &error));
  CHECK(state == WEFT_POLL_FINISHED);
  weft_job_free(job);

  waiter w;
  waiter_init(&w);
  const weft_generate_request longer = ask("Hello", 150);
  CHECK_OK(weft_inference_spawn(inference, &longer, kCpu, 1, on_output, on_done, &w, &job, &error));
  CHECK_FAILS(weft_job_next(job, &output, &state, &error), WEFT_INVALID_ARGUMENT, "on_output");
  weft_job_cancel(job);
  const weft_status ended = wait_once(&w);
  CHECK(ended == WEFT_CANCELLED || (ended == WEFT_OK && w.count == 150));
  weft_job_free(job);
  weft_inference_free(inference);
  weft_llama_free(llama);
  waiter_destroy(&w);
}

static weft_status say_twice(void* user_data, const weft_generate_request* request,
                             const weft_llama* llama, const weft_cancel* cancel,
                             weft_out_stream* out, weft_error** why) {
  (void)cancel;
  weft_state* state = NULL;
  weft_sampler* sampler = NULL;
  weft_single_token token = {.struct_size = sizeof token};
  weft_status status = weft_llama_new_state(llama, request->prompt, request->prompt_size,
                                            request->max_tokens, &state, why);
  if (status == WEFT_OK) status = weft_sampler_new(request->top_p, request->seed, &sampler, why);
  if (status == WEFT_OK) {
    status = weft_llama_generate_single_token(llama, state, 0, sampler, &token, why);
  }
  for (int32_t i = 0; i < 2 && status == WEFT_OK; ++i) {
    const weft_output output = {.struct_size = sizeof output,
                                .token_id = token.token_id,
                                .index = i,
                                .text = token.text,
                                .size = token.size};
    status = weft_out_stream_emit(out, &output, why);
  }
  weft_sampler_free(sampler);
  weft_state_free(state);
  ++*(int*)user_data;
  return status;
}

// Returns only once its job was cancelled.
static weft_status wait_to_be_cancelled(void* user_data, const weft_generate_request* request,
                                        const weft_llama* llama, const weft_cancel* cancel,
                                        weft_out_stream* out, weft_error** why) {
  (void)user_data, (void)request, (void)llama, (void)out, (void)why;
  while (!weft_cancel_is_requested(cancel)) {
  }
  return WEFT_IO_ERROR;
}

static void a_handler_of_ones_own_runs_the_requests(void) {
  weft_llama* llama = small_llama();
  weft_inference* inference = NULL;
  int calls = 0;
  CHECK_OK(
      weft_inference_new_with_handler(NULL, llama, say_twice, &calls, NULL, &inference, &error));
  weft_generate_request request = ask("Hello", 2);
  weft_outputs* outputs = NULL;
  CHECK_OK(weft_inference_run(inference, &request, kCpu, 1, &outputs, &error));
  CHECK(weft_outputs_count(outputs) == 2 && calls == 1);
  weft_outputs_free(outputs);
  request.max_tokens = 1;  // what is not read is held, and no more than that
  weft_job* unread = NULL;
  CHECK_OK(weft_inference_spawn(inference, &request, kCpu, 1, NULL, NULL, NULL, &unread, &error));
  CHECK_FAILS(weft_job_join(unread, &error), WEFT_LIMIT_EXCEEDED, "max_tokens = 1");
  weft_job_free(unread);
  weft_inference_free(inference);

  CHECK_OK(weft_inference_new_with_handler(NULL, llama, wait_to_be_cancelled, NULL, NULL,
                                           &inference, &error));
  waiter w;
  waiter_init(&w);
  weft_job* job = NULL;
  CHECK_OK(weft_inference_spawn(inference, &request, kCpu, 1, NULL, on_done, &w, &job, &error));
  weft_output output = {.struct_size = sizeof output};
  weft_poll state = WEFT_POLL_READY;
  CHECK_OK(weft_job_try_next(job, &output, &state, &error));
  CHECK(state == WEFT_POLL_PENDING);
  weft_job_free(job);  // cancels it
  CHECK(wait_once(&w) == WEFT_CANCELLED);
  CHECK_OK(weft_inference_spawn(inference, &request, kCpu, 1, NULL, on_done, &w, NULL, &error));
  weft_inference_free(inference);
  CHECK(wait_once(&w) == WEFT_SHUT_DOWN);
  weft_llama_free(llama);
  waiter_destroy(&w);
}

static weft_status count_alone(void* user_data, const weft_llama* alone, weft_error** why) {
  weft_state* state = NULL;
  weft_sampler* sampler = NULL;
  weft_single_token token = {.struct_size = sizeof token};
  CHECK(weft_llama_new_state(alone, "Hello", WEFT_NTS, 1, &state, why) == WEFT_OK);
  CHECK(weft_sampler_new(0.9, 42, &sampler, why) == WEFT_OK);
  const weft_status status =
      weft_llama_generate_single_token(alone, state, 0, sampler, &token, why);
  weft_sampler_free(sampler);
  weft_state_free(state);
  ++*(int*)user_data;
  return status;
}

static void the_model_is_lent_alone_and_given_back(void) {
  weft_llama* llama = small_llama();
  weft_inference* inference = NULL;
  CHECK_OK(weft_inference_new(NULL, llama, WEFT_HANDLER_CONCURRENT, NULL, &inference, &error));
  weft_llama_free(llama);
  int calls = 0;
  CHECK_OK(weft_inference_submit(inference, count_alone, &calls, &error));
  CHECK_OK(weft_inference_into_model(inference, &llama, &error));
  CHECK_FAILS(weft_inference_submit(inference, count_alone, &calls, &error), WEFT_SHUT_DOWN, "");
  weft_generate_request request = ask("Hello", 2);
  weft_outputs* outputs = NULL;
  CHECK_FAILS(weft_inference_run(inference, &request, kCpu, 1, &outputs, &error), WEFT_SHUT_DOWN,
              "stopped");
  weft_inference_free(inference);
  CHECK_OK(weft_llama_submit(llama, count_alone, &calls, &error));
  CHECK(calls == 2);
  weft_llama_free(llama);
}

static void what_is_wrong_with_a_job_is_its_end(void) {
  static const char* const two[] = {"cpu", "auto"};
  static const char* const other[] = {"cuda"};
  weft_llama* llama = small_llama();
  weft_inference* inference = NULL;
  CHECK_FAILS(weft_inference_new(NULL, llama, 9, NULL, &inference, &error), WEFT_INVALID_ARGUMENT,
              "kind: 9");
  CHECK_OK(weft_inference_new(NULL, llama, WEFT_HANDLER_CONCURRENT, NULL, &inference, &error));
  weft_generate_request request = ask("Hello", 2);
  weft_outputs* outputs = NULL;
  CHECK_FAILS(weft_inference_run(inference, &request, NULL, 0, &outputs, &error),
              WEFT_INVALID_ARGUMENT, "exactly one");
  CHECK_FAILS(weft_inference_run(inference, &request, two, 2, &outputs, &error),
              WEFT_INVALID_ARGUMENT, "exactly one");
  CHECK_FAILS(weft_inference_run(inference, &request, other, 1, &outputs, &error),
              WEFT_INVALID_ARGUMENT, "cuda");
  waiter w;
  waiter_init(&w);
  request.max_tokens = 100000000;
  CHECK_OK(
      weft_inference_spawn(inference, &request, kCpu, 1, on_output, on_done, &w, NULL, &error));
  CHECK(wait_once(&w) == WEFT_CONTEXT_OVERFLOW && w.count == 0);
  request.struct_size = 1;
  CHECK_FAILS(weft_inference_spawn(inference, &request, kCpu, 1, NULL, on_done, &w, NULL, &error),
              WEFT_INVALID_ARGUMENT, "request.struct_size: 1");
  CHECK_FAILS(weft_inference_spawn(NULL, &request, kCpu, 1, NULL, on_done, &w, NULL, &error),
              WEFT_INVALID_ARGUMENT, "inference: NULL");
  CHECK_FAILS(weft_inference_spawn(inference, NULL, kCpu, 1, NULL, on_done, &w, NULL, &error),
              WEFT_INVALID_ARGUMENT, "request: NULL");
  CHECK_FAILS(weft_job_join(NULL, &error), WEFT_INVALID_ARGUMENT, "job: NULL");
  CHECK_FAILS(weft_llama_load("/no/such.gguf", NULL, NULL, &llama, &error), WEFT_NOT_FOUND,
              "/no/such.gguf");
  CHECK(w.calls == 0);
  weft_inference_free(inference);
  weft_llama_free(llama);
  waiter_destroy(&w);
}

static const test tests[] = {
    {"turns_give_tokens_until_there_are_none", turns_give_tokens_until_there_are_none},
    {"jobs_beside_each_other_have_the_ids_they_have_alone",
     jobs_beside_each_other_have_the_ids_they_have_alone},
    {"outputs_can_be_read_and_a_job_cancelled", outputs_can_be_read_and_a_job_cancelled},
    {"a_handler_of_ones_own_runs_the_requests", a_handler_of_ones_own_runs_the_requests},
    {"the_model_is_lent_alone_and_given_back", the_model_is_lent_alone_and_given_back},
    {"what_is_wrong_with_a_job_is_its_end", what_is_wrong_with_a_job_is_its_end},
};
const suite inference_suite = SUITE("Inference", tests);
