// test_c_api SUITE MINI_MODEL TALKING_MODEL: runs the tests of a suite; its exit status is 1 where
// a check failed.
#include <stdlib.h>

#include "tests/api/c/check.h"

const char* mini_model_path;
const char* talking_model_path;

static int failures = 0;

void check_that(int holds, const char* what, const char* file, int line) {
  if (holds) return;
  ++failures;
  printf("%s:%d: does not hold: %s\n", file, line, what);
}

void check_done(weft_status status, const weft_error* error, const char* file, int line) {
  if (status == WEFT_OK && error == NULL) return;
  ++failures;
  printf("%s:%d: %s: %s\n", file, line, weft_status_name(status), weft_error_message(error));
}

void check_failed(weft_status status, weft_status wanted, weft_error** error, const char* part,
                  const char* file, int line) {
  const char* message = weft_error_message(*error);
  if (status != wanted || weft_error_status(*error) != wanted || strstr(message, part) == NULL) {
    ++failures;
    printf("%s:%d: %s: %s\n  expected %s, with \"%s\"\n", file, line, weft_status_name(status),
           message, weft_status_name(wanted), part);
  }
  weft_error_free(*error);
  *error = NULL;
}

weft_model* load_mini(void) {
  weft_model_options options;
  weft_model_options_init(&options, sizeof options);
  options.threads = 1;
  weft_model* model = NULL;
  weft_error* error = NULL;
  if (weft_model_load(mini_model_path, &options, &model, &error) == WEFT_OK) return model;
  printf("%s\n", weft_error_message(error));
  exit(1);
}

int main(int argc, char** argv) {
  const suite* suites[] = {&async_suite,  &context_suite,   &embedding_suite,
                           &errors_suite, &inference_suite, &llm_suite,
                           &model_suite,  &processor_suite, &runtime_suite};
  if (argc != 4) {
    printf("usage: %s SUITE MINI_MODEL TALKING_MODEL\n", argv[0]);
    return 2;
  }
  mini_model_path = argv[2];
  talking_model_path = argv[3];
  for (size_t i = 0; i < COUNT_OF(suites); ++i) {
    if (strcmp(suites[i]->name, argv[1]) != 0) continue;
    for (size_t t = 0; t < suites[i]->count; ++t) {
      const int before = failures;
      suites[i]->tests[t].run();
      printf("%s %s.%s\n", failures == before ? "ok    " : "FAILED", argv[1],
             suites[i]->tests[t].name);
    }
    return failures > 0 ? 1 : 0;
  }
  printf("no suite %s\n", argv[1]);
  return 2;
}
