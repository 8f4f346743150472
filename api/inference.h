// Inference: many requests through one model at a time, each run by a handler on a thread of its
// own. The handler decides how a request uses the model: a token at a time, in turns with all
// others (concurrent_streaming_handler), the whole generation at once (streaming_handler), or as
// you write it.
//
//   using namespace weft::inference;
//   auto model = Llama::load("model.gguf", "cpu");
//   Inference inference =
//       InferenceBuilder<Llama>().with_model(*model).build(concurrent_streaming_handler);
//   Job one = inference.infer(GenerateRequest("Hello")).with_devices({"cpu"}).spawn();
//   Job two = inference.infer({.prompt = "World", .max_tokens = 20}).with_devices({"cpu"}).spawn();
//   for (const TokenOutput& output : one.stream) std::cout << output.token;
//   for (const TokenOutput& output : two.stream) std::cout << output.token;
//   if (auto done = one.join(); !done) std::cerr << done.error().message;
//
// A thin layer over api/engine.h, which schedules. docs/concurrency.md says which handler when.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "api/llama.h"
#include "core/error.h"

namespace weft::inference {

// GenerateRequest("Hello") takes the defaults.
struct GenerateRequest {
  std::string prompt;        // text; BOS is put before it as the model says
  int32_t max_tokens = 50;   // generated at most
  double temperature = 0.7;  // 0 takes the most likely token
  double top_p = 0.9;        // in (0, 1]; the crossing token is kept
  uint64_t seed = 42;        // equal requests with equal seeds give equal tokens
};

// ------------------------------------------------------------------ what a handler is given

// Whether its job was cancelled: by Job::cancel(), because its reader has gone, or because the
// inference was stopped. Copyable, thread-safe.
class CancelToken {
 public:
  // Cancelled once a stop of `token` is requested.
  explicit CancelToken(std::stop_token token) : token_(std::move(token)) {}
  // Whether a handler is to end now.
  bool is_cancelled() const { return token_.stop_requested(); }
  // For a std::stop_callback, or to wait on.
  const std::stop_token& stop_token() const { return token_; }

 private:
  std::stop_token token_;
};

class JobState;  // api/inference/job_state.h

// Where a handler puts its outputs. Used by the handler's thread.
template <class T>
class OutStream;

// Of tokens.
template <>
class OutStream<TokenOutput> {
 public:
  explicit OutStream(std::shared_ptr<JobState> job);  // For the inference.
  // Never waits. Fails with kCancelled once the job was cancelled or its reader has gone (nothing
  // is put out any more), and with kLimitExceeded where max_tokens outputs wait to be read.
  Result<void> emit(TokenOutput output);

 private:
  std::shared_ptr<JobState> job_;
};

// The model, lent to one job: what is asked of it ends with kCancelled once the job is cancelled.
template <class M>
class ModelAccessor;

// Of a Llama.
template <>
class ModelAccessor<Llama> {
 public:
  // Lends `model`.
  explicit ModelAccessor(Llama model) : model_(std::move(model)) {}

  // As Llama's own. Turns of jobs that run beside each other are one forward pass.
  Result<GenerationState> create_generation_state(std::string_view prompt, int32_t max_tokens) {
    return model_.create_generation_state(prompt, max_tokens);
  }
  // As Llama's own.
  Result<SingleToken> generate_single_token(GenerationState& state, double temperature,
                                            Sampler& sampler) {
    return model_.generate_single_token(state, temperature, sampler);
  }
  // f(Llama&) alone, while all other jobs stand still. Not for a single turn: that would share
  // its forward pass with nobody.
  template <class F>
  auto submit(F&& f) {
    return model_.submit(std::forward<F>(f));
  }
  // The model itself, for what is not here.
  Llama& model() { return model_; }

 private:
  Llama model_;
};

// ------------------------------------------------------------------ handlers

// Runs one request: puts its outputs out and returns when it is done, with an error where it
// failed. What it throws is an error of its job. Runs on several threads at once.
using Handler = std::function<Result<void>(GenerateRequest, ModelAccessor<Llama>&, CancelToken,
                                           OutStream<TokenOutput>&)>;

template <class H>
concept HandlerOf = std::is_invocable_r_v < Result<void>,
        std::decay_t<H>
&, GenerateRequest, ModelAccessor<Llama>&, CancelToken, OutStream<TokenOutput>& > ;

// Takes turns with every other request: each step of the model advances each of them by one token.
// The stop token is the last output.
Result<void> concurrent_streaming_handler(GenerateRequest request, ModelAccessor<Llama>& model,
                                          CancelToken cancel, OutStream<TokenOutput>& output);

// Holds the model for the whole generation: requests run one after another. The same outputs.
Result<void> streaming_handler(GenerateRequest request, ModelAccessor<Llama>& model,
                               CancelToken cancel, OutStream<TokenOutput>& output);

// ------------------------------------------------------------------ jobs

// A job's outputs. Holds all that were not read, so a reader that is slow, or that never comes,
// delays nothing. Destroying it ends the generation. One thread reads at a time.
class JobStream {
 public:
  JobStream(JobStream&&) noexcept = default;
  JobStream& operator=(JobStream&& other) noexcept;
  ~JobStream();

  // The next output; nothing after the last, however the job ended (join() says how). Waits.
  std::optional<TokenOutput> next();

  // for (const TokenOutput& output : job.stream): what is left to be read.
  class iterator {
   public:
    // What std::input_iterator asks for.
    using value_type = TokenOutput;
    using difference_type = std::ptrdiff_t;  // The same.

