// The C interface from outside. Usage: c MODEL.gguf. Prints what a context generates.
#include <stdio.h>
#include <string.h>

#include <weft/weft.h>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  weft_error* error = NULL;
  weft_model* model = NULL;
  weft_context* context = NULL;
  weft_generation* generation = NULL;
  weft_sampling greedy;
  weft_sampling_init(&greedy, sizeof greedy);
  greedy.temperature = 0;
  weft_generate_options options;
  weft_generate_options_init(&options, sizeof options);
  options.max_tokens = 8;
  options.sampling = &greedy;
  if (weft_model_load(argv[1], NULL, &model, &error) != WEFT_OK ||
      weft_context_new(model, NULL, &context, &error) != WEFT_OK ||
      weft_context_generate(context, "Once upon a time", WEFT_NTS, &options, &generation, &error) !=
          WEFT_OK) {
    fprintf(stderr, "%s\n", weft_error_message(error));
    weft_error_free(error);
    return 1;
  }
  puts(weft_generation_text(generation, NULL));
  weft_generation_free(generation);
  weft_context_free(context);
  weft_model_free(model);
  return 0;
}
