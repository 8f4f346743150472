// weft.h: the C interface of weft, an inference engine for Llama-family models in GGUF files.
//
//   #include <weft/weft.h>
//
//   weft_error* error = NULL;
//   weft_model* model = NULL;
//   if (weft_model_load("model.gguf", NULL, &model, &error) != WEFT_OK) {
//     fprintf(stderr, "%s\n", weft_error_message(error));
//     weft_error_free(error);
//   }
//
// It translates to the C++ interface and back and adds nothing: what is said there holds here. The
// sections below are those of docs/c_api.md, which also says what each row of weft's promises is
// called here. Compiles as C11 and as C++.
//
// ---- What holds everywhere ----
//
// Errors. A function that can fail returns a weft_status, WEFT_OK or why not, and takes a
//   `weft_error** error` last, which may be NULL: where it fails, *error becomes an error with a
//   message, which the caller frees with weft_error_free(). Where it succeeds, *error is left as it
//   is. Nothing throws, exits or prints; NULL where a handle or a result is wanted is
//   WEFT_INVALID_ARGUMENT, as is a struct of a size that this library does not know.
//   Results are written where the function succeeds, and are left alone where it fails.
// Handles. A pointer to an incomplete struct, from a function that makes one, freed by the
//   function weft_*_free() of its name, which takes NULL too. A handle keeps alive what it needs:
//   free them in any order. Freeing is for when no other thread is in a call on that handle; apart
//   from that, and where a comment does not say otherwise, calls on one handle may come from
//   several threads at once.
// Text is UTF-8. `const char* text, size_t size` is so many bytes, NUL among them if you like, or
//   WEFT_NTS for text that ends at its first NUL; so in a weft_string. A lone `const char*`
//   (paths, names) ends with NUL. What weft gives has a NUL behind it, which its size does not
//   count. What you give need not outlive the call.
// Structs of options begin with their size: weft_*_init(&options, sizeof options) fills in the
//   defaults, which are those of the C++ interface. NULL instead of a struct of options means the
//   defaults. Structs that are filled for you want struct_size set before: x.struct_size = sizeof
//   x. Structs that a callback is given tell in struct_size what they hold. Later versions put
//   fields at the end. Flags are int32_t: 0 is no, anything else is yes.
// Callbacks never throw (a C++ exception that leaves one ends the process) and are given back their
//   `user_data` as it was. What else they are given is valid until they return, but for handles,
//   which are theirs to free.
// Completions are callbacks that tell how asynchronous work ended: `error` NULL where it succeeded,
//   else the other values are NULL or 0. A function that takes one starts the work and returns at
//   once. Where it returns WEFT_OK, the completion is called exactly once, whatever happens, also
//   where handles are freed before: then with WEFT_CANCELLED or WEFT_SHUT_DOWN. Where it returns
//   anything else (NULL for a handle, a wrong struct_size, no memory), it is never called. Whatever
//   is wrong with the request itself comes through the completion.
//   Completions run on the threads of the weft_runtime that the handle was made on, never within
//   the call that takes them; only where that runtime has been shut down they run on whichever
//   thread finds that out. They must not wait or compute for long: hand over to your own loop
//   (asyncio's call_soon_threadsafe, uv_async_send, a pipe) and return. They may call any function
//   of this header that does not wait, and free any handle.
// Bits. The same request gives the same tokens, whatever runs beside it.
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WEFT_API __attribute__((visibility("default")))
#else
#define WEFT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

// "0.1.0": of the library that is loaded. Never fails.
WEFT_API const char* weft_version(void);

// As a text's size: it ends at its first NUL.
#define WEFT_NTS SIZE_MAX

// An element of a list of texts. Its layout never changes.
typedef struct weft_string {
  const char* data;  // may be NULL where size is 0
  size_t size;       // bytes, or WEFT_NTS
} weft_string;

// ================================================================== errors

// Numbers never change; later versions add some.
typedef int32_t weft_status;
enum {
  WEFT_OK = 0,
  // Arguments and requests
  WEFT_INVALID_ARGUMENT = 1,    // a value outside its range
  WEFT_NOT_FOUND = 2,           // no such file, model or name
  WEFT_UNSUPPORTED = 3,         // well-formed, but nothing this build can run
  WEFT_CONTEXT_OVERFLOW = 4,    // prompt + max_tokens do not fit the context
  WEFT_TOKEN_OUT_OF_RANGE = 5,  // a token id that is not in the vocabulary
  WEFT_INVALID_UTF8 = 6,        // text that must be UTF-8 and is not
  WEFT_LIMIT_EXCEEDED = 7,      // a documented size or count limit
  WEFT_MAX_TOKENS_REACHED = 8,  // a state was advanced past its max_tokens
  // Running
  WEFT_CANCELLED = 100,
  WEFT_TIMED_OUT = 101,
  WEFT_QUEUE_FULL = 102,
  WEFT_SHUT_DOWN = 103,          // stopped before the request was done
  WEFT_NON_FINITE_LOGITS = 104,  // the model produced NaN or infinity
  WEFT_OUT_OF_MEMORY = 105,      // host or device memory, or the KV pool
  WEFT_DEVICE_ERROR = 106,       // a device is absent, busy or failed
  WEFT_GENERATION_FAILED = 107,
  WEFT_INTERNAL_ERROR = 108,  // a bug in weft
  // Chat templates
  WEFT_TEMPLATE_SYNTAX = 200,
  WEFT_TEMPLATE_ERROR = 201,
  WEFT_TEMPLATE_RAISED = 202,  // the template refused its messages, and says so itself
  // Files and the operating system
  WEFT_IO_ERROR = 300,
  WEFT_PERMISSION_DENIED = 301,
  WEFT_NOT_A_FILE = 302,
  WEFT_FILE_CHANGED = 303,
  WEFT_NO_SPACE = 304,
  // Model files
  WEFT_GGUF_BAD_MAGIC = 400,
  WEFT_GGUF_VERSION = 401,
  WEFT_GGUF_TRUNCATED = 402,
  WEFT_GGUF_BAD_COUNT = 403,
  WEFT_GGUF_BAD_KEY = 404,
  WEFT_GGUF_DUPLICATE_KEY = 405,
  WEFT_GGUF_BAD_VALUE_TYPE = 406,
  WEFT_GGUF_MISSING_KEY = 407,
  WEFT_GGUF_WRONG_KEY_TYPE = 408,
  WEFT_GGUF_BAD_VALUE = 409,
  WEFT_GGUF_BAD_ALIGNMENT = 410,
  WEFT_GGUF_BAD_TENSOR_NAME = 411,
  WEFT_GGUF_DUPLICATE_TENSOR = 412,
  WEFT_GGUF_BAD_DIMENSIONS = 413,
  WEFT_GGUF_BAD_TENSOR_TYPE = 414,
  WEFT_GGUF_ROW_NOT_BLOCKS = 415,
  WEFT_GGUF_BAD_OFFSET = 416,
  WEFT_GGUF_MISSING_TENSOR = 417,
  WEFT_GGUF_WRONG_SHAPE = 418,
  WEFT_GGUF_MISSING_SPLIT = 419,
  WEFT_GGUF_BAD_SPLIT = 420,
  WEFT_GGUF_BAD_VOCABULARY = 421,
  WEFT_GGUF_NON_FINITE_WEIGHT = 422,
  WEFT_UNKNOWN_ARCHITECTURE = 423,
  WEFT_UNKNOWN_TOKENIZER = 424,
  WEFT_UNKNOWN_PRE_TOKENIZER = 425
};

// "invalid_argument" for WEFT_INVALID_ARGUMENT, "ok" for WEFT_OK, "unknown_error" for a number that
// is none. Never fails.
WEFT_API const char* weft_status_name(weft_status status);

// Immutable.
typedef struct weft_error weft_error;
// For callbacks that return a status: what went wrong in them. `message` may be NULL. Never NULL.
WEFT_API weft_error* weft_error_new(weft_status status, const char* message);
// WEFT_OK for NULL.
WEFT_API weft_status weft_error_status(const weft_error* error);
// One line that names the thing, what was found and what was wanted; valid as long as the error.
// "" for NULL.
WEFT_API const char* weft_error_message(const weft_error* error);
WEFT_API void weft_error_free(weft_error* error);

// ================================================================== results

// Text. Immutable. The functions return "" and 0 for NULL.
typedef struct weft_text weft_text;
// Its bytes, valid as long as the text, and how many they are:
WEFT_API const char* weft_text_data(const weft_text* text);
WEFT_API size_t weft_text_size(const weft_text* text);
WEFT_API void weft_text_free(weft_text* text);

// Token ids. Immutable. The functions return NULL and 0 for NULL.
typedef struct weft_ids weft_ids;
// The ids, valid as long as the handle, and how many they are:
WEFT_API const int32_t* weft_ids_data(const weft_ids* ids);
WEFT_API size_t weft_ids_count(const weft_ids* ids);
WEFT_API void weft_ids_free(weft_ids* ids);

// Why a generation ended.
typedef int32_t weft_finish_reason;
enum {
  WEFT_FINISH_STOP = 0,         // the model's stop token, or one of stop_token_ids
  WEFT_FINISH_LENGTH = 1,       // max_tokens
  WEFT_FINISH_STOP_STRING = 2,  // one of the stop sequences
  WEFT_FINISH_CANCELLED = 3
};

// ================================================================== cancellation

