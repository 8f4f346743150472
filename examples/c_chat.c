// A question answered through the model's chat template, as a stream whose completions wake this
// thread: where an event loop would be woken. Usage: c_chat [MODEL.gguf] [QUESTION]
#include <pthread.h>
#include <stdio.h>

#include <weft/weft.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static enum { kAsk, kWait, kEnd, kFailed } state = kAsk;  // guarded by mutex

// On a thread of weft's: hand over and return.
static void on_token(void* user_data, const weft_error* error, const weft_llm_token* token) {
  (void)user_data;
  pthread_mutex_lock(&mutex);
  if (error != NULL) {
    fprintf(stderr, "%s\n", weft_error_message(error));
    state = kFailed;
  } else if (token == NULL) {
    state = kEnd;
  } else {
    fputs(token->token, stdout);
    state = kAsk;
  }
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&mutex);
}

static int failed(weft_error* error) {
  fprintf(stderr, "%s\n", weft_error_message(error));
  weft_error_free(error);
  return 1;
}

int main(int argc, char** argv) {
  weft_error* error = NULL;
  weft_llm* llm = NULL;
  weft_llm_stream* stream = NULL;
  weft_llm_config config;
  weft_llm_config_init(&config, sizeof config);
  if (argc > 1) config.model = argv[1];
  if (weft_llm_new(NULL, &config, &llm, &error) != WEFT_OK) return failed(error);

  const char* question = argc > 2 ? argv[2] : "Who are you?";
  const weft_chat_message talk[] = {{{"user", WEFT_NTS}, {question, WEFT_NTS}}};
  weft_llm_params params;
  weft_llm_params_balanced(&params, sizeof params);
  if (weft_llm_chat_stream(llm, talk, 1, NULL, &params, NULL, &stream, &error) != WEFT_OK) {
    return failed(error);
  }
  pthread_mutex_lock(&mutex);
  while (state == kAsk) {
    state = kWait;
    if (weft_llm_stream_next(stream, on_token, NULL, &error) != WEFT_OK) return failed(error);
    while (state == kWait) pthread_cond_wait(&changed, &mutex);
  }
  const int ok = state == kEnd;
  pthread_mutex_unlock(&mutex);
  putchar('\n');
  weft_llm_stream_free(stream);
  weft_llm_free(llm);
  return ok ? 0 : 1;
}
