// For clock_gettime() in <time.h>, beside C11.
#define _POSIX_C_SOURCE 200809L

#include "tests/api/c/waiter.h"

#include <string.h>
#include <time.h>

void waiter_init(waiter* w) {
  memset(w, 0, sizeof *w);
  pthread_mutex_init(&w->mutex, NULL);
  pthread_cond_init(&w->changed, NULL);
}

void waiter_destroy(waiter* w) {
  pthread_cond_destroy(&w->changed);
  pthread_mutex_destroy(&w->mutex);
}

int wait_for(waiter* w, int calls) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += 120;
  pthread_mutex_lock(&w->mutex);
  int timed_out = 0;
  while (w->calls < calls && !timed_out) {
    timed_out = pthread_cond_timedwait(&w->changed, &w->mutex, &deadline) != 0;
  }
  const int reached = w->calls;
  pthread_mutex_unlock(&w->mutex);
  return reached;
}

weft_status wait_once(waiter* w) {
  const int called = wait_for(w, 1);
  pthread_mutex_lock(&w->mutex);
  w->calls = 0;
  const weft_status status = w->status;
  pthread_mutex_unlock(&w->mutex);
  return called == 1 ? status : -1;
}

void* wait_handle(waiter* w) { return wait_once(w) == WEFT_OK ? w->handle : NULL; }

void waiter_begin(waiter* w, const weft_error* error) {
  pthread_mutex_lock(&w->mutex);
  ++w->calls;
  w->status = weft_error_status(error);
  strncpy(w->message, weft_error_message(error), sizeof w->message - 1);
  w->handle = NULL;
}

void waiter_end(waiter* w) {
  pthread_cond_broadcast(&w->changed);
  pthread_mutex_unlock(&w->mutex);
}

void keep_text(waiter* w, const char* text, size_t size) {
  const size_t had = strlen(w->text);
  const size_t room = sizeof w->text - had - 1;
  if (size > room) size = room;
  if (text != NULL) memcpy(w->text + had, text, size);
  w->text[had + size] = 0;
}

void on_done(void* user_data, const weft_error* error) {
  waiter_begin(user_data, error);
  waiter_end(user_data);
}

void on_text(void* user_data, const weft_error* error, const char* text, size_t size) {
  waiter* w = user_data;
  waiter_begin(w, error);
  w->text[0] = 0;
  keep_text(w, text, size);
  waiter_end(w);
}

static void keep_ids(waiter* w, const int32_t* ids, size_t count) {
  for (size_t i = 0; i < count && w->count < sizeof w->ids / sizeof w->ids[0]; ++i) {
    w->ids[w->count++] = ids[i];
  }
}

void on_ids(void* user_data, const weft_error* error, const int32_t* ids, size_t count) {
  waiter* w = user_data;
  waiter_begin(w, error);
  w->count = 0;
  keep_ids(w, ids, count);
  waiter_end(w);
}

void on_id_lists(void* user_data, const weft_error* error, const weft_id_list* lists,
                 size_t count) {
  waiter* w = user_data;
  waiter_begin(w, error);
  w->count = 0;
  for (size_t i = 0; i < count; ++i) keep_ids(w, lists[i].ids, lists[i].count);
  waiter_end(w);
}

void on_token(void* user_data, const weft_error* error, const weft_token* token) {
  waiter* w = user_data;
  waiter_begin(w, error);
  w->ended = error == NULL && (token == NULL || token->is_final);
  if (token != NULL) {
    keep_text(w, token->text, token->size);
    keep_ids(w, &token->token_id, 1);
  }
  waiter_end(w);
}

static void keep_handle(waiter* w, const weft_error* error, void* handle) {
  waiter_begin(w, error);
  w->handle = handle;
  waiter_end(w);
}

void on_async_model(void* user_data, const weft_error* error, weft_async_model* model) {
  keep_handle(user_data, error, model);
}
void on_async_context(void* user_data, const weft_error* error, weft_async_context* context) {
  keep_handle(user_data, error, context);
}
void on_stream(void* user_data, const weft_error* error, weft_stream* stream) {
  keep_handle(user_data, error, stream);
}
void on_pool(void* user_data, const weft_error* error, weft_pool* pool) {
  keep_handle(user_data, error, pool);
}
void on_lease(void* user_data, const weft_error* error, weft_lease* lease) {
  keep_handle(user_data, error, lease);
}