    // Reads the first output, so it waits for it.
    explicit iterator(JobStream* stream) : stream_(stream), output_(stream->next()) {}
    const TokenOutput& operator*() const { return *output_; }    // the output just read
    const TokenOutput* operator->() const { return &*output_; }  // the same
    // Reads the next output, so it waits for it.
    iterator& operator++() {
      output_ = stream_->next();
      return *this;
    }
    void operator++(int) { ++*this; }  // the same
    // Whether the last output was read.
    bool operator==(std::default_sentinel_t) const { return !output_; }

   private:
    JobStream* stream_;
    std::optional<TokenOutput> output_;
  };
  iterator begin() { return iterator(this); }   // from the next output on
  std::default_sentinel_t end() { return {}; }  // behind the last

 private:
  friend struct Job;
  friend struct JobHooks;
  explicit JobStream(std::shared_ptr<JobState> job) : job_(std::move(job)) {}

  std::shared_ptr<JobState> job_;
};

// A request that was spawned. Destroying it ends it, as its stream does.
struct Job {
  explicit Job(std::shared_ptr<JobState> state);  // for the inference

  JobStream stream;  // its outputs

  // Before the start: nothing is computed. In mid-run: what was put out can still be read, nothing
  // is added, and the blocks are back within one step. After the end: nothing happens. Any thread.
  void cancel();
  // Waits for the end; needs no reader. The handler's error; "Generation cancelled" (kCancelled)
  // where it was cancelled before its handler returned; kShutDown where the inference was stopped.
  // Any thread, any number of times.
  Result<void> join() const;

 private:
  friend struct JobHooks;
  std::shared_ptr<JobState> state_;
};

// ------------------------------------------------------------------ inference

// How many jobs an inference takes on.
struct InferenceOptions {
  // Handlers that run at once, each on a thread of its own; later jobs wait in order. 0: as many
  // as the engine runs in one step (EngineConfig::max_sequences).
  int32_t max_handlers = 0;
  int32_t max_waiting = 1000;  // jobs that wait for a handler; one more ends with kQueueFull
};

class InferenceState;  // api/inference/inference_state.h

// A request on its way: where to run it, and how it is waited for.
class InferenceCall {
 public:
  // Made by Inference::infer().
  InferenceCall(std::shared_ptr<InferenceState> inference, GenerateRequest request)
      : inference_(std::move(inference)), request_(std::move(request)) {}

  // Exactly one: the device the model was loaded on, or "auto".
  InferenceCall& with_devices(std::vector<Device> devices) {
    devices_ = std::move(devices);
    return *this;
  }
  // Returns at once. What is wrong with the request is found out by join().
  Job spawn();
  // Spawns, waits, and returns all outputs.
  Result<std::vector<TokenOutput>> run();

 private:
  std::shared_ptr<InferenceState> inference_;
  GenerateRequest request_;
  std::vector<Device> devices_;
};

// Thread-safe.
class Inference {
 public:
  // As InferenceBuilder makes it.
  Inference(Llama model, Handler handler, const InferenceOptions& options = {});
  Inference(Inference&&) noexcept = default;
  Inference& operator=(Inference&& other) noexcept;
  // stop().
  ~Inference();

  // A request to be placed and spawned; nothing happens before.
  InferenceCall infer(GenerateRequest request);
  // `inference.infer("Hello")`, with the defaults of GenerateRequest.
  template <std::convertible_to<std::string> Text>
  InferenceCall infer(Text&& prompt) {
    return infer(GenerateRequest{.prompt = std::forward<Text>(prompt)});
  }

  // Llama::submit(): f(Llama&) alone, between rounds. Fails with kShutDown once stopped, kCancelled
  // where it is stopped while it waits.
  template <class F>
  auto submit(F&& f) {
    using Returned = decltype(std::declval<Llama&>().submit(std::forward<F>(f)));
    auto model = lend();
    if (!model) return Returned(tl::unexpected(model.error()));
    return model->submit(std::forward<F>(f));
  }

  // Ends every job with kShutDown and returns when no handler runs any more. Jobs spawned later
  // end with it at once. Handlers that look neither at their CancelToken nor at errors are waited
  // for. Not to be called by a handler.
  void stop();
  // stop(), then the model: free for another Inference, or for use alone. What others do with it
  // meanwhile goes on.
  Llama into_model();

 private:
  Result<Llama> lend() const;

  std::shared_ptr<InferenceState> state_;
};

// Puts a model and a handler together.
template <class M>
class InferenceBuilder;

// Of a Llama.
template <>
class InferenceBuilder<Llama> {
 public:
  // A builder that can build: one without a model does not compile.
  class WithModel {
   public:
    // How many jobs it takes on.
    WithModel& with_options(const InferenceOptions& options) {
      options_ = options;
      return *this;
    }
    // Any callable, one that can only be moved too.
    template <HandlerOf H>
    Inference build(H&& handler) {
      auto shared = std::make_shared<std::decay_t<H>>(std::forward<H>(handler));
      return Inference(
          model_,
          [shared](GenerateRequest request, ModelAccessor<Llama>& model, CancelToken cancel,
                   OutStream<TokenOutput>& output) -> Result<void> {
            return (*shared)(std::move(request), model, std::move(cancel), output);
          },
          options_);
    }

   private:
    friend class InferenceBuilder;
    explicit WithModel(Llama model) : model_(std::move(model)) {}
    Llama model_;
    InferenceOptions options_;
  };

  // The model that handlers are lent.
  WithModel with_model(Llama model) { return WithModel(std::move(model)); }
};

}  // namespace weft::inference