// A wish to stop, for any number of calls. Once cancelled it stays so. Calls that were given it
// keep what they need: it may be freed at once. Deadlines, first-of and all-of are your event
// loop's (asyncio.wait, Promise.race); to give up on a call, cancel what it was given and await its
// completion, which comes within one step.
typedef struct weft_cancel weft_cancel;
// One that nobody has requested yet.
WEFT_API weft_status weft_cancel_new(weft_cancel** cancel, weft_error** error);
// Runs, on this thread, what weft does upon it; completions do not run here. NULL: nothing.
WEFT_API void weft_cancel_request(weft_cancel* cancel);
// 0 for NULL.
WEFT_API int32_t weft_cancel_is_requested(const weft_cancel* cancel);
// Frees the handle; does not cancel.
WEFT_API void weft_cancel_free(weft_cancel* cancel);

// ================================================================== model

// How a model is loaded, and on what it runs.
typedef struct weft_model_options {
  size_t struct_size;
  // "auto", "cpu", "cuda". auto: in a build with CUDA the GPU, if one can be used, else the CPU.
  const char* device;
  int32_t threads;          // that compute; 0: the cores this process may use
  const char* isa;          // force a CPU kernel set; "": the best there is
  const char* activations;  // "auto", "f32", "i16", "bf16", "int8"
  int32_t use_mmap;         // 0: read the file into memory
  // While the file is read into memory, on the loading thread: bytes so far and in all. NULL: none.
  void (*on_read)(void* user_data, uint64_t done, uint64_t total);
  void* user_data;
  // The first so many layers run on the GPU, the rest on the CPU; more than the model has: all. -1:
  // all, if the device is a GPU. With the device "cpu" anything above 0 is an error.
  int32_t gpu_layers;
  // "exact": the same bits whatever the batch. "fastest": on a GPU, prompts over F16 and BF16
  // weights by cuBLASLt, where that promise is off; on the CPU the same as exact.
  const char* math;
} weft_model_options;
WEFT_API void weft_model_options_init(weft_model_options* options, size_t struct_size);

// How a text's tokens become its one embedding.
typedef int32_t weft_pooling;
enum { WEFT_POOLING_LAST = 0, WEFT_POOLING_MEAN = 1, WEFT_POOLING_FIRST = 2, WEFT_POOLING_MAX = 3 };

// What a model says of itself (ModelInfo of the C++ interface):
typedef struct weft_model_info {
  size_t struct_size;
  const char* name;          // this and the other texts: valid as long as the handle
  const char* architecture;  // "llama", "qwen3", …
  int64_t n_params;
  int32_t n_vocab;
  int32_t n_embd;
  int32_t n_layer;
  int32_t n_head;
  int32_t n_ctx_train;      // tokens
  uint64_t size_bytes;      // of the weights, as stored
  const char* activations;  // what "auto" came to: "f32", "i16", "bf16", "int8"
  const char* kv_type;      // what a context's "auto" comes to: "f32", "f16"
  uint64_t fingerprint;     // tells models apart by what their files hold
  weft_pooling pooling;     // of embeddings, as the file says
} weft_model_info;

// Weights and tokenizer. Immutable, thread-safe; one model serves any number of contexts, engines
// and threads.
typedef struct weft_model weft_model;

// Loads a GGUF file (or the first of its splits). Takes seconds for a large model; to load without
// waiting: weft_async_model_load().
WEFT_API weft_status weft_model_load(const char* path, const weft_model_options* options,
                                     weft_model** model, weft_error** error);
WEFT_API void weft_model_free(weft_model* model);

// Fills in *info.
WEFT_API weft_status weft_model_get_info(const weft_model* model, weft_model_info* info,
                                         weft_error** error);

// Text to ids. add_bos: also what else the model puts around a text. parse_special: control tokens
// in the text become their ids instead of staying text.
WEFT_API weft_status weft_model_tokenize(const weft_model* model, const char* text, size_t size,
                                         int32_t add_bos, int32_t parse_special, weft_ids** ids,
                                         weft_error** error);
// Ids to text; control tokens are "" unless `special`.
WEFT_API weft_status weft_model_detokenize(const weft_model* model, const int32_t* ids,
                                           size_t count, int32_t special, weft_text** text,
                                           weft_error** error);

// ---- Chat: messages as the model's own template makes a prompt of them ----

// Its layout never changes.
typedef struct weft_chat_message {
  weft_string role;     // "system", "user", "assistant", …
  weft_string content;  // as it is to stand in the prompt
} weft_chat_message;

// How a talk becomes a prompt, beside its messages.
typedef struct weft_chat_options {
  size_t struct_size;
  const char* template_name;      // of the model's templates; "": the default one
  int32_t add_generation_prompt;  // end with the beginning of the assistant's next message
} weft_chat_options;
WEFT_API void weft_chat_options_init(weft_chat_options* options, size_t struct_size);

// The prompt as text. Fails with WEFT_NOT_FOUND where the model has no template (of that name),
// WEFT_TEMPLATE_RAISED where the template refuses the messages, WEFT_TEMPLATE_SYNTAX,
// WEFT_TEMPLATE_ERROR or WEFT_LIMIT_EXCEEDED.
WEFT_API weft_status weft_model_render_chat(const weft_model* model,
                                            const weft_chat_message* messages, size_t count,
                                            const weft_chat_options* options, weft_text** prompt,
                                            weft_error** error);
// The same as ids. What a message says never becomes a control token.
WEFT_API weft_status weft_model_tokenize_chat(const weft_model* model,
                                              const weft_chat_message* messages, size_t count,
                                              const weft_chat_options* options, weft_ids** ids,
                                              weft_error** error);

// ================================================================== context

// What a context has room for.
typedef struct weft_context_params {
  size_t struct_size;
  int32_t n_ctx;             // most tokens of a sequence, prompt and generated
  int32_t max_batch_tokens;  // tokens computed in one step
  int32_t block_size;        // tokens of a KV block; divides 256
  const char* kv_type;       // "auto", "f32", "f16", "bf16", "q8_0", "fp8" (cuda)
} weft_context_params;
WEFT_API void weft_context_params_init(weft_context_params* params, size_t struct_size);

// How tokens are drawn (SamplingParams):
typedef struct weft_sampling {
  size_t struct_size;
  float temperature;         // ≥ 0; 0 takes the most likely token
  int32_t top_k;             // keep the k most likely; ≤ 0: all
  float top_p;               // (0, 1]; keep the smallest set of at least this mass
  float min_p;               // [0, 1]; drop what is less likely than this × the best
  float repetition_penalty;  // > 0; 1: none
  float presence_penalty;
  float frequency_penalty;
  uint64_t seed;
} weft_sampling;
WEFT_API void weft_sampling_init(weft_sampling* sampling, size_t struct_size);

// How one call of a context generates (GenerateOptions):
typedef struct weft_generate_options {
  size_t struct_size;
  int32_t max_tokens;
  const weft_sampling* sampling;  // NULL: its defaults
  const weft_string* stop_strings;
  size_t num_stop_strings;    // the text ends before the first of them
  int32_t add_bos;            // for prompts given as text
  int32_t parse_special;      // for prompts given as text
  int32_t ignore_eos;         // go on after the model's stop tokens
  const weft_cancel* cancel;  // looked at before every step; NULL: none
  // Called on the calling thread with each generated token and the text that became whole with it
  // (often, but not always, its own). Returning 0 ends the generation. NULL: none.
  int32_t (*on_token)(void* user_data, int32_t token_id, const char* text, size_t size);
  void* user_data;
} weft_generate_options;
WEFT_API void weft_generate_options_init(weft_generate_options* options, size_t struct_size);

// What a context generated. Immutable. The functions take no NULL but for `size` and `count`.
typedef struct weft_generation weft_generation;
// The text, without a stop string; its size, in bytes, goes to *size.
WEFT_API const char* weft_generation_text(const weft_generation* generation, size_t* size);
// Generated, without the stop token.
WEFT_API const int32_t* weft_generation_ids(const weft_generation* generation, size_t* count);
// All that it went on from.
WEFT_API const int32_t* weft_generation_prompt_ids(const weft_generation* generation,
                                                   size_t* count);
// Why it ended.
WEFT_API weft_finish_reason weft_generation_finish_reason(const weft_generation* generation);
// Until the first token, and from the first token to the last:
WEFT_API double weft_generation_prompt_seconds(const weft_generation* generation);
WEFT_API double weft_generation_seconds(const weft_generation* generation);
WEFT_API void weft_generation_free(weft_generation* generation);

// One sequence over a model, computed on the thread that asks. One thread at a time.
typedef struct weft_context weft_context;
// Reserves the KV memory of n_ctx tokens. Fails with WEFT_OUT_OF_MEMORY or WEFT_INVALID_ARGUMENT.
WEFT_API weft_status weft_context_new(const weft_model* model, const weft_context_params* params,
                                      weft_context** context, weft_error** error);
WEFT_API void weft_context_free(weft_context* context);

// Generates from an empty sequence, and waits for it. `generation` may be NULL where on_token has
// seen all there is. One that was cancelled succeeds, with WEFT_FINISH_CANCELLED. Fails with
// WEFT_CONTEXT_OVERFLOW where prompt and max_tokens do not fit n_ctx; the context can be used again
// after any failure.
WEFT_API weft_status weft_context_generate(weft_context* context, const char* prompt, size_t size,
                                           const weft_generate_options* options,
                                           weft_generation** generation, weft_error** error);
// The same of ids, used as they are.
WEFT_API weft_status weft_context_generate_ids(weft_context* context, const int32_t* ids,
                                               size_t count, const weft_generate_options* options,
                                               weft_generation** generation, weft_error** error);
