// AsyncLLM: a model as a service inside your program. Requests are queued, run together, and
// answered by futures, callbacks, streams, or by number later on.
//
//   using namespace weft::llm;
//   auto llm = AsyncLLM::create({.model = "Qwen/Qwen3-0.6B"});   // Result<AsyncLLM>
//   auto answer = llm->generate("Hello", SamplingParams::balanced());  // a future
//   auto id = llm->submit_request("Tell me a story");                  // a number
//   std::cout << answer.get()->generated_text << llm->get_result(*id).get()->generated_text;
//
// A thin layer over api/engine.h, which schedules: num_blocks × block_size is all the KV memory
// there is. What a request gets does not depend on who else is there. Standard library only:
// nothing here needs an event loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/async_llm/sampling_params.h"
#include "api/engine.h"
#include "core/error.h"

namespace weft::llm {

// The model, its memory and its threads; fixed once it is made.
struct AsyncLLMConfig {
  // A path, or a name that is looked for below $WEFT_MODELS (api/model_path.h).
  std::string model = "Qwen/Qwen3-0.6B";
  std::string device = "auto";        // auto, cpu, cuda (ModelOptions::device)
  std::optional<int32_t> gpu_layers;  // of the model (ModelOptions::gpu_layers); none: all
  std::string dtype = "float16";      // of the KV cache: float16, bfloat16, float32
  int32_t max_queue_size = 1000;      // requests that were accepted and wait to be started
  int32_t num_blocks = 1024;          // of the KV pool, …
  int32_t block_size = 16;            // … each of so many tokens; divides 256
  int32_t max_seq_length = 4096;      // tokens of a request, prompt and generated
  int32_t worker_count = 2;           // threads that prepare requests and turn ids to text
  int32_t threads = 0;                // threads that compute; 0: the usable cores
  int32_t max_sequences = 64;         // requests that run at once
  std::chrono::milliseconds keep_results = std::chrono::minutes(5);  // that nobody fetches
};

// Numbers of one AsyncLLM count from 1 and are not used again.
using RequestId = uint64_t;

// What a request may ask for beside its sampling.
struct RequestOptions {
  Priority priority = Priority::kNormal;  // kLow, kNormal, kHigh, kUrgent
  // From its submission to its last token; kTimedOut then, and the work stops. 0: none.
  std::chrono::milliseconds timeout{0};
};

// A finished request.
struct GenerationOutput {
  RequestId request_id = 0;      // its number
  std::string prompt;            // as it was given, or the rendered talk
  std::string generated_text;    // whole UTF-8, without a stop sequence
  int32_t tokens_generated = 0;  // without the stop token
  int32_t total_tokens = 0;      // with the prompt's
  // The KV blocks that it had, in order of position; given back by now.
  std::vector<int32_t> block_indices;
  FinishReason finish_reason = FinishReason::kLength;  // why it ended
};

// One step of a stream.
struct StreamOutput {
  std::string token;      // the text that became whole with it; may be ""
  int32_t token_id = -1;  // of the token
  std::string text;       // so far, this token's included
  // The last output, and exactly one is. Where a stop token ended the request it is one of its own,
  // with nothing but this: token "", token_id −1.
  bool finished = false;
  int32_t tokens_generated = 0;  // so far
  RequestId request_id = 0;      // its number
};

// What try_get_result() found.
struct Polled {
  // What became of a number.
  enum class State { kReady, kNotReady, kUnknown };
  State state = State::kUnknown;                   // of it
  std::optional<Result<GenerationOutput>> result;  // where kReady
};

// Figures since the start; waiting, running and blocks are those of now.
struct AsyncLLMStats {
  uint64_t submitted = 0;         // requests: those of the next four rows and those under way
  uint64_t completed = 0;         // came to their end
  uint64_t failed = 0;            // ended with another error than the two that follow
  uint64_t cancelled = 0;         // kCancelled
  uint64_t timed_out = 0;         // kTimedOut
  int32_t waiting_for_room = 0;   // their submitters wait for a place in the queue
  int32_t waiting = 0;            // in the queue: at most max_queue_size
  int32_t running = 0;            // in the engine
  int32_t results_kept = 0;       // not fetched yet
  uint64_t results_expired = 0;   // dropped after keep_results
  uint64_t prompt_tokens = 0;     // computed
  uint64_t generated_tokens = 0;  // of all requests, as they are made
  int32_t blocks_total = 0;       // of the KV pool
  int32_t blocks_used = 0;        // by requests that run
};

class Core;
struct PendingRequest;

// One request's tokens as they are made. Movable; one thread reads it at a time, cancel() may be
// called from any. Dropping it cancels the request. May outlive its AsyncLLM: it has ended then.
class Stream {
 public:
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  // Waits for the next output; nothing after the finished one. Fails with what the request failed
  // with: as submit_request(), or kCancelled, kTimedOut, kShutDown, a device's error.
  Result<std::optional<StreamOutput>> next();
  // What next() would give, if it need not wait.
  std::optional<Result<std::optional<StreamOutput>>> try_next();
  void cancel();                 // next() says kCancelled, once what was made is read
  RequestId request_id() const;  // its number

