// weft from C: load a model, generate, print tokens as they come. Usage: c_generate [MODEL.gguf]
#include <stdio.h>

#include <weft/weft.h>

static int failed(weft_error* error) {
  fprintf(stderr, "%s\n", weft_error_message(error));
  weft_error_free(error);
  return 1;
}

static int32_t print_token(void* user_data, int32_t token_id, const char* text, size_t size) {
  (void)token_id, (void)size;
  fputs(text, user_data);
  return 1;  // go on
}

int main(int argc, char** argv) {
  weft_error* error = NULL;
  weft_model* model = NULL;
  weft_context* context = NULL;
  if (weft_model_load(argc > 1 ? argv[1] : "model.gguf", NULL, &model, &error) != WEFT_OK) {
    return failed(error);
  }
  const weft_status made = weft_context_new(model, NULL, &context, &error);
  weft_model_free(model);  // the context keeps what it needs
  if (made != WEFT_OK) return failed(error);

  weft_generate_options options;
  weft_generate_options_init(&options, sizeof options);
  options.max_tokens = 64;
  options.on_token = print_token;
  options.user_data = stdout;
  const weft_status status =
      weft_context_generate(context, "Once upon a time", WEFT_NTS, &options, NULL, &error);
  weft_context_free(context);
  if (status != WEFT_OK) return failed(error);
  putchar('\n');
  return 0;
}
