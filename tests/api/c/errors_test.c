// Errors and what is wrong before anything begins: NULL, wrong sizes, files that are not there.
#include "tests/api/c/check.h"

static weft_error* error = NULL;

static void statuses_have_the_names_of_the_cpp_interface(void) {
  CHECK_TEXT(weft_status_name(WEFT_OK), "ok");
  CHECK_TEXT(weft_status_name(WEFT_INVALID_ARGUMENT), "invalid_argument");
  CHECK_TEXT(weft_status_name(WEFT_GENERATION_FAILED), "generation_failed");
  CHECK_TEXT(weft_status_name(WEFT_INTERNAL_ERROR), "internal_error");
  CHECK_TEXT(weft_status_name(WEFT_TEMPLATE_RAISED), "template_raised");
  CHECK_TEXT(weft_status_name(WEFT_NO_SPACE), "no_space");
  CHECK_TEXT(weft_status_name(WEFT_GGUF_BAD_MAGIC), "gguf_bad_magic");
  CHECK_TEXT(weft_status_name(WEFT_UNKNOWN_PRE_TOKENIZER), "unknown_pre_tokenizer");
  CHECK_TEXT(weft_status_name(-1), "unknown_error");
  CHECK_TEXT(weft_status_name(12345), "unknown_error");
  CHECK(strchr(weft_version(), '.') != NULL);
}

static void errors_carry_a_status_and_a_message(void) {
  weft_error* own = weft_error_new(WEFT_TIMED_OUT, "too late");
  CHECK(weft_error_status(own) == WEFT_TIMED_OUT);
  CHECK_TEXT(weft_error_message(own), "too late");
  weft_error_free(own);
  own = weft_error_new(WEFT_CANCELLED, NULL);
  CHECK_TEXT(weft_error_message(own), "cancelled");
  weft_error_free(own);
  CHECK(weft_error_status(NULL) == WEFT_OK);
  CHECK_TEXT(weft_error_message(NULL), "");
}

static void a_missing_file_is_named(void) {
  weft_model* model = NULL;
  CHECK_FAILS(weft_model_load("/no/such/model.gguf", NULL, &model, &error), WEFT_NOT_FOUND,
              "/no/such/model.gguf");
  CHECK(model == NULL);
  CHECK(weft_model_load("/no/such/model.gguf", NULL, &model, NULL) == WEFT_NOT_FOUND);
  CHECK_FAILS(weft_model_load(__FILE__, NULL, &model, &error), WEFT_GGUF_BAD_MAGIC, __FILE__);
}

static void null_is_an_error_and_no_crash(void) {
  weft_model* model = NULL;
  weft_context* context = NULL;
  weft_ids* ids = NULL;
  weft_text* text = NULL;
  CHECK_FAILS(weft_model_load(NULL, NULL, &model, &error), WEFT_INVALID_ARGUMENT, "path: NULL");
  CHECK_FAILS(weft_model_load(mini_model_path, NULL, NULL, &error), WEFT_INVALID_ARGUMENT,
              "model: NULL");
  CHECK_FAILS(weft_model_get_info(NULL, NULL, &error), WEFT_INVALID_ARGUMENT, "model: NULL");
  CHECK_FAILS(weft_model_tokenize(NULL, "a", 1, 0, 0, &ids, &error), WEFT_INVALID_ARGUMENT,
              "model: NULL");
  CHECK_FAILS(weft_model_detokenize(NULL, NULL, 0, 0, &text, &error), WEFT_INVALID_ARGUMENT,
              "model: NULL");
  CHECK_FAILS(weft_model_render_chat(NULL, NULL, 0, NULL, &text, &error), WEFT_INVALID_ARGUMENT,
              "model: NULL");
  CHECK_FAILS(weft_model_tokenize_chat(NULL, NULL, 0, NULL, &ids, &error), WEFT_INVALID_ARGUMENT,
              "model: NULL");
  CHECK_FAILS(weft_context_new(NULL, NULL, &context, &error), WEFT_INVALID_ARGUMENT, "model: NULL");
  CHECK_FAILS(weft_context_generate(NULL, "a", 1, NULL, NULL, &error), WEFT_INVALID_ARGUMENT,
              "context: NULL");
  CHECK_FAILS(weft_context_generate_ids(NULL, NULL, 0, NULL, NULL, &error), WEFT_INVALID_ARGUMENT,
              "context: NULL");
  CHECK_FAILS(weft_context_resume(NULL, NULL, 0, NULL, NULL, &error), WEFT_INVALID_ARGUMENT,
              "context: NULL");
  CHECK_FAILS(weft_context_save(NULL, "a", &error), WEFT_INVALID_ARGUMENT, "context: NULL");
  CHECK_FAILS(weft_context_load(NULL, "a", &error), WEFT_INVALID_ARGUMENT, "context: NULL");
  CHECK_FAILS(weft_context_get_ids(NULL, &ids, &error), WEFT_INVALID_ARGUMENT, "context: NULL");
  CHECK_FAILS(weft_context_clear(NULL, &error), WEFT_INVALID_ARGUMENT, "context: NULL");
  CHECK_FAILS(weft_cancel_new(NULL, &error), WEFT_INVALID_ARGUMENT, "cancel: NULL");
  CHECK(weft_cancel_is_requested(NULL) == 0);
  weft_cancel_request(NULL);
  CHECK_TEXT(weft_text_data(NULL), "");
  CHECK(weft_text_size(NULL) == 0);
  CHECK(weft_ids_count(NULL) == 0 && weft_ids_data(NULL) == NULL);
}

