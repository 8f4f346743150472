// What the C tests are written with: no framework is at hand in C, and little is needed. A test is
// a function; a check that fails says where, and the test goes on.
#ifndef WEFT_TESTS_API_C_CHECK_H
#define WEFT_TESTS_API_C_CHECK_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <weft/weft.h>

typedef struct test {
  const char* name;
  void (*run)(void);
} test;

typedef struct suite {
  const char* name;
  const test* tests;
  size_t count;
} suite;

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SUITE(name, tests) \
  { name, tests, COUNT_OF(tests) }

// main.c
void check_that(int holds, const char* what, const char* file, int line);
void check_done(weft_status status, const weft_error* error, const char* file, int line);
void check_failed(weft_status status, weft_status wanted, weft_error** error, const char* part,
                  const char* file, int line);

#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)
#define CHECK_TEXT(found, wanted) \
  check_that(strcmp((found), (wanted)) == 0, #found " is \"" wanted "\"", __FILE__, __LINE__)
// The call, which says its error to `error`, succeeded; or failed with this status and a message
// that has `part` in it. The error is freed and NULL again.
#define CHECK_OK(call) check_done((call), error, __FILE__, __LINE__)
#define CHECK_FAILS(call, wanted, part) \
  check_failed((call), (wanted), &error, (part), __FILE__, __LINE__)

// Of the command line: a small model of random weights, and one with a chat template.
extern const char* mini_model_path;
extern const char* talking_model_path;

// The first, on one thread. Freed by the caller; a failure ends the program.
weft_model* load_mini(void);

extern const suite async_suite, context_suite, embedding_suite, errors_suite, inference_suite,
    llm_suite, model_suite, processor_suite, runtime_suite;

#endif
