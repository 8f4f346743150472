// Engine: many generations woven through one model, a token step at a time.
//
//   auto model = weft::Model::load("model.gguf");
//   auto engine = weft::Engine::create(*model);
//   auto stream = (*engine)->submit({.prompt = "Once upon a time", .max_tokens = 64});
//   while (auto token = stream->next()) {        // Result<std::optional<TokenOutput>>
//     if (!*token) break;                         // finished
//     std::cout << (*token)->text;
//   }
//
// What a request gets does not depend on who else is there: its ids equal those of a run alone,
// bit for bit, whatever the batch, the arrivals, the cancellations, the prefix cache or the
// preemptions beside it.
//
// One step thread owns the model's state. Tokens travel to their readers through bounded queues;
// a reader that falls behind pauses its own request and nobody else's. Text is put together on the
// reader's thread, so the step thread never runs a caller's code. Nothing throws or aborts; any
// number of engines live side by side in one process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "api/chat.h"
#include "api/embedding.h"
#include "api/model.h"
#include "core/error.h"
#include "core/thread_setup.h"
#include "scheduler/priority.h"
#include "scheduler/sampler.h"

namespace weft {

class Trace;

// What an engine is made of; fixed once it is made.
struct EngineConfig {
  int32_t max_sequences = 64;      // generations in one step
  int32_t max_batch_tokens = 512;  // prompt tokens in one step; running generations always go on
  int32_t max_queue = 1000;        // requests that wait to be started; one more is kQueueFull
  int32_t block_size = 16;         // tokens of a KV block; divides 256
  // Blocks of the KV pool. 0: for 16,384 tokens, or as many as half of the available memory holds,
  // the host's and a GPU's, each for its layers.
  int32_t num_blocks = 0;
  bool prefix_cache = true;      // keep the KV of ended requests for prompts that begin alike
  std::string kv_type = "auto";  // auto, f32, f16, bf16, q8_0, fp8 (cuda only)
  // Threads that compute, the step thread included. 0: as many as the model was loaded with.
  int threads = 0;
  ThreadSetup thread_setup;  // stack, processors and stealing of those threads
  // Longest time between two tokens of a running request that a new prompt's computation may cause,
  // in milliseconds. 0: 99 of 100 take up to 1.5 times the time without a prompt.
  double max_inter_token_ms = 0;
  // Longest time a step waits for those that advance by turns (SteppedGeneration), were given a
  // token and have not asked for the next, in milliseconds. It ends when all have asked; who comes
  // later misses a round, and is not waited for again until it keeps up. 0: as long as a step
  // takes, 5 to 50.
  double max_turn_wait_ms = 0;
  // On a GPU, a step of running generations is begun before the ids of the one before it are known
  // to the host, so that the GPU never waits for it. Changes no token.
  bool overlap_steps = true;
  // Where steps, sequences, prompt chunks and preemptions are recorded (api/trace.h). It is written
  // from the step thread. nullptr: nowhere, at no cost.
  std::shared_ptr<Trace> trace;
};

// One generation to run, or n of one prompt.
struct Request {
  std::string prompt;                     // text, or …
  std::vector<int32_t> prompt_ids;        // … ids, used as they are where not empty
  bool add_bos = true;                    // text: put the model's BOS before it
  bool parse_special = false;             // text: control tokens in it become their ids
  int32_t max_tokens = 256;               // generated at most
  int32_t min_tokens = 0;                 // before that many nothing but max_tokens ends it
  SamplingParams sampling;                // how its tokens are drawn
  int32_t n = 1;                          // samples of one prompt: submit_all() gives a stream each
  std::vector<std::string> stop_strings;  // the text ends before the first of them
  std::vector<int32_t> stop_ids;          // beside the model's own
  bool ignore_eos = false;                // only stop_ids end it, not the model's own
  bool emit_stop_token = false;           // the stop token is the last output; else it is left out
  int32_t logprobs = -1;         // −1: none; 0: the token's own; k: the k most likely too
  bool prompt_logprobs = false;  // of every prompt token but the first
  Priority priority = Priority::kNormal;  // whose turn comes first among those that wait
  uint64_t cache_salt = 0;                // prefixes are shared only between equal salts
  // Tokens a reader may be behind before its request pauses. 0: max_tokens, it never pauses.
  int32_t buffer = 0;
  bool report_blocks = false;  // TokenStream::block_ids()
};

// An id and how likely the model found it.
struct TokenLogprob {
  int32_t id = 0;     // of the token
  float logprob = 0;  // natural logarithm of the model's own probability, before the sampler
};

// One generated token.
struct TokenOutput {
  int32_t id = 0;     // of the token
  int32_t index = 0;  // 0 for the first generated token
  std::string text;   // what became whole with this token; always valid UTF-8, may be ""
  std::chrono::steady_clock::time_point made_at;  // when its step was done
  std::optional<float> logprob;                   // where Request::logprobs ≥ 0
  std::vector<TokenLogprob> top_logprobs;         // the most likely, best first
};

// What a request took, in tokens.
struct Usage {
  int32_t prompt_tokens = 0;      // of its prompt, BOS included
  int32_t cached_tokens = 0;      // of them, found in the prefix cache
  int32_t completion_tokens = 0;  // generated, a stop token included where it is emitted
};

namespace engine {
class Inbox;
class StepLoop;
struct Hold;
struct Job;
struct StreamHooks;
}  // namespace engine

// What one generation gives, in order. Movable; one thread reads it at a time, cancel() may be
// called from any. Destroying it cancels the generation.
class TokenStream {
 public:
  TokenStream(TokenStream&&) noexcept;
  TokenStream& operator=(TokenStream&&) noexcept;
  ~TokenStream();