static void freeing_null_does_nothing(void) {
  weft_cancel_free(NULL);
  weft_context_free(NULL);
  weft_error_free(NULL);
  weft_generation_free(NULL);
  weft_ids_free(NULL);
  weft_model_free(NULL);
  weft_text_free(NULL);
}

static void structs_of_another_size_are_refused(void) {
  weft_model* model = load_mini();
  weft_context* context = NULL;
  weft_context_params params;
  weft_context_params_init(&params, sizeof params);
  params.struct_size = 0;
  CHECK_FAILS(weft_context_new(model, &params, &context, &error), WEFT_INVALID_ARGUMENT,
              "params.struct_size: 0, expected ");
  params.struct_size = sizeof params + 8;
  CHECK_FAILS(weft_context_new(model, &params, &context, &error), WEFT_INVALID_ARGUMENT,
              "params.struct_size");
  weft_model_info info = {.struct_size = 1};
  CHECK_FAILS(weft_model_get_info(model, &info, &error), WEFT_INVALID_ARGUMENT,
              "info.struct_size: 1");
  CHECK_FAILS(weft_model_get_info(model, NULL, &error), WEFT_INVALID_ARGUMENT, "info: NULL");
  weft_model_free(model);
}

// A caller of a later version has larger structs than this library knows: it is told so when it
// uses them, and nobody writes beyond what it has.
static void an_init_writes_no_more_than_the_size_it_is_given(void) {
  struct {
    weft_sampling sampling;
    char behind[16];
  } large;
  memset(&large, 7, sizeof large);
  weft_sampling_init(&large.sampling, sizeof large.sampling);
  CHECK(large.behind[0] == 7 && large.sampling.struct_size == sizeof large.sampling);
  weft_sampling_init(&large.sampling, sizeof large);
  CHECK(large.behind[0] == 0 && large.sampling.struct_size == sizeof large);
  memset(&large, 7, sizeof large);
  weft_sampling_init(&large.sampling, offsetof(weft_sampling, top_p));
  CHECK(large.sampling.top_k == 40 && ((const char*)&large.sampling.top_p)[0] == 7);
  weft_sampling_init(NULL, sizeof large.sampling);
}

static const test tests[] = {
    {"statuses_have_the_names_of_the_cpp_interface", statuses_have_the_names_of_the_cpp_interface},
    {"errors_carry_a_status_and_a_message", errors_carry_a_status_and_a_message},
    {"a_missing_file_is_named", a_missing_file_is_named},
    {"null_is_an_error_and_no_crash", null_is_an_error_and_no_crash},
    {"freeing_null_does_nothing", freeing_null_does_nothing},
    {"structs_of_another_size_are_refused", structs_of_another_size_are_refused},
    {"an_init_writes_no_more_than_the_size_it_is_given",
     an_init_writes_no_more_than_the_size_it_is_given},
};
const suite errors_suite = SUITE("Errors", tests);