// Goes on from the sequence: `more` ids after it (there may be none), then what is generated.
WEFT_API weft_status weft_context_resume(weft_context* context, const int32_t* more, size_t count,
                                         const weft_generate_options* options,
                                         weft_generation** generation, weft_error** error);

// The sequence as a file, whole or not at all. Loaded into a context over the same model, in any
// process, it goes on with weft_context_resume() as if it had never stopped; a file that is
// damaged, foreign or too long for n_ctx is refused, and the context is then as before.
WEFT_API weft_status weft_context_save(const weft_context* context, const char* path,
                                       weft_error** error);
// Takes over what was saved; see above.
WEFT_API weft_status weft_context_load(weft_context* context, const char* path, weft_error** error);
// The ids of the sequence, prompt and generated.
WEFT_API weft_status weft_context_get_ids(const weft_context* context, weft_ids** ids,
                                          weft_error** error);
// Empties the sequence.
WEFT_API weft_status weft_context_clear(weft_context* context, weft_error** error);

// ================================================================== completions

// What a completion is given beside the error: nothing, text, ids. Valid until it returns:
typedef void (*weft_on_done)(void* user_data, const weft_error* error);
typedef void (*weft_on_text)(void* user_data, const weft_error* error, const char* text,
                             size_t size);
typedef void (*weft_on_ids)(void* user_data, const weft_error* error, const int32_t* ids,
                            size_t count);

// ================================================================== runtime

// What a callback of yours does and returns: WEFT_OK, or why it failed. It may put an error with a
// message into *error, with weft_error_new() or as it had it from weft, who frees it. `cancel` is
// requested when the work is to end; it is not yours to free.
typedef weft_status (*weft_work)(void* user_data, const weft_cancel* cancel, weft_error** error);

// The threads of a runtime.
typedef struct weft_runtime_options {
  size_t struct_size;
  int32_t worker_threads;        // run completions; 0: the cores this process may use
  int32_t max_blocking_threads;  // load, tokenise, and run blocking work; started when needed
  size_t thread_stack_bytes;     // 0: the system's default
  const char* thread_name;       // at most 15 bytes are shown
} weft_runtime_options;
WEFT_API void weft_runtime_options_init(weft_runtime_options* options, size_t struct_size);

// Exact, as of one moment (RuntimeMetrics):
typedef struct weft_runtime_metrics {
  size_t struct_size;
  uint64_t active_tasks;     // spawned and not ended
  uint64_t completed_tasks;  // ended, however
  uint64_t worker_threads;
  uint64_t blocking_threads;   // started so far
  uint64_t total_generations;  // that came to their end
  double avg_generation_ms;    // of those, from the call to the last token
  uint64_t uptime_seconds;
} weft_runtime_metrics;

// The threads that completions run on. With one worker thread no two of them run at once. Functions
// that take a runtime to make a handle take NULL too: the handle then has one of its own, with one
// worker. Models, streams and the like may outlive their runtime: what they are asked then fails
// with WEFT_SHUT_DOWN.
typedef struct weft_runtime weft_runtime;
// Starts the worker threads.
WEFT_API weft_status weft_runtime_new(const weft_runtime_options* options, weft_runtime** runtime,
                                      weft_error** error);
// Refuses what is new, waits up to timeout_ms for what is under way, and cancels what is left then:
// WEFT_TIMED_OUT says so. No thread of the runtime is left when it returns; called on one of them,
// it does not wait, and they end by themselves.
WEFT_API weft_status weft_runtime_shutdown(weft_runtime* runtime, int64_t timeout_ms,
                                           weft_error** error);
// weft_runtime_shutdown() with a timeout of 0, and frees the handle.
WEFT_API void weft_runtime_free(weft_runtime* runtime);
// 0 once it is being shut down, and for NULL.
WEFT_API int32_t weft_runtime_is_running(const weft_runtime* runtime);
// Fills in *metrics.
WEFT_API weft_status weft_runtime_get_metrics(const weft_runtime* runtime,
                                              weft_runtime_metrics* metrics, weft_error** error);

// A function of yours that runs on a runtime. Freeing the handle leaves it running.
typedef struct weft_task weft_task;
// Runs `work` on a worker thread: for what is short. on_done (or NULL) tells what it returned.
// `task` may be NULL.
WEFT_API weft_status weft_runtime_spawn(weft_runtime* runtime, weft_work work, weft_on_done on_done,
                                        void* user_data, weft_task** task, weft_error** error);
// The same on a thread that may wait and compute for long.
WEFT_API weft_status weft_runtime_spawn_blocking(weft_runtime* runtime, weft_work work,
                                                 weft_on_done on_done, void* user_data,
                                                 weft_task** task, weft_error** error);
// Requests its `cancel`; work that has not begun never does, and ends with WEFT_CANCELLED.
WEFT_API void weft_task_cancel(weft_task* task);
// Whether weft_task_join() will not wait.
WEFT_API int32_t weft_task_is_finished(const weft_task* task);
// Waits, and gives what the work returned: once, and only of a task without on_done. Not on a
// worker thread.
WEFT_API weft_status weft_task_join(weft_task* task, weft_error** error);
WEFT_API void weft_task_free(weft_task* task);

// ================================================================== asynchronous model

// How a model is loaded, and how many requests it works on.
typedef struct weft_async_config {
  size_t struct_size;
  int32_t gpu_layers;       // the first layers; more than there are: all. No GPU: a warning
  int32_t context_size;     // tokens of a request, prompt and generated
  int32_t threads;          // that compute; 0: the cores this process may use
  int32_t flash_attention;  // accepted: attention always is, with the same bits
  int32_t max_concurrent;   // requests that are computed at once; later ones wait in line
  int64_t timeout_ms;       // of weft_async_model_generate(), the time in line included; 0: none
  const char* kv_type;      // "auto", "f32", "f16", "bf16", "q8_0", "fp8" (cuda)
} weft_async_config;
WEFT_API void weft_async_config_init(weft_async_config* config, size_t struct_size);

// How a stream's tokens are drawn, limited and given (StreamConfig):
typedef struct weft_stream_config {
  size_t struct_size;
  int32_t max_tokens;
  float temperature;  // 0 takes the most likely token
  int32_t top_k;      // ≤ 0: all
  float top_p;
  uint64_t seed;
  int32_t buffer;  // tokens the reader may be behind before its generation pauses; 0: any number
  int64_t timeout_ms;  // from the call to the last token, the time in line included; 0: none
  int64_t delay_ms;    // at least so long between two tokens given
  const weft_string* stop_sequences;
  size_t num_stop_sequences;  // the text ends before the first of them
} weft_stream_config;
WEFT_API void weft_stream_config_init(weft_stream_config* config, size_t struct_size);

// Figures of an engine since it was made; requests and blocks are those of now (EngineStats):
typedef struct weft_engine_stats {
  size_t struct_size;
  int32_t waiting;
  int32_t running;
  int32_t paused;
  int32_t blocks_free;
  int32_t blocks_cached;
  int32_t blocks_owned;
  int32_t blocks_capacity;
  uint64_t steps;
  uint64_t preemptions;
  uint64_t prompt_tokens;  // computed
  uint64_t cached_tokens;  // found in the prefix cache instead
  uint64_t generated_tokens;
  uint64_t finished;
  uint64_t cancelled;
  uint64_t failed;
} weft_engine_stats;

// A model that is asked without waiting. Requests of one model share each step of it. Freeing the
// handle stops what is left, unless a stream or a call under way keeps it.
typedef struct weft_async_model weft_async_model;
// A generation as it is made, a token at a time. Freeing it cancels the generation.
typedef struct weft_stream weft_stream;

// What is given is yours to free:
typedef void (*weft_on_async_model)(void* user_data, const weft_error* error,
                                    weft_async_model* model);
typedef void (*weft_on_stream)(void* user_data, const weft_error* error, weft_stream* stream);

// Loads a GGUF file on a blocking thread of the runtime (NULL: one of the model's own).
WEFT_API weft_status weft_async_model_load(weft_runtime* runtime, const char* path,
                                           const weft_async_config* config,
                                           weft_on_async_model on_loaded, void* user_data,
                                           weft_error** error);
// Over weights that are loaded already; gpu_layers and threads are not used, and the runtime is not
// NULL.
WEFT_API weft_status weft_async_model_over(weft_runtime* runtime, const weft_model* model,
                                           const weft_async_config* config,
                                           weft_async_model** result, weft_error** error);
WEFT_API void weft_async_model_free(weft_async_model* model);

// The text that follows, drawn as the defaults of weft_stream_config say, within the config's
// timeout_ms. Fails with WEFT_CONTEXT_OVERFLOW, WEFT_INVALID_ARGUMENT, WEFT_TIMED_OUT,
// WEFT_CANCELLED, WEFT_SHUT_DOWN, WEFT_OUT_OF_MEMORY (the first request reserves the KV pool), or
// what makes the generation itself fail. `cancel` may be NULL here and below.
WEFT_API weft_status weft_async_model_generate(const weft_async_model* model, const char* prompt,
                                               size_t size, int32_t max_tokens,
                                               const weft_cancel* cancel, weft_on_text on_text,
                                               void* user_data, weft_error** error);
// The same, drawn and limited as `config` says; its buffer and delay are not used.
WEFT_API weft_status weft_async_model_generate_with(const weft_async_model* model,
                                                    const char* prompt, size_t size,
                                                    const weft_stream_config* config,
                                                    const weft_cancel* cancel, weft_on_text on_text,
                                                    void* user_data, weft_error** error);
