// A thread that waits for completions: what an event loop is in a real program.
#ifndef WEFT_TESTS_API_C_WAITER_H
#define WEFT_TESTS_API_C_WAITER_H

#include <pthread.h>
#include <stdint.h>

#include <weft/weft.h>

// What a completion said, kept.
typedef struct waiter {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int calls;
  weft_status status;  // of the last call, as is all that follows
  char message[512];
  char text[4096];
  int32_t ids[256];
  size_t count;
  void* handle;  // given: the test frees it
  int ended;     // a stream's end, or a final token
} waiter;

void waiter_init(waiter* w);
void waiter_destroy(waiter* w);
// Waits for so many calls in all, and returns how many there were: fewer after half a minute.
int wait_for(waiter* w, int calls);
// Waits for one more call and forgets it: its status.
weft_status wait_once(waiter* w);
// The same of one that gives a handle; NULL where it failed.
void* wait_handle(waiter* w);

// With a mutex held that `user_data` knows: for callbacks of tests.
void waiter_begin(waiter* w, const weft_error* error);
void waiter_end(waiter* w);
void keep_text(waiter* w, const char* text, size_t size);

// Completions whose user_data is a waiter.
void on_done(void* user_data, const weft_error* error);
void on_text(void* user_data, const weft_error* error, const char* text, size_t size);
void on_ids(void* user_data, const weft_error* error, const int32_t* ids, size_t count);
void on_id_lists(void* user_data, const weft_error* error, const weft_id_list* lists, size_t count);
void on_token(void* user_data, const weft_error* error, const weft_token* token);
void on_async_model(void* user_data, const weft_error* error, weft_async_model* model);
void on_async_context(void* user_data, const weft_error* error, weft_async_context* context);
void on_stream(void* user_data, const weft_error* error, weft_stream* stream);
void on_pool(void* user_data, const weft_error* error, weft_pool* pool);
void on_lease(void* user_data, const weft_error* error, weft_lease* lease);

#endif