  // The next token; nothing once the generation has finished; an error once it failed
  // (kCancelled, kShutDown, kNonFiniteLogits, kDeviceError). Blocks until one of these is known.
  Result<std::optional<TokenOutput>> next();
  // The same without waiting longer than until `deadline`: kTimedOut then, and the stream goes on.
  Result<std::optional<TokenOutput>> next_until(std::chrono::steady_clock::time_point deadline);
  // What next() would give, if it need not wait.
  std::optional<Result<std::optional<TokenOutput>>> try_next();

  // Ends the generation before its next step; its blocks are back within one step. Tokens that
  // were made already can still be read, then next() says kCancelled. Again: nothing happens.
  void cancel();

  bool is_finished() const;  // next() will not give another token
  // Why it finished; nothing while it goes on or where it failed.
  std::optional<FinishReason> finish_reason() const;
  Usage usage() const;  // so far
  // The prompt as it was tokenised; valid as long as the stream.
  const std::vector<int32_t>& prompt_ids() const;
  // [prompt tokens − 1], where the request asked for it; whole once the first token is there.
  std::vector<TokenLogprob> prompt_logprobs() const;
  // The KV blocks that held it, in order of position, where the request asked for them; there once
  // it has ended. They are given back by then: for accounts, not for access.
  std::vector<int32_t> block_ids() const;

 private:
  friend class Engine;
  friend struct engine::StreamHooks;
  class Reader;
  explicit TokenStream(std::unique_ptr<Reader> reader);
  std::unique_ptr<Reader> reader_;
};

// Figures since the engine was made; states and blocks are those of now.
struct EngineStats {
  int32_t waiting = 0;            // requests not started yet
  int32_t running = 0;            // in the steps
  int32_t paused = 0;             // of both, whose readers are behind
  int32_t blocks_free = 0;        // of the KV pool
  int32_t blocks_cached = 0;      // without an owner, kept for prompts that begin alike
  int32_t blocks_owned = 0;       // by running requests
  int32_t blocks_capacity = 0;    // all of them together
  uint64_t steps = 0;             // forward passes
  uint64_t preemptions = 0;       // requests that gave their blocks back to be computed again
  uint64_t prompt_tokens = 0;     // computed
  uint64_t cached_tokens = 0;     // found in the prefix cache instead
  uint64_t generated_tokens = 0;  // of all requests
  uint64_t finished = 0;          // requests that came to their end
  uint64_t cancelled = 0;         // requests that were cancelled
  uint64_t failed = 0;            // requests that ended with an error
};

// The engine for one caller alone: see Engine::hold(). Destroying it lets the others go on.
class EngineHold {
 public:
  EngineHold(EngineHold&&) noexcept;
  EngineHold& operator=(EngineHold&&) noexcept;
  ~EngineHold();

 private:
  friend class Engine;
  friend class SteppedGeneration;
  EngineHold(std::shared_ptr<engine::Hold> hold, engine::StepLoop& loop);
  void give_up();

  std::shared_ptr<engine::Hold> hold_;
  engine::StepLoop* loop_;  // only named in posted work, never used here
  std::shared_ptr<engine::Inbox> inbox_;
};

// Thread-safe.
class Engine {
 public:
  // Allocates the KV pool and the workspace, and starts the step thread. Fails with
  // kInvalidArgument, or kOutOfMemory naming the ledger.
  static Result<std::unique_ptr<Engine>> create(std::shared_ptr<const Model> model,
                                                const EngineConfig& config = {});
  // shutdown(Shutdown::kNow).
  ~Engine();