// Completes when the request has its place among max_concurrent, which it keeps until its last
// token is made, or it is cancelled or freed.
WEFT_API weft_status weft_async_model_generate_stream(const weft_async_model* model,
                                                      const char* prompt, size_t size,
                                                      const weft_stream_config* config,
                                                      const weft_cancel* cancel,
                                                      weft_on_stream on_stream, void* user_data,
                                                      weft_error** error);
// As weft_model_tokenize(), without special tokens in the text.
WEFT_API weft_status weft_async_model_tokenize(const weft_async_model* model, const char* text,
                                               size_t size, int32_t add_bos, weft_on_ids on_ids,
                                               void* user_data, weft_error** error);

// Fills in *info.
WEFT_API weft_status weft_async_model_get_info(const weft_async_model* model, weft_model_info* info,
                                               weft_error** error);
// Of its engine; all zero before the first request.
WEFT_API weft_status weft_async_model_get_stats(const weft_async_model* model,
                                                weft_engine_stats* stats, weft_error** error);
// The weights, for a context or an engine of another kind.
WEFT_API weft_status weft_async_model_get_model(const weft_async_model* model, weft_model** result,
                                                weft_error** error);
// Requests are taken. 0 for NULL.
WEFT_API int32_t weft_async_model_is_ready(const weft_async_model* model);
// Requests in line for a place.
WEFT_API int32_t weft_async_model_waiting(const weft_async_model* model);
// What was asked for and is done otherwise, one line each: the i-th, valid as long as the handle,
// or NULL beyond the last.
WEFT_API const char* weft_async_model_warning(const weft_async_model* model, size_t i);

// ---- Streams ----

// One generated token.
typedef struct weft_token {
  size_t struct_size;
  int32_t token_id;  // of the token
  // The last of a generation that comes to its end; nobody else is it.
  int32_t is_final;
  float logprob;     // natural logarithm of the model's own probability, before the sampler
  const char* text;  // what became whole with it; always valid UTF-8, may be ""
  size_t size;       // of the text, in bytes
} weft_token;

// `token` is NULL, with no error, once the generation has come to its end.
typedef void (*weft_on_token)(void* user_data, const weft_error* error, const weft_token* token);

// What a call that does not wait found.
typedef int32_t weft_poll;
enum {
  WEFT_POLL_READY = 0,     // what was asked for
  WEFT_POLL_PENDING = 1,   // nothing yet
  WEFT_POLL_FINISHED = 2,  // nothing, and there will be nothing more
  WEFT_POLL_UNKNOWN = 3    // no such request
};

// The next token; an error once the generation failed, as often as it is asked. One at a time: ask
// for the next when this one is there. A reader that does not come pauses its own generation, after
// `buffer` tokens, and nobody else's.
WEFT_API weft_status weft_stream_next(weft_stream* stream, weft_on_token on_token, void* user_data,
                                      weft_error** error);
// What it would give, if that is there already. The token's text is valid until the next call on
// this stream. Fails as the generation did.
WEFT_API weft_status weft_stream_try_next(weft_stream* stream, weft_token* token, weft_poll* state,
                                          weft_error** error);
// Ends the generation before its next step; what was made can still be read, then comes
// WEFT_CANCELLED.
WEFT_API void weft_stream_cancel(weft_stream* stream);
// weft_stream_next() will not give another token.
WEFT_API int32_t weft_stream_is_finished(const weft_stream* stream);
// That were given to the reader.
WEFT_API int32_t weft_stream_tokens_generated(const weft_stream* stream);
// Its stop sequences are valid as long as the handle.
WEFT_API weft_status weft_stream_get_config(const weft_stream* stream, weft_stream_config* config,
                                            weft_error** error);
WEFT_API void weft_stream_free(weft_stream* stream);

// ================================================================== asynchronous context

// One sequence that goes on where it was: turns of a talk, a prompt that others share, a session in
// a file. Calls on one context are done one after another, in their order; a stream is done when it
// was read to its end or freed.
typedef struct weft_async_context weft_async_context;
// The context is yours to free.
typedef void (*weft_on_async_context)(void* user_data, const weft_error* error,
                                      weft_async_context* context);

// Reserves KV for params.n_ctx tokens, its own.
WEFT_API weft_status weft_async_context_new(const weft_async_model* model,
                                            const weft_context_params* params,
                                            weft_on_async_context on_context, void* user_data,
                                            weft_error** error);
WEFT_API void weft_async_context_free(weft_async_context* context);

// Generates from an empty sequence, and leaves prompt and result in it. Otherwise as
// weft_async_model_generate().
WEFT_API weft_status weft_async_context_generate(const weft_async_context* context,
                                                 const char* prompt, size_t size,
                                                 int32_t max_tokens, const weft_cancel* cancel,
                                                 weft_on_text on_text, void* user_data,
                                                 weft_error** error);
// Goes on from the sequence: `ids` after it (there may be none), then what is generated.
WEFT_API weft_status weft_async_context_generate_stream(const weft_async_context* context,
                                                        const int32_t* ids, size_t count,
                                                        const weft_stream_config* config,
                                                        weft_on_stream on_stream, void* user_data,
                                                        weft_error** error);

// Ids to go on with, and how many to generate after them. Its layout never changes:
typedef struct weft_batch {
  const int32_t* ids;
  size_t count;
  int32_t max_tokens;
} weft_batch;
// Some ids. Its layout never changes:
typedef struct weft_id_list {
  const int32_t* ids;
  size_t count;
} weft_id_list;
// Lists of ids, valid until it returns.
typedef void (*weft_on_id_lists)(void* user_data, const weft_error* error,
                                 const weft_id_list* lists, size_t count);
// Each batch goes on from the one before it; gives the ids generated for each, without stop tokens.
WEFT_API weft_status weft_async_context_process_batch(const weft_async_context* context,
                                                      const weft_batch* batches, size_t count,
                                                      weft_on_id_lists on_lists, void* user_data,
                                                      weft_error** error);
// Empties the sequence.
WEFT_API weft_status weft_async_context_clear(const weft_async_context* context,
                                              weft_on_done on_done, void* user_data,
                                              weft_error** error);
// As weft_context_save() and weft_context_load(), with the same files:
WEFT_API weft_status weft_async_context_save_state(const weft_async_context* context,
                                                   const char* path, weft_on_done on_done,
                                                   void* user_data, weft_error** error);
WEFT_API weft_status weft_async_context_load_state(const weft_async_context* context,
                                                   const char* path, weft_on_done on_done,
                                                   void* user_data, weft_error** error);
// The sequence as the last call that is done has left it.
WEFT_API weft_status weft_async_context_get_ids(const weft_async_context* context, weft_ids** ids,
                                                weft_error** error);

// ================================================================== pool

// Contexts of a pool, and who waits for them.
typedef struct weft_pool_stats {
  size_t struct_size;
  int32_t size;       // that there are, or will be once those in use beyond it are returned
  int32_t available;  // clean, to be had at once
  int32_t in_use;     // lent out, or being cleaned
  int32_t waiting;    // for one
} weft_pool_stats;

// Contexts over one model, lent out one at a time: n cost n KV reservations and the weights once.
typedef struct weft_pool weft_pool;
// One on loan. Freeing it stops what is under way on it and gives it back, clean.
typedef struct weft_lease weft_lease;
// What is given is yours to free:
typedef void (*weft_on_pool)(void* user_data, const weft_error* error, weft_pool* pool);
typedef void (*weft_on_lease)(void* user_data, const weft_error* error, weft_lease* lease);

// n contexts over the model (params NULL: the defaults).
WEFT_API weft_status weft_pool_new(const weft_async_model* model, int32_t n,
                                   const weft_context_params* params, weft_on_pool on_pool,
                                   void* user_data, weft_error** error);
// Loads the model first; each of the n holds config.context_size tokens.
WEFT_API weft_status weft_pool_load(weft_runtime* runtime, const char* path,
                                    const weft_async_config* config, int32_t n,
                                    weft_on_pool on_pool, void* user_data, weft_error** error);
WEFT_API void weft_pool_free(weft_pool* pool);

// First come, first served. Fails with WEFT_TIMED_OUT after timeout_ms; below 0: none.
WEFT_API weft_status weft_pool_acquire(const weft_pool* pool, int64_t timeout_ms,
                                       weft_on_lease on_lease, void* user_data, weft_error** error);
// *lease is NULL where all are in use, or others wait.
WEFT_API weft_status weft_pool_try_acquire(const weft_pool* pool, weft_lease** lease,
                                           weft_error** error);
// Of the lease, and valid as long as it.
WEFT_API const weft_async_context* weft_lease_context(const weft_lease* lease);
WEFT_API void weft_lease_free(weft_lease* lease);

// Acquires, generates and returns, within the model's timeout_ms altogether.
WEFT_API weft_status weft_pool_generate(const weft_pool* pool, const char* prompt, size_t size,
                                        int32_t max_tokens, weft_on_text on_text, void* user_data,
                                        weft_error** error);
// More are made at once; fewer, as they are returned.
WEFT_API weft_status weft_pool_resize(const weft_pool* pool, int32_t n, weft_on_done on_done,
                                      void* user_data, weft_error** error);
// Fills in *stats.
WEFT_API weft_status weft_pool_get_stats(const weft_pool* pool, weft_pool_stats* stats,
                                         weft_error** error);

// ================================================================== named workers

