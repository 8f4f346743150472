// The synchronous context: generation, callbacks, cancellation, sessions, lifetimes.
#include "tests/api/c/check.h"

static weft_error* error = NULL;

static weft_context* small_context(void) {
  weft_model* model = load_mini();
  weft_context_params params;
  weft_context_params_init(&params, sizeof params);
  params.n_ctx = 128;
  weft_context* context = NULL;
  CHECK_OK(weft_context_new(model, &params, &context, &error));
  weft_model_free(model);  // the context keeps what it needs
  return context;
}

static weft_generate_options options_for(int32_t max_tokens) {
  weft_generate_options options;
  weft_generate_options_init(&options, sizeof options);
  options.max_tokens = max_tokens;
  options.ignore_eos = 1;
  return options;
}

typedef struct heard {
  size_t tokens;
  size_t stop_after;  // 0: never
  weft_cancel* cancel;
  char text[4096];
} heard;

static int32_t hear(void* user_data, int32_t token_id, const char* text, size_t size) {
  heard* all = user_data;
  CHECK(token_id >= 0 && strlen(text) == size);
  strncat(all->text, text, sizeof all->text - strlen(all->text) - 1);
  ++all->tokens;
  if (all->cancel != NULL) weft_cancel_request(all->cancel);
  return all->stop_after == 0 || all->tokens < all->stop_after;
}

static void callbacks_hear_what_the_result_says(void) {
  weft_context* context = small_context();
  heard all = {0};
  weft_generate_options options = options_for(12);
  options.on_token = hear;
  options.user_data = &all;
  weft_generation* generation = NULL;
  CHECK_OK(weft_context_generate(context, "Once upon", WEFT_NTS, &options, &generation, &error));
  size_t size = 0, count = 0, prompt = 0;
  const char* text = weft_generation_text(generation, &size);
  weft_generation_ids(generation, &count);
  CHECK(weft_generation_prompt_ids(generation, &prompt) != NULL && prompt > 0);
  CHECK(count == 12 && all.tokens == 12 && strlen(text) == size && strcmp(all.text, text) == 0);
  CHECK(weft_generation_finish_reason(generation) == WEFT_FINISH_LENGTH);
  CHECK(weft_generation_prompt_seconds(generation) > 0 && weft_generation_seconds(generation) > 0);

  weft_ids* ids = NULL;
  CHECK_OK(weft_context_get_ids(context, &ids, &error));
  CHECK(weft_ids_count(ids) == prompt + count);
  weft_ids_free(ids);
  CHECK_OK(weft_context_clear(context, &error));
  CHECK_OK(weft_context_get_ids(context, &ids, &error));
  CHECK(weft_ids_count(ids) == 0);
  weft_ids_free(ids);
  weft_generation_free(generation);
  weft_context_free(context);
}

static void the_same_prompt_and_seed_give_the_same_ids(void) {
  weft_context* context = small_context();
  weft_sampling sampling;
  weft_sampling_init(&sampling, sizeof sampling);
  sampling.temperature = 1.0f;
  weft_generate_options options = options_for(8);
  options.sampling = &sampling;
  weft_generation* made[3] = {NULL, NULL, NULL};
  for (int i = 0; i < 3; ++i) {
    sampling.seed = i == 2 ? 7 : 6;
    CHECK_OK(weft_context_generate(context, "Hi", WEFT_NTS, &options, &made[i], &error));
  }
  const int32_t* ids[3];
  for (int i = 0; i < 3; ++i) ids[i] = weft_generation_ids(made[i], NULL);
  CHECK(memcmp(ids[0], ids[1], 8 * sizeof(int32_t)) == 0);
  CHECK(memcmp(ids[0], ids[2], 8 * sizeof(int32_t)) != 0);
  for (int i = 0; i < 3; ++i) weft_generation_free(made[i]);
  weft_context_free(context);
}