  // Fails at once with kInvalidArgument, kTokenOutOfRange, kContextOverflow (prompt + max_tokens
  // can never fit the pool), kQueueFull or kShutDown. Tokenises on the calling thread and never
  // waits for the model. submit() is for n = 1.
  Result<TokenStream> submit(const Request& request);
  // A stream for each of the request's n samples; the prompt is computed once.
  Result<std::vector<TokenStream>> submit_all(const Request& request);
  // The answer to messages: the prompt is what the model's chat template makes of them
  // (api/chat.h); the request's own prompt is not used. The KV of what a talk began with is found
  // in the prefix cache. Fails as tokenize_chat() and submit() do.
  Result<TokenStream> chat(const std::vector<ChatMessage>& messages, Request request = {},
                           const ChatOptions& options = {});

  // Embeddings: prompts that are only computed, in the same steps as everybody's generations.
  // submit_embedding() fails at once as submit() does; the others wait for all of their texts, in
  // order, and fail with the error of the first that has one, naming it.
  Result<PendingEmbedding> submit_embedding(const EmbedRequest& request);
  // A vector [n_embd] for each text.
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts,
                                                const EmbedOptions& options = {});
  // A vector for each token of each text.
  Result<std::vector<Embedding>> embed_tokens(std::span<const std::string> texts,
                                              const EmbedOptions& options = {});

  // Runs `work` on the step thread between two steps and waits until it is done; stats() then tells
  // what it, and every call before it, changed. Fails with kShutDown where it will not be run.
  Result<void> run_between_steps(std::function<void()> work);

  // Waits, first come first served, until every generation stands still between two steps. While
  // the hold lasts only turns that are asked for with it advance; the others keep their place and,
  // unless the pool runs out, their blocks. So the holder must not read a TokenStream meanwhile:
  // it would wait for itself. Fails with kCancelled once `stop` is requested, or kShutDown.
  Result<EngineHold> hold(std::stop_token stop = {});

  // How an engine is stopped.
  enum class Shutdown {
    kDrain,  // what was submitted is finished first
    kNow,    // every stream ends with kShutDown within one step
  };
  // Refuses new requests and returns when the step thread has ended. Every stream resolves.
  void shutdown(Shutdown how);

  EngineStats stats() const;  // as of the last step
  // Requests that wait to be started, at this moment.
  int32_t num_waiting() const;
  // Valid as long as the engine.
  const Model& model() const;
  // What it was made with.
  const EngineConfig& config() const;
  // What weights, KV pool and the largest step take, in bytes.
  MemoryLedger memory() const;
  // The processor and the kernels that run it, for people to read.
  std::string device_description() const;

 private:
  friend class SteppedGeneration;
  explicit Engine(std::unique_ptr<engine::StepLoop> loop);
  std::unique_ptr<engine::StepLoop> loop_;
};

// A generation that advances only when it is asked to, one token a turn: what a handler of one's
// own is written with. The turns of a round are one forward pass: a step waits until everyone who
// was given a token has asked for the next or has gone (EngineConfig::max_turn_wait_ms bounds it).
// Used by one thread at a time.
class SteppedGeneration {
 public:
  // Reserves nothing and computes nothing yet. `request.sampling` is not used: each turn brings
  // its sampler. Fails as Engine::submit() does.
  static Result<SteppedGeneration> create(Engine& engine, const Request& request);
  SteppedGeneration(SteppedGeneration&&) noexcept;
  SteppedGeneration& operator=(SteppedGeneration&&) noexcept;
  // Gives its blocks back.
  ~SteppedGeneration();

  // What one turn gives.
  struct Turn {
    int32_t id = 0;     // of the token
    std::string text;   // what became whole; with `done`, all that was held back
    bool done = false;  // a stop token (which is in the sequence, as the last), or max_tokens
  };
  // The next token: the first turn computes the whole prompt. Waits for the step. Fails with
  // kMaxTokensReached after the last turn, kCancelled, kShutDown, kNonFiniteLogits, kDeviceError.
  // `hold`: the turn of one that holds the engine; without it, the turn waits for the hold's end.
  Result<Turn> next(Sampler& sampler, const EngineHold* hold = nullptr);

  // From any thread: a turn that waits ends with kCancelled, and so does every later one.
  void cancel();
  int32_t num_generated() const;  // tokens so far, a stop token included

 private:
  class Reader;
  explicit SteppedGeneration(std::unique_ptr<Reader> reader);
  std::unique_ptr<Reader> reader_;
};

}  // namespace weft