// Requests on their way to generation workers, first in, first out.
typedef struct weft_queue weft_queue;
// One that is empty and open.
WEFT_API weft_status weft_queue_new(weft_runtime* runtime, weft_queue** queue, weft_error** error);
// The text, from the worker that takes it; WEFT_SHUT_DOWN once the queue is closed.
WEFT_API weft_status weft_queue_submit(const weft_queue* queue, const char* prompt, size_t size,
                                       const weft_stream_config* config, weft_on_text on_text,
                                       void* user_data, weft_error** error);
// Refuses what is new; workers end when they have done the rest.
WEFT_API void weft_queue_close(const weft_queue* queue);
// Requests that no worker has taken.
WEFT_API int32_t weft_queue_waiting(const weft_queue* queue);
WEFT_API void weft_queue_free(weft_queue* queue);

// How a worker is.
typedef int32_t weft_worker_state;
enum { WEFT_WORKER_RUNNING = 0, WEFT_WORKER_FINISHED = 1, WEFT_WORKER_FAILED = 2 };

// Workers by name, that run until they are done, fail or are stopped. Freeing it stops them all
// without waiting for them.
typedef struct weft_task_manager weft_task_manager;
// One without workers.
WEFT_API weft_status weft_task_manager_new(weft_runtime* runtime, weft_task_manager** manager,
                                           weft_error** error);
// The three fail with WEFT_INVALID_ARGUMENT where a worker of this name runs, and WEFT_SHUT_DOWN
// once stopped. This one answers the queue's requests, one at a time, until it is closed and empty.
WEFT_API weft_status weft_task_manager_spawn_generation_worker(weft_task_manager* manager,
                                                               const char* name,
                                                               const weft_async_model* model,
                                                               const weft_queue* queue,
                                                               weft_error** error);
// Calls `sink` on a worker thread, at once and then every interval_ms.
WEFT_API weft_status weft_task_manager_spawn_metrics_collector(
    weft_task_manager* manager, const char* name, int64_t interval_ms,
    void (*sink)(void* user_data, const weft_runtime_metrics* metrics), void* user_data,
    weft_error** error);
// Runs `work` on a blocking thread. It is stopped by its `cancel`.
WEFT_API weft_status weft_task_manager_spawn_worker(weft_task_manager* manager, const char* name,
                                                    weft_work work, void* user_data,
                                                    weft_error** error);
// Completes when none runs. Nothing can be spawned any more.
WEFT_API weft_status weft_task_manager_stop_all(weft_task_manager* manager, weft_on_done on_done,
                                                void* user_data, weft_error** error);
// Of the last worker of this name (WEFT_NOT_FOUND where none had it). *why, which may be NULL,
// becomes the error of one that failed, to be freed, else NULL. One that was stopped has finished.
WEFT_API weft_status weft_task_manager_get_status(const weft_task_manager* manager,
                                                  const char* name, weft_worker_state* state,
                                                  weft_error** why, weft_error** error);
WEFT_API void weft_task_manager_free(weft_task_manager* manager);

// ================================================================== engine, embeddings

// Who goes first where requests wait.
typedef int32_t weft_priority;
enum {
  WEFT_PRIORITY_LOW = 0,
  WEFT_PRIORITY_NORMAL = 1,
  WEFT_PRIORITY_HIGH = 2,
  WEFT_PRIORITY_URGENT = 3
};

// What an engine is made of.
typedef struct weft_engine_config {
  size_t struct_size;
  int32_t max_sequences;      // generations in one step
  int32_t max_batch_tokens;   // prompt tokens in one step; running generations always go on
  int32_t max_queue;          // requests that wait to be started; one more is WEFT_QUEUE_FULL
  int32_t block_size;         // tokens of a KV block; divides 256
  int32_t num_blocks;         // of the KV pool; 0: 16,384 tokens, or what half the memory holds
  int32_t prefix_cache;       // keep the KV of ended requests for prompts that begin alike
  const char* kv_type;        // "auto", "f32", "f16", "bf16", "q8_0", "fp8" (cuda)
  int32_t threads;            // that compute; 0: as many as the model was loaded with
  double max_inter_token_ms;  // longest wait that a new prompt may cause the others; 0: 1.5 times
  double max_turn_wait_ms;    // longest wait for those that advance by turns; 0: as a step takes
} weft_engine_config;
WEFT_API void weft_engine_config_init(weft_engine_config* config, size_t struct_size);

// What computes: the KV pool and the step thread. Here it embeds texts; those that generate
// (weft_async_model, weft_llama, weft_processor, weft_llm) have one each.
typedef struct weft_engine weft_engine;
// Reserves the KV pool and starts the step thread.
WEFT_API weft_status weft_engine_new(weft_runtime* runtime, const weft_model* model,
                                     const weft_engine_config* config, weft_engine** engine,
                                     weft_error** error);
// Ends what is under way with WEFT_SHUT_DOWN, where the engine is this handle's own.
WEFT_API void weft_engine_free(weft_engine* engine);
// As of its last step.
WEFT_API weft_status weft_engine_get_stats(const weft_engine* engine, weft_engine_stats* stats,
                                           weft_error** error);

enum { WEFT_POOLING_OF_MODEL = -1 };  // as a weft_pooling: weft_model_info::pooling

// How a text becomes its embedding (EmbedOptions):
typedef struct weft_embed_options {
  size_t struct_size;
  weft_pooling pooling;
  int32_t normalize;      // to Euclidean length 1; of tokens, each
  int32_t add_bos;        // put around the text what the model puts there
  int32_t parse_special;  // control tokens in the text become their ids
  weft_priority priority;
  uint64_t cache_salt;  // prefixes are shared only between equal salts
  int32_t tokens;       // a vector for each token, for MaxSim, instead of one for the text
} weft_embed_options;
WEFT_API void weft_embed_options_init(weft_embed_options* options, size_t struct_size);

// What one text gives (Embedding):
typedef struct weft_embedding {
  size_t struct_size;
  int64_t rows;         // 1, or the number of tokens
  int64_t dim;          // the model's n_embd
  const float* values;  // [rows, dim]; this and ids: valid as long as the handle
  // Of the text and found in the prefix cache, where `tokens` were asked for; else NULL and 0:
  const int32_t* ids;
  size_t num_ids;
  int32_t cached_tokens;
} weft_embedding;

// Embeddings of texts, in their order. Immutable.
typedef struct weft_embeddings weft_embeddings;
// The embeddings are yours to free.
typedef void (*weft_on_embeddings)(void* user_data, const weft_error* error,
                                   weft_embeddings* embeddings);
// One for each text.
WEFT_API size_t weft_embeddings_count(const weft_embeddings* embeddings);
// Fills in the i-th.
WEFT_API weft_status weft_embeddings_get(const weft_embeddings* embeddings, size_t i,
                                         weft_embedding* embedding, weft_error** error);
WEFT_API void weft_embeddings_free(weft_embeddings* embeddings);

// Waits for all of the texts; fails with the error of the first that has one, naming it. The bits
// of each are those that it has alone.
WEFT_API weft_status weft_engine_embed(const weft_engine* engine, const weft_string* texts,
                                       size_t count, const weft_embed_options* options,
                                       weft_embeddings** embeddings, weft_error** error);
// The same on a blocking thread of the runtime.
WEFT_API weft_status weft_engine_embed_async(const weft_engine* engine, const weft_string* texts,
                                             size_t count, const weft_embed_options* options,
                                             weft_on_embeddings on_embeddings, void* user_data,
                                             weft_error** error);

// ---- Late interaction (MaxSim) ----
//
//   score(Q, D) = Σ over q in Q of max over d in D of q · d
//
// All of these compute on the calling thread (and `threads` − 1 more that end with the call), may
// be called from any, and fail with WEFT_INVALID_ARGUMENT, naming the set: no vectors, dimensions
// that differ, a value that is not finite. Of equal scores the lowest index comes first.

// A set of vectors, [rows, dim]. Its layout never changes:
typedef struct weft_vectors {
  const float* values;
  int64_t rows;
  int64_t dim;
} weft_vectors;
// A document and its score. Its layout never changes.
typedef struct weft_ranked {
  size_t index;  // of the document
  float score;   // as weft_maxsim_score() gives it
} weft_ranked;
// A vector of the query and the one of the document that answers it best. Its layout never changes.
typedef struct weft_match {
  int64_t query;     // index of the vector in its set
  int64_t document;  // index of the other in its own
  float similarity;  // q · d
} weft_match;

// How sets of vectors are compared.
typedef struct weft_maxsim_options {
  size_t struct_size;
  int32_t normalize;  // divide by |Q|
  int32_t symmetric;  // (score(Q, D) + score(D, Q)) / 2
  int32_t threads;    // 0: as many as this process may use; the bits are the same
} weft_maxsim_options;
WEFT_API void weft_maxsim_options_init(weft_maxsim_options* options, size_t struct_size);

// Of one document.
WEFT_API weft_status weft_maxsim_score(const weft_vectors* query, const weft_vectors* document,
                                       const weft_maxsim_options* options, float* score,
                                       weft_error** error);
// scores: [count], of each document, in order.
WEFT_API weft_status weft_maxsim_batch_score(const weft_vectors* query,
                                             const weft_vectors* documents, size_t count,
                                             const weft_maxsim_options* options, float* scores,
                                             weft_error** error);
// ranked: [count], all documents, best first.
WEFT_API weft_status weft_maxsim_rank_documents(const weft_vectors* query,
                                                const weft_vectors* documents, size_t count,
                                                const weft_maxsim_options* options,
                                                weft_ranked* ranked, weft_error** error);