static void a_callback_or_a_wish_ends_a_generation(void) {
  weft_context* context = small_context();
  heard all = {.stop_after = 3};
  weft_generate_options options = options_for(50);
  options.on_token = hear;
  options.user_data = &all;
  weft_generation* generation = NULL;
  CHECK_OK(weft_context_generate(context, "Hi", WEFT_NTS, &options, &generation, &error));
  CHECK(weft_generation_finish_reason(generation) == WEFT_FINISH_CANCELLED && all.tokens == 3);
  weft_generation_free(generation);

  heard again = {0};
  CHECK_OK(weft_cancel_new(&again.cancel, &error));
  options.cancel = again.cancel;
  options.user_data = &again;
  CHECK_OK(weft_context_generate(context, "Hi", WEFT_NTS, &options, &generation, &error));
  CHECK(weft_generation_finish_reason(generation) == WEFT_FINISH_CANCELLED && again.tokens == 1);
  CHECK(weft_cancel_is_requested(again.cancel));
  weft_generation_free(generation);
  weft_cancel_free(again.cancel);
  weft_context_free(context);
}

static void a_saved_sequence_goes_on_as_if_it_had_never_stopped(void) {
  const char* path = "test_c_api.session";
  weft_generate_options options = options_for(6);
  weft_context* one = small_context();
  weft_generation *whole = NULL, *rest = NULL;
  CHECK_OK(weft_context_generate(one, "Hello", WEFT_NTS, &options, NULL, &error));
  CHECK_OK(weft_context_save(one, path, &error));
  CHECK_OK(weft_context_resume(one, NULL, 0, &options, &whole, &error));
  weft_context* two = small_context();
  CHECK_OK(weft_context_load(two, path, &error));
  CHECK_OK(weft_context_resume(two, NULL, 0, &options, &rest, &error));
  CHECK(memcmp(weft_generation_ids(whole, NULL), weft_generation_ids(rest, NULL),
               6 * sizeof(int32_t)) == 0);
  CHECK_FAILS(weft_context_load(two, mini_model_path, &error), WEFT_INVALID_ARGUMENT, "");
  remove(path);
  weft_generation_free(whole);
  weft_generation_free(rest);
  weft_context_free(one);
  weft_context_free(two);
}

static void what_cannot_be_generated_says_why(void) {
  weft_context* context = small_context();
  weft_generate_options options = options_for(500);
  CHECK_FAILS(weft_context_generate(context, "Hi", WEFT_NTS, &options, NULL, &error),
              WEFT_CONTEXT_OVERFLOW, "128");
  CHECK_FAILS(weft_context_generate(context, NULL, 2, NULL, NULL, &error), WEFT_INVALID_ARGUMENT,
              "prompt: NULL");
  const int32_t ids[] = {1, 1000000};
  options = options_for(4);
  CHECK_FAILS(weft_context_generate_ids(context, ids, 2, &options, NULL, &error),
              WEFT_TOKEN_OUT_OF_RANGE, "1000000");
  CHECK_FAILS(weft_context_generate_ids(context, NULL, 2, &options, NULL, &error),
              WEFT_INVALID_ARGUMENT, "ids: NULL");
  CHECK_FAILS(weft_context_resume(context, NULL, 0, &options, NULL, &error), WEFT_INVALID_ARGUMENT,
              "");
  weft_sampling sampling;
  weft_sampling_init(&sampling, sizeof sampling);
  sampling.top_p = 2;
  options.sampling = &sampling;
  CHECK_FAILS(weft_context_generate(context, "Hi", WEFT_NTS, &options, NULL, &error),
              WEFT_INVALID_ARGUMENT, "top_p");
  sampling.struct_size = 3;
  CHECK_FAILS(weft_context_generate(context, "Hi", WEFT_NTS, &options, NULL, &error),
              WEFT_INVALID_ARGUMENT, "sampling.struct_size: 3");
  options.sampling = NULL;
  options.num_stop_strings = 2;
  CHECK_FAILS(weft_context_generate(context, "Hi", WEFT_NTS, &options, NULL, &error),
              WEFT_INVALID_ARGUMENT, "stop_strings: NULL");
  weft_context_free(context);
}

static const test tests[] = {
    {"callbacks_hear_what_the_result_says", callbacks_hear_what_the_result_says},
    {"the_same_prompt_and_seed_give_the_same_ids", the_same_prompt_and_seed_give_the_same_ids},
    {"a_callback_or_a_wish_ends_a_generation", a_callback_or_a_wish_ends_a_generation},
    {"a_saved_sequence_goes_on_as_if_it_had_never_stopped",
     a_saved_sequence_goes_on_as_if_it_had_never_stopped},
    {"what_cannot_be_generated_says_why", what_cannot_be_generated_says_why},
};
const suite context_suite = SUITE("Context", tests);