 private:
  friend class AsyncLLM;
  friend struct LLMHooks;
  using Prepared = std::future<Result<std::shared_ptr<TokenStream>>>;
  Stream(std::shared_ptr<Core> core, std::shared_ptr<PendingRequest> request, Prepared prepared);
  void finish(const std::optional<Error>& error);
  void take_prepared();
  Result<std::optional<StreamOutput>> ended() const;
  Result<std::optional<StreamOutput>> output_of(Result<std::optional<TokenOutput>> token);

  std::shared_ptr<Core> core_;
  std::shared_ptr<PendingRequest> request_;
  Prepared prepared_;
  std::shared_ptr<TokenStream> stream_;  // null until it was prepared
  std::string text_;
  std::optional<Error> error_;
  bool done_ = false;
};

// Thread-safe. Destroying it ends what is pending with kShutDown: every future becomes ready,
// every callback is called, every stream ends. It may be destroyed from any thread that owns it, a
// callback's included, but not from within Engine::run_between_steps().
class AsyncLLM {
 public:
  // Told the answer.
  using OnDone = std::function<void(Result<GenerationOutput>)>;

  // Loads the model and starts the threads. Fails with kNotFound (where it looked), kUnsupported
  // for the device mps, kInvalidArgument, kOutOfMemory, or as Model::load() does.
  static Result<AsyncLLM> create(const AsyncLLMConfig& config = {});
  // Over a model that is loaded already; config.model, device and threads are those of the model.
  static Result<AsyncLLM> create(std::shared_ptr<const Model> model, const AsyncLLMConfig& config);
  AsyncLLM(AsyncLLM&&) noexcept;
  AsyncLLM& operator=(AsyncLLM&&) noexcept;
  ~AsyncLLM();

  // --- Calls that give their answer ------------------------------------------------------------
  // Requests wait in a queue of max_queue_size; while it is full these calls wait for a place,
  // urgent ones first (in a callback they do not wait: the request does). What is wrong with a
  // request is its answer: kInvalidArgument, kTokenOutOfRange, kContextOverflow (more than
  // max_seq_length or than all blocks hold), kShutDown.
  std::future<Result<GenerationOutput>> generate(std::string prompt,
                                                 const SamplingParams& params = {},
                                                 const RequestOptions& options = {});
  // `on_done` is called once, on a worker thread: keep it short. (On the calling thread where the
  // AsyncLLM was shut down.) What it throws is swallowed.
  void generate(std::string prompt, const SamplingParams& params, const RequestOptions& options,
                OnDone on_done);
  // The same, a token at a time.
  Stream generate_stream(std::string prompt, const SamplingParams& params = {},
                         const RequestOptions& options = {});
  // The same for messages: the prompt is what the model's chat template makes of them, on a worker
  // thread. GenerationOutput::prompt is the rendered text. What is wrong with the template or the
  // messages is the answer, as tokenize_chat() fails (api/chat.h).
  std::future<Result<GenerationOutput>> chat(std::vector<ChatMessage> messages,
                                             const SamplingParams& params = {},
                                             const RequestOptions& options = {},
                                             const ChatOptions& chat_options = {});
  void chat(std::vector<ChatMessage> messages, const SamplingParams& params,
            const RequestOptions& options, const ChatOptions& chat_options, OnDone on_done);
  // The same, a token at a time.
  Stream chat_stream(std::vector<ChatMessage> messages, const SamplingParams& params = {},
                     const RequestOptions& options = {}, const ChatOptions& chat_options = {});
  // In the order of the prompts, each its own.
  using Answers = std::vector<Result<GenerationOutput>>;
  // Never more than batch_size of the prompts are under way at once. Does not wait for a place in
  // the queue: its requests do.
  std::future<Answers> generate_batch(std::vector<std::string> prompts,
                                      const SamplingParams& params = {}, int32_t batch_size = 4);
  // The same with a callback, as generate() calls it.
  void generate_batch(std::vector<std::string> prompts, const SamplingParams& params,
                      int32_t batch_size, std::function<void(Answers)> on_done);

  // --- Calls that give a number ----------------------------------------------------------------
  // The answer is kept until it is fetched, or for config.keep_results.
  Result<RequestId> submit_request(std::string prompt, const SamplingParams& params = {},
                                   const RequestOptions& options = {});
  // The same, failing with kQueueFull instead of waiting for a place.
  Result<RequestId> try_submit(std::string prompt, const SamplingParams& params = {},
                               const RequestOptions& options = {});
  // Ready with the answer, which is fetched by that; kNotFound for a number that was never given,
  // was fetched or has expired.
  std::future<Result<GenerationOutput>> get_result(RequestId id);
  // The same with a callback, as generate() calls it; on the calling thread where it is ready.
  void get_result(RequestId id, OnDone on_done);
  Polled try_get_result(RequestId id);  // the same without waiting
  // Ends a request of any kind with kCancelled, its work within one step. False where there is
  // none under way by this number.
  bool cancel(RequestId id);

  AsyncLLMStats get_stats() const;       // as of now
  const AsyncLLMConfig& config() const;  // what it was made with
  const Model& model() const;            // valid as long as this object
  // The engine that runs the requests, for its ledger and for requests of another kind.
  Engine& engine() const;

  // Refuses new requests. kDrain: what was submitted is finished first; kNow: it ends with
  // kShutDown. Returns when all threads have ended, its own apart.
  void shutdown(Engine::Shutdown how);

 private:
  explicit AsyncLLM(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace weft::llm