// ranked: [k]; *found becomes k, or count where that is less.
WEFT_API weft_status weft_maxsim_find_top_k(const weft_vectors* query,
                                            const weft_vectors* documents, size_t count, size_t k,
                                            const weft_maxsim_options* options, weft_ranked* ranked,
                                            size_t* found, weft_error** error);
// matrix: [query rows, document rows], q · d of every pair.
WEFT_API weft_status weft_maxsim_similarity_matrix(const weft_vectors* query,
                                                   const weft_vectors* document,
                                                   const weft_maxsim_options* options,
                                                   float* matrix, weft_error** error);
// matches: [query rows], for each vector of the query the one that answers it best.
WEFT_API weft_status weft_maxsim_best_matches(const weft_vectors* query,
                                              const weft_vectors* document,
                                              const weft_maxsim_options* options,
                                              weft_match* matches, weft_error** error);

// ================================================================== handlers

// A model with its engine, advanced a token at a time. Handles of one load are one engine, which
// lives as long as one of them, or of the states made of it.
typedef struct weft_llama weft_llama;
// `device` is "auto", "cpu" or "cuda"; NULL: "auto".
WEFT_API weft_status weft_llama_load(const char* path, const char* device,
                                     const weft_engine_config* config, weft_llama** llama,
                                     weft_error** error);
// Over a model that is loaded.
WEFT_API weft_status weft_llama_over(const weft_model* model, const weft_engine_config* config,
                                     weft_llama** llama, weft_error** error);
WEFT_API void weft_llama_free(weft_llama* llama);
// Whether the model was loaded on `device`. 0 for NULL.
WEFT_API int32_t weft_llama_runs_on(const weft_llama* llama, const char* device);
// The weights, for what else wants them.
WEFT_API weft_status weft_llama_get_model(const weft_llama* llama, weft_model** model,
                                          weft_error** error);
// Its engine, for embeddings between the turns; completions of it run on `runtime`.
WEFT_API weft_status weft_llama_get_engine(const weft_llama* llama, weft_runtime* runtime,
                                           weft_engine** engine, weft_error** error);

// One generation under way: its ids and its own KV blocks. One thread at a time.
typedef struct weft_state weft_state;
// Tokenises the prompt and checks that it fits; computes nothing.
WEFT_API weft_status weft_llama_new_state(const weft_llama* llama, const char* prompt, size_t size,
                                          int32_t max_tokens, weft_state** state,
                                          weft_error** error);
// Tokens so far, a stop token included.
WEFT_API int32_t weft_state_num_generated(const weft_state* state);
// Gives the blocks back.
WEFT_API void weft_state_free(weft_state* state);

// How a request's tokens are drawn; random numbers are keyed by seed and position. One thread at a
// time.
typedef struct weft_sampler weft_sampler;
// top_p in (0, 1]; the crossing token is kept. The usual values are 0.9 and 42.
WEFT_API weft_status weft_sampler_new(double top_p, uint64_t seed, weft_sampler** sampler,
                                      weft_error** error);
WEFT_API void weft_sampler_free(weft_sampler* sampler);

// What one turn gives.
typedef struct weft_single_token {
  size_t struct_size;
  int32_t token_id;  // of the token
  int32_t done;      // a stop token, or the last of max_tokens
  const char* text;  // valid until the next turn of the state
  size_t size;       // of the text, in bytes
} weft_single_token;

// One turn, and waits for it: the first computes the whole prompt, each later one a token. The
// turns that several threads ask for meanwhile are one forward pass. Temperature 0 takes the most
// likely token. Fails with WEFT_MAX_TOKENS_REACHED after max_tokens.
WEFT_API weft_status weft_llama_generate_single_token(const weft_llama* llama, weft_state* state,
                                                      double temperature, weft_sampler* sampler,
                                                      weft_single_token* token, weft_error** error);

// One output of a generation (TokenOutput of the C++ interface):
typedef struct weft_output {
  size_t struct_size;
  int32_t token_id;
  int32_t index;  // 0 for the first
  const char* text;
  size_t size;
} weft_output;

// What a generation put out, in order. Immutable.
typedef struct weft_outputs weft_outputs;
// How many there are.
WEFT_API size_t weft_outputs_count(const weft_outputs* outputs);
// Fills in the i-th; its text is valid as long as the handle.
WEFT_API weft_status weft_outputs_get(const weft_outputs* outputs, size_t i, weft_output* output,
                                      weft_error** error);
WEFT_API void weft_outputs_free(weft_outputs* outputs);

// The whole loop in one call, which waits. on_output (or NULL) is called on this thread with each
// output; another status than WEFT_OK ends the generation and is returned. `outputs` may be NULL.
WEFT_API weft_status weft_llama_generate_streaming(
    const weft_llama* llama, const char* prompt, size_t size, int32_t max_tokens,
    double temperature, weft_sampler* sampler,
    weft_status (*on_output)(void* user_data, const weft_output* output, weft_error** error),
    void* user_data, weft_outputs** outputs, weft_error** error);

// A function of yours that has a model for itself.
typedef weft_status (*weft_alone)(void* user_data, const weft_llama* llama, weft_error** error);
// Runs f on this thread, between two rounds; everything else stands still until it returns. Within
// it, ask only the weft_llama that it is given, which is not yours to free.
WEFT_API weft_status weft_llama_submit(const weft_llama* llama, weft_alone f, void* user_data,
                                       weft_error** error);

// ---- Many requests through one model, each run by a handler on a thread of its own ----

// What a job is to generate (GenerateRequest):
typedef struct weft_generate_request {
  size_t struct_size;
  const char* prompt;
  size_t prompt_size;
  int32_t max_tokens;
  double temperature;  // 0 takes the most likely token
  double top_p;        // in (0, 1]; the crossing token is kept
  uint64_t seed;
} weft_generate_request;
WEFT_API void weft_generate_request_init(weft_generate_request* request, size_t struct_size);

// Where a handler puts its outputs. Its thread's, until it returns.
typedef struct weft_out_stream weft_out_stream;
// `struct_size`, token_id, index, text and size are read. Never waits. Fails with WEFT_CANCELLED
// once the job was cancelled or its reader has gone, and WEFT_LIMIT_EXCEEDED where max_tokens
// outputs wait to be read.
WEFT_API weft_status weft_out_stream_emit(weft_out_stream* stream, const weft_output* output,
                                          weft_error** error);

// Runs one request: puts its outputs out and returns when it is done. What it is given is valid
// until then; what it asks of `llama` ends with WEFT_CANCELLED once its job is cancelled. Called on
// several threads at once. Errors are returned as a weft_work returns them. It may wait and
// compute; it must not free the weft_inference.
typedef weft_status (*weft_handler)(void* user_data, const weft_generate_request* request,
                                    const weft_llama* llama, const weft_cancel* cancel,
                                    weft_out_stream* out, weft_error** error);

// How many jobs an inference takes on.
typedef struct weft_inference_options {
  size_t struct_size;
  int32_t max_handlers;  // that run at once; 0: as many as the engine runs in one step
  int32_t max_waiting;   // jobs that wait for a handler; one more ends with WEFT_QUEUE_FULL
} weft_inference_options;
WEFT_API void weft_inference_options_init(weft_inference_options* options, size_t struct_size);

// Handlers that are there.
typedef int32_t weft_handler_kind;
enum {
  // Takes turns with every other request: each step of the model advances each by one token.
  WEFT_HANDLER_CONCURRENT = 0,
  // Holds the model for the whole generation: requests run one after another.
  WEFT_HANDLER_BLOCKING = 1
};

// Requests through one model, each a job. Thread-safe.
typedef struct weft_inference weft_inference;
// With one of our handlers.
WEFT_API weft_status weft_inference_new(weft_runtime* runtime, const weft_llama* llama,
                                        weft_handler_kind kind,
                                        const weft_inference_options* options,
                                        weft_inference** inference, weft_error** error);
// With a handler of your own.
WEFT_API weft_status weft_inference_new_with_handler(weft_runtime* runtime, const weft_llama* llama,
                                                     weft_handler handler, void* user_data,
                                                     const weft_inference_options* options,
                                                     weft_inference** inference,
                                                     weft_error** error);
// weft_inference_stop(), and frees the handle.
WEFT_API void weft_inference_free(weft_inference* inference);
// Ends every job with WEFT_SHUT_DOWN and returns when no handler runs any more; not to be called by
// one.
WEFT_API void weft_inference_stop(weft_inference* inference);
// Stops it and gives the model back.
WEFT_API weft_status weft_inference_into_model(weft_inference* inference, weft_llama** llama,
                                               weft_error** error);
// weft_llama_submit(); fails with WEFT_SHUT_DOWN once stopped.
WEFT_API weft_status weft_inference_submit(weft_inference* inference, weft_alone f, void* user_data,
                                           weft_error** error);

// A request on its way. Freeing it cancels it.
typedef struct weft_job weft_job;
// Called with each output in order, on the runtime's threads, never two at once for one job.
typedef void (*weft_on_output)(void* user_data, const weft_output* output);

// `devices` names exactly one: the device that the model was loaded on, or "auto"; none or several
// are the job's error. Outputs go to on_output, or where that is NULL wait for weft_job_next(),
// which delays nothing. on_done (or NULL) comes after the last of them: the handler's error,
// WEFT_CANCELLED, WEFT_SHUT_DOWN, or success. `job` may be NULL: nobody can cancel it then, and it
// runs on.
WEFT_API weft_status weft_inference_spawn(weft_inference* inference,
                                          const weft_generate_request* request,
                                          const char* const* devices, size_t num_devices,
                                          weft_on_output on_output, weft_on_done on_done,
                                          void* user_data, weft_job** job, weft_error** error);
