// Model and chat: what a file says, text to ids and back, talks through its template.
#include "tests/api/c/check.h"

static weft_error* error = NULL;

static void options_have_the_defaults_of_the_cpp_interface(void) {
  weft_model_options model;
  weft_model_options_init(&model, sizeof model);
  CHECK_TEXT(model.device, "auto");
  CHECK(model.gpu_layers == -1);
  CHECK_TEXT(model.activations, "auto");
  CHECK_TEXT(model.math, "exact");
  CHECK(model.threads == 0 && model.use_mmap == 1 && model.on_read == NULL);
  weft_context_params context;
  weft_context_params_init(&context, sizeof context);
  CHECK(context.n_ctx == 2048 && context.block_size == 16 && context.max_batch_tokens == 512);
  CHECK_TEXT(context.kv_type, "auto");
  weft_generate_options generate;
  weft_generate_options_init(&generate, sizeof generate);
  CHECK(generate.max_tokens == 256 && generate.add_bos == 1 && generate.parse_special == 0);
  weft_sampling sampling;
  weft_sampling_init(&sampling, sizeof sampling);
  CHECK(sampling.temperature == 0.8f && sampling.top_k == 40 && sampling.top_p == 0.95f);
  CHECK(sampling.repetition_penalty == 1.0f && sampling.seed == 42);
  weft_chat_options chat;
  weft_chat_options_init(&chat, sizeof chat);
  CHECK(chat.add_generation_prompt == 1);
}

static void count_read(void* user_data, uint64_t done, uint64_t total) {
  *(int*)user_data += done <= total;
}

static void info_says_what_the_file_holds(void) {
  int reads = 0;
  weft_model_options options;
  weft_model_options_init(&options, sizeof options);
  options.use_mmap = 0;
  options.on_read = count_read;
  options.user_data = &reads;
  options.device = NULL;  // the default
  weft_model* model = NULL;
  CHECK_OK(weft_model_load(mini_model_path, &options, &model, &error));
  CHECK(reads > 0);
  weft_model_info info = {.struct_size = sizeof info};
  CHECK_OK(weft_model_get_info(model, &info, &error));
  CHECK_TEXT(info.architecture, "llama");
  CHECK(info.n_params > 0 && info.n_vocab > 0 && info.n_embd > 0 && info.n_layer > 0);
  CHECK(info.size_bytes > 0 && info.fingerprint != 0 && info.pooling == WEFT_POOLING_LAST);
  weft_model_free(model);
  options.device = "cpu";
  options.gpu_layers = 4;
  CHECK_FAILS(weft_model_load(mini_model_path, &options, &model, &error), WEFT_INVALID_ARGUMENT,
              "gpu_layers: 4");
}

static void text_to_ids_and_back(void) {
  weft_model* model = load_mini();
  weft_ids* ids = NULL;
  weft_text* text = NULL;
  CHECK_OK(weft_model_tokenize(model, "Hello world", WEFT_NTS, 1, 0, &ids, &error));
  CHECK(weft_ids_count(ids) > 1);
  CHECK_OK(weft_model_detokenize(model, weft_ids_data(ids), weft_ids_count(ids), 0, &text, &error));
  CHECK_TEXT(weft_text_data(text), "Hello world");
  CHECK(weft_text_size(text) == strlen("Hello world"));
  weft_text_free(text);
  weft_ids_free(ids);
  // A size ends the text before its NUL, and NUL does not end one that has a size.
  CHECK_OK(weft_model_tokenize(model, "Hello world", 5, 1, 0, &ids, &error));
  CHECK_OK(weft_model_detokenize(model, weft_ids_data(ids), weft_ids_count(ids), 0, &text, &error));
  CHECK_TEXT(weft_text_data(text), "Hello");
  weft_text_free(text);
  weft_ids_free(ids);
  CHECK_OK(weft_model_tokenize(model, NULL, 0, 0, 0, &ids, &error));
  CHECK(weft_ids_count(ids) == 0);
  weft_ids_free(ids);
  CHECK_FAILS(weft_model_tokenize(model, NULL, 3, 0, 0, &ids, &error), WEFT_INVALID_ARGUMENT,
              "text: NULL");
  CHECK_FAILS(weft_model_detokenize(model, NULL, 3, 0, &text, &error), WEFT_INVALID_ARGUMENT,
              "ids: NULL");
  weft_model_free(model);
}

static void a_talk_becomes_the_templates_prompt(void) {
  weft_model* model = NULL;
  CHECK_OK(weft_model_load(talking_model_path, NULL, &model, &error));
  const weft_chat_message talk[] = {{{"user", WEFT_NTS}, {"Hi</s>", WEFT_NTS}}};
  weft_text* prompt = NULL;
  CHECK_OK(weft_model_render_chat(model, talk, 1, NULL, &prompt, &error));
  CHECK_TEXT(weft_text_data(prompt), "<s><user>Hi</s></s><assistant>");
  weft_text_free(prompt);
  weft_chat_options options;
  weft_chat_options_init(&options, sizeof options);
  options.add_generation_prompt = 0;
  CHECK_OK(weft_model_render_chat(model, talk, 1, &options, &prompt, &error));
  CHECK_TEXT(weft_text_data(prompt), "<s><user>Hi</s></s>");
  weft_text_free(prompt);

  weft_ids* ids = NULL;
  CHECK_OK(weft_model_tokenize_chat(model, talk, 1, NULL, &ids, &error));
  int ends = 0;
  for (size_t i = 0; i < weft_ids_count(ids); ++i) ends += weft_ids_data(ids)[i] == 2;
  CHECK(ends == 1);  // the template's; the message's stayed text
  weft_ids_free(ids);

  options.template_name = "other";
  CHECK_FAILS(weft_model_render_chat(model, talk, 1, &options, &prompt, &error), WEFT_NOT_FOUND,
              "other");
  CHECK_FAILS(weft_model_render_chat(model, NULL, 1, NULL, &prompt, &error), WEFT_INVALID_ARGUMENT,
              "messages: NULL");
  CHECK_FAILS(weft_model_render_chat(model, NULL, 0, NULL, &prompt, &error), WEFT_TEMPLATE_RAISED,
              "nothing was said");
  weft_model_free(model);
}

static const test tests[] = {
    {"options_have_the_defaults_of_the_cpp_interface",
     options_have_the_defaults_of_the_cpp_interface},
    {"info_says_what_the_file_holds", info_says_what_the_file_holds},
    {"text_to_ids_and_back", text_to_ids_and_back},
    {"a_talk_becomes_the_templates_prompt", a_talk_becomes_the_templates_prompt},
};
const suite model_suite = SUITE("Model", tests);