// Spawns, waits, and gives all outputs.
WEFT_API weft_status weft_inference_run(weft_inference* inference,
                                        const weft_generate_request* request,
                                        const char* const* devices, size_t num_devices,
                                        weft_outputs** outputs, weft_error** error);

// Waits for the next output of a job without on_output; *state is WEFT_POLL_FINISHED after the
// last, however the job ended. The text is valid until the next call. One thread at a time.
WEFT_API weft_status weft_job_next(weft_job* job, weft_output* output, weft_poll* state,
                                   weft_error** error);
// The same without waiting: WEFT_POLL_PENDING where there is nothing yet.
WEFT_API weft_status weft_job_try_next(weft_job* job, weft_output* output, weft_poll* state,
                                       weft_error** error);
// Before the start: nothing is computed. In mid-run: what was put out can still be read, nothing is
// added, and the blocks are back within one step.
WEFT_API void weft_job_cancel(weft_job* job);
// Waits for the end, needing no reader, and gives what on_done is given. Any number of times.
WEFT_API weft_status weft_job_join(const weft_job* job, weft_error** error);
WEFT_API void weft_job_free(weft_job* job);

// ================================================================== lists of prompts

// The threads, the batches and the engine of a processor (ParallelProcessor::Builder):
typedef struct weft_processor_options {
  size_t struct_size;
  int32_t num_threads;          // 0: the cores this process may use
  size_t stack_size;            // bytes, of each thread
  int32_t numa_aware;           // thread t stays on one node
  int32_t work_stealing;        // 0: a static split of every loop
  const int32_t* cpu_affinity;  // thread t runs on processor cpu_affinity[t % size]
  size_t num_cpu_affinity;      // 0: wherever the system puts it
  int32_t max_batch_size;       // more prompts are successive batches
  int32_t enable_metrics;
  const weft_engine_config* engine;  // its threads and max_sequences are not used; NULL: defaults
} weft_processor_options;
WEFT_API void weft_processor_options_init(weft_processor_options* options, size_t struct_size);

// How each prompt of a batch is continued (BatchGenerationConfig):
typedef struct weft_batch_config {
  size_t struct_size;
  int32_t max_tokens;
  float temperature;
  int32_t top_k;
  float top_p;
  int64_t timeout_ms;      // of each prompt and attempt; below 0: none
  int32_t retry_attempts;  // further attempts at a prompt that failed
  uint64_t seed;
} weft_batch_config;
WEFT_API void weft_batch_config_init(weft_batch_config* config, size_t struct_size);

// What one prompt gives (GenerationResult):
typedef struct weft_batch_result {
  size_t struct_size;
  const char* text;  // "" where it failed; this and `error`: valid as long as the handle
  size_t size;
  int32_t tokens_generated;
  uint64_t processing_time_ms;
  int32_t success;
  const weft_error* error;  // NULL where it succeeded
  int32_t attempts;
} weft_batch_result;

// How each text of a batch is embedded (BatchEmbedConfig):
typedef struct weft_batch_embed_config {
  size_t struct_size;
  weft_pooling pooling;  // or WEFT_POOLING_OF_MODEL
  int32_t normalize;
  int64_t timeout_ms;  // of each text; below 0: none
} weft_batch_embed_config;
WEFT_API void weft_batch_embed_config_init(weft_batch_embed_config* config, size_t struct_size);

// What one text gives (EmbeddingResult):
typedef struct weft_embed_result {
  size_t struct_size;
  const float* values;  // [dim]; this and `error`: valid as long as the handle
  size_t dim;           // 0 where it failed
  int32_t tokens;       // of the text
  uint64_t processing_time_ms;
  int32_t success;
  const weft_error* error;  // NULL where it succeeded
} weft_embed_result;

// Since the processor was made; all zero without enable_metrics (ParallelStats):
typedef struct weft_processor_stats {
  size_t struct_size;
  uint64_t batches_processed;
  uint64_t items_processed;
  double avg_batch_seconds;
  double items_per_second;
} weft_processor_stats;

// Results in the order of what they are of, one failure leaving the others alone. Immutable.
typedef struct weft_batch_results weft_batch_results;
// How many there are.
WEFT_API size_t weft_batch_results_count(const weft_batch_results* results);
// Fills in the i-th.
WEFT_API weft_status weft_batch_results_get(const weft_batch_results* results, size_t i,
                                            weft_batch_result* result, weft_error** error);
WEFT_API void weft_batch_results_free(weft_batch_results* results);
// The same of texts.
typedef struct weft_embed_results weft_embed_results;
// How many there are.
WEFT_API size_t weft_embed_results_count(const weft_embed_results* results);
// Fills in the i-th.
WEFT_API weft_status weft_embed_results_get(const weft_embed_results* results, size_t i,
                                            weft_embed_result* result, weft_error** error);
WEFT_API void weft_embed_results_free(weft_embed_results* results);
// Ids of each text.
typedef struct weft_id_lists weft_id_lists;
// How many there are.
WEFT_API size_t weft_id_lists_count(const weft_id_lists* lists);
// Empty beyond the last.
WEFT_API weft_id_list weft_id_lists_get(const weft_id_lists* lists, size_t i);
WEFT_API void weft_id_lists_free(weft_id_lists* lists);

// The results are yours to free:
typedef void (*weft_on_batch_results)(void* user_data, const weft_error* error,
                                      weft_batch_results* results);
typedef void (*weft_on_embed_results)(void* user_data, const weft_error* error,
                                      weft_embed_results* results);

// Lists of prompts through one model, on threads and an engine of its own.
typedef struct weft_processor weft_processor;
// Starts the threads.
WEFT_API weft_status weft_processor_new(weft_runtime* runtime, const weft_model* model,
                                        const weft_processor_options* options,
                                        weft_processor** processor, weft_error** error);
// Items that are under way fail with WEFT_SHUT_DOWN.
WEFT_API void weft_processor_free(weft_processor* processor);

// These three wait. They fail as a whole only for a config that cannot be (and tokenising, with the
// error of the first text that has one):
WEFT_API weft_status weft_processor_batch_generate(const weft_processor* processor,
                                                   const weft_string* prompts, size_t count,
                                                   const weft_batch_config* config,
                                                   weft_batch_results** results,
                                                   weft_error** error);
WEFT_API weft_status weft_processor_batch_embed(const weft_processor* processor,
                                                const weft_string* texts, size_t count,
                                                const weft_batch_embed_config* config,
                                                weft_embed_results** results, weft_error** error);
WEFT_API weft_status weft_processor_batch_tokenize(const weft_processor* processor,
                                                   const weft_string* texts, size_t count,
                                                   int32_t add_bos, weft_id_lists** lists,
                                                   weft_error** error);
// The same on a blocking thread of the runtime:
WEFT_API weft_status weft_processor_batch_generate_async(const weft_processor* processor,
                                                         const weft_string* prompts, size_t count,
                                                         const weft_batch_config* config,
                                                         weft_on_batch_results on_results,
                                                         void* user_data, weft_error** error);
WEFT_API weft_status weft_processor_batch_embed_async(const weft_processor* processor,
                                                      const weft_string* texts, size_t count,
                                                      const weft_batch_embed_config* config,
                                                      weft_on_embed_results on_results,
                                                      void* user_data, weft_error** error);

// Calls f(user_data, i, &error) for every i below count, on the processor's threads, several at
// once, and waits. Fails with the error of the first item that has one (items behind it may be left
// out); errors are returned as a weft_work returns them.
WEFT_API weft_status weft_processor_parallel_process(const weft_processor* processor, size_t count,
                                                     weft_status (*f)(void* user_data, size_t i,
                                                                      weft_error** error),
                                                     void* user_data, weft_error** error);

// All zero without enable_metrics.
WEFT_API weft_status weft_processor_get_stats(const weft_processor* processor,
                                              weft_processor_stats* stats, weft_error** error);
// That compute.
WEFT_API int32_t weft_processor_num_threads(const weft_processor* processor);

// ================================================================== a model as a service

typedef struct weft_llm_config {
  size_t struct_size;
  const char* model;        // a path, or a name that is looked for below $WEFT_MODELS
  const char* device;       // "auto", "cpu", "cuda"
  const char* dtype;        // of the KV cache: "float16", "bfloat16", "float32"
  int32_t max_queue_size;   // requests that were accepted and wait to be started
  int32_t num_blocks;       // of the KV pool, …
  int32_t block_size;       // … each of so many tokens; divides 256
  int32_t max_seq_length;   // tokens of a request, prompt and generated
  int32_t worker_count;     // threads that prepare requests and turn ids to text
  int32_t threads;          // threads that compute; 0: the usable cores
  int32_t max_sequences;    // requests that run at once
  int64_t keep_results_ms;  // that nobody fetches
  int32_t gpu_layers;       // as in weft_model_options
} weft_llm_config;
WEFT_API void weft_llm_config_init(weft_llm_config* config, size_t struct_size);

// How a request's tokens are drawn, and where it ends (SamplingParams of AsyncLLM):
typedef struct weft_llm_params {
  size_t struct_size;
  float temperature;  // ≥ 0; 0 takes the most likely token
  float top_p;        // (0, 1]; keep the smallest set of at least this mass
  int32_t top_k;      // keep the k most likely; ≤ 0: all
  int32_t max_tokens;
  int32_t min_tokens;  // before that many nothing but max_tokens ends it
  const weft_string* stop_sequences;
  size_t num_stop_sequences;  // the text ends before the first of them
  const int32_t* stop_token_ids;
  size_t num_stop_token_ids;  // beside the model's own
  float repetition_penalty;   // > 0; 1: none
  uint64_t seed;
} weft_llm_params;
WEFT_API void weft_llm_params_init(weft_llm_params* params, size_t struct_size);
// Presets: temperature 0; 0.8, top_p 0.9, top_k 50; 0.7, 0.9, 40:
WEFT_API void weft_llm_params_greedy(weft_llm_params* params, size_t struct_size);
WEFT_API void weft_llm_params_creative(weft_llm_params* params, size_t struct_size);
WEFT_API void weft_llm_params_balanced(weft_llm_params* params, size_t struct_size);

// What a request may ask for beside its sampling (RequestOptions):
typedef struct weft_request_options {
  size_t struct_size;
  weft_priority priority;
  int64_t timeout_ms;  // from its submission to its last token; 0: none
} weft_request_options;
WEFT_API void weft_request_options_init(weft_request_options* options, size_t struct_size);

// A finished request (GenerationOutput):
typedef struct weft_llm_output {
  size_t struct_size;
  uint64_t request_id;
  const char* prompt;  // of a talk: what the template made of it
  size_t prompt_size;
  const char* text;
  size_t size;
  int32_t tokens_generated;      // without the stop token
  int32_t total_tokens;          // with the prompt's
  const int32_t* block_indices;  // the KV blocks that it had; given back by now
  size_t num_blocks;
  weft_finish_reason finish_reason;
} weft_llm_output;

// Figures since the start; waiting, running and blocks are those of now (AsyncLLMStats):
typedef struct weft_llm_stats {
  size_t struct_size;
  uint64_t submitted;
  uint64_t completed;
  uint64_t failed;
  uint64_t cancelled;
  uint64_t timed_out;
  int32_t waiting_for_room;  // their submitters wait for a place in the queue
  int32_t waiting;           // in the queue
  int32_t running;
  int32_t results_kept;  // not fetched yet
  uint64_t results_expired;
  uint64_t prompt_tokens;  // computed
  uint64_t generated_tokens;
  int32_t blocks_total;
  int32_t blocks_used;
} weft_llm_stats;

// Requests are queued, run together, and answered by completions, streams, or by number later on.
typedef struct weft_llm weft_llm;
// The weft_llm is yours to free.
typedef void (*weft_on_llm)(void* user_data, const weft_error* error, weft_llm* llm);
// Valid until it returns.
typedef void (*weft_on_llm_output)(void* user_data, const weft_error* error,
                                   const weft_llm_output* output);

// Loads the model, and waits for that.
WEFT_API weft_status weft_llm_new(weft_runtime* runtime, const weft_llm_config* config,
                                  weft_llm** llm, weft_error** error);
// The same on a blocking thread of the runtime.
WEFT_API weft_status weft_llm_new_async(weft_runtime* runtime, const weft_llm_config* config,
                                        weft_on_llm on_llm, void* user_data, weft_error** error);
// Over a model that is loaded already; config.model, device and threads are those of the model.
WEFT_API weft_status weft_llm_over(weft_runtime* runtime, const weft_model* model,
                                   const weft_llm_config* config, weft_llm** llm,
                                   weft_error** error);
// Refuses new requests. drain: what was submitted is finished first; else it ends with
// WEFT_SHUT_DOWN. Waits for either.
WEFT_API weft_status weft_llm_shutdown(weft_llm* llm, int32_t drain, weft_error** error);
// weft_llm_shutdown() without drain, and frees the handle.
WEFT_API void weft_llm_free(weft_llm* llm);

// ---- Calls that give their answer ----
// While the queue is full, these calls wait for a place (urgent ones first), and only so: where a
// loop must not wait, weft_llm_try_submit() and weft_llm_get_result(). What is wrong with a request
// is its answer.

// The answer to a prompt, and to a talk:
WEFT_API weft_status weft_llm_generate(const weft_llm* llm, const char* prompt, size_t size,
                                       const weft_llm_params* params,
                                       const weft_request_options* options,
                                       weft_on_llm_output on_output, void* user_data,
                                       weft_error** error);
WEFT_API weft_status weft_llm_chat(const weft_llm* llm, const weft_chat_message* messages,
                                   size_t count, const weft_chat_options* chat_options,
                                   const weft_llm_params* params,
                                   const weft_request_options* options,
                                   weft_on_llm_output on_output, void* user_data,
                                   weft_error** error);

// Answers of a batch, in the order of its prompts. Immutable.
typedef struct weft_llm_outputs weft_llm_outputs;
// The answers are yours to free.
typedef void (*weft_on_llm_outputs)(void* user_data, const weft_error* error,
                                    weft_llm_outputs* outputs);
// How many there are.
WEFT_API size_t weft_llm_outputs_count(const weft_llm_outputs* outputs);
// Fails as the i-th request did. Its texts are valid as long as the handle.
WEFT_API weft_status weft_llm_outputs_get(const weft_llm_outputs* outputs, size_t i,
                                          weft_llm_output* output, weft_error** error);
WEFT_API void weft_llm_outputs_free(weft_llm_outputs* outputs);
// Never more than batch_size (4, say) under way at once. Does not wait for a place in the queue:
// its requests do.
WEFT_API weft_status weft_llm_generate_batch(const weft_llm* llm, const weft_string* prompts,
                                             size_t count, const weft_llm_params* params,
                                             int32_t batch_size, weft_on_llm_outputs on_outputs,
                                             void* user_data, weft_error** error);

// ---- Streams ----

// One output of a stream (StreamOutput):
typedef struct weft_llm_token {
  size_t struct_size;
  int32_t token_id;   // −1 where a stop token ended it, which is an output of its own
  const char* token;  // the text that became whole with it; may be ""
  size_t token_size;
  const char* text;  // so far, this token's included
  size_t size;
  int32_t finished;  // the last output, and exactly one is
  int32_t tokens_generated;
  uint64_t request_id;
} weft_llm_token;

// Freeing it cancels the request. It may outlive its weft_llm: it has ended then.
typedef struct weft_llm_stream weft_llm_stream;
// `token` is NULL, with no error, after the finished one.
typedef void (*weft_on_llm_token)(void* user_data, const weft_error* error,
                                  const weft_llm_token* token);
// weft_llm_generate() and weft_llm_chat(), a token at a time:
WEFT_API weft_status weft_llm_generate_stream(const weft_llm* llm, const char* prompt, size_t size,
                                              const weft_llm_params* params,
                                              const weft_request_options* options,
                                              weft_llm_stream** stream, weft_error** error);
WEFT_API weft_status weft_llm_chat_stream(const weft_llm* llm, const weft_chat_message* messages,
                                          size_t count, const weft_chat_options* chat_options,
                                          const weft_llm_params* params,
                                          const weft_request_options* options,
                                          weft_llm_stream** stream, weft_error** error);
// The next output, or what the request failed with. One at a time.
WEFT_API weft_status weft_llm_stream_next(weft_llm_stream* stream, weft_on_llm_token on_token,
                                          void* user_data, weft_error** error);
// Ends the request; weft_llm_stream_next() says WEFT_CANCELLED once what was made is read.
WEFT_API void weft_llm_stream_cancel(weft_llm_stream* stream);
// Its number.
WEFT_API uint64_t weft_llm_stream_request_id(const weft_llm_stream* stream);
WEFT_API void weft_llm_stream_free(weft_llm_stream* stream);

// ---- Calls that give a number ----
// Numbers count from 1. The answer is kept until it is fetched, or for keep_results_ms.

// Waits for a place while the queue is full.
WEFT_API weft_status weft_llm_submit_request(const weft_llm* llm, const char* prompt, size_t size,
                                             const weft_llm_params* params,
                                             const weft_request_options* options, uint64_t* id,
                                             weft_error** error);
// Fails with WEFT_QUEUE_FULL instead.
WEFT_API weft_status weft_llm_try_submit(const weft_llm* llm, const char* prompt, size_t size,
                                         const weft_llm_params* params,
                                         const weft_request_options* options, uint64_t* id,
                                         weft_error** error);
// The answer, once it is there, which is fetched by that. WEFT_NOT_FOUND for a number that was
// never given, was fetched or has expired.
WEFT_API weft_status weft_llm_get_result(const weft_llm* llm, uint64_t id,
                                         weft_on_llm_output on_output, void* user_data,
                                         weft_error** error);
// *state: WEFT_POLL_READY, and *outputs is a list of the one answer; WEFT_POLL_PENDING or
// WEFT_POLL_UNKNOWN, and it is NULL.
WEFT_API weft_status weft_llm_try_get_result(const weft_llm* llm, uint64_t id, weft_poll* state,
                                             weft_llm_outputs** outputs, weft_error** error);
// Ends a request of any kind with WEFT_CANCELLED, its work within one step. 0 where there is none
// under way by this number.
WEFT_API int32_t weft_llm_cancel(const weft_llm* llm, uint64_t id);

// Fills in *stats.
WEFT_API weft_status weft_llm_get_stats(const weft_llm* llm, weft_llm_stats* stats,
                                        weft_error** error);
// The engine that runs the requests, for embeddings beside them.
WEFT_API weft_status weft_llm_get_engine(const weft_llm* llm, weft_engine** engine,
                                         weft_error** error);

#ifdef __cplusplus
}
#endif

#endif  // WEFT_WEFT_H
