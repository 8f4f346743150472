// Llama: a model with its engine, as handlers see it (api/inference.h), and useful alone:
//
//   auto model = weft::inference::Llama::load("model.gguf", "cpu");
//   auto state = model->create_generation_state("Once upon a time", 30);
//   weft::inference::Sampler sampler(0.9, 42);
//   while (auto token = model->generate_single_token(*state, 0.7, sampler)) {
//     std::cout << token->text;
//     if (token->done) break;
//   }
//
// The names in this namespace are those that callers of token-at-a-time inference servers know.
// Some of them (TokenOutput, Sampler, GenerationState) mean something more detailed one floor
// down, in namespace weft; so this facade has a namespace of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/engine.h"

namespace weft::inference {

using Device = std::string;  // "cpu", "cuda", or "auto": whatever the model was loaded on

// One output of a generation.
struct TokenOutput {
  std::string token;     // the text that became whole with it; often, but not always, its own
  int32_t token_id = 0;  // of the token
  int32_t index = 0;     // 0 for the first

  bool operator==(const TokenOutput&) const = default;
};

// What one turn gives: auto [id, text, done] = *model.generate_single_token(…).
struct SingleToken {
  int32_t token_id = 0;  // of the token
  std::string text;      // what became whole with it; may be ""
  bool done = false;     // a stop token, or the last of max_tokens
};

// How a request's tokens are drawn: the most likely tokens whose probabilities sum to top_p, the
// crossing one included. Random numbers are keyed by the seed and the position in the text: the
// same request gives the same tokens, whatever runs beside it. One thread at a time.
class Sampler {
 public:
  explicit Sampler(double top_p = 0.9, uint64_t seed = 42);  // top_p in (0, 1].

 private:
  friend class Llama;
  Result<weft::Sampler*> at(double temperature, int32_t n_vocab);

  SamplingParams params_;
  std::optional<weft::Sampler> sampler_;  // made at the first token, anew where T changes
};

// One generation under way: its ids and its own KV block table, which no other generation
// shares or sees. Destroying it gives the blocks back. One thread at a time.
class GenerationState {
 public:
  GenerationState(GenerationState&&) noexcept;
  GenerationState& operator=(GenerationState&&) noexcept;
  ~GenerationState();

  int32_t num_generated() const;  // tokens so far, a stop token included

 private:
  friend class Llama;
  struct Impl;
  explicit GenerationState(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A handle: copies are the same model and the same engine, which live as long as one of them, or
// a state of theirs, does. Thread-safe.
class Llama {
 public:
  // Loads a GGUF file and reserves the engine's KV pool. Fails as Model::load() and
  // Engine::create() do.
  static Result<Llama> load(const std::string& path, const Device& device = "auto",
                            const EngineConfig& config = {});
  // Over a model that is loaded. Fails as Engine::create() does.
  static Result<Llama> create(std::shared_ptr<const Model> model, const EngineConfig& config = {});

  // Tokenises the prompt (BOS as the model says) and checks that it fits. Computes nothing and
  // takes no blocks before its first token. Fails as Engine::submit() does.
  Result<GenerationState> create_generation_state(std::string_view prompt,
                                                  int32_t max_tokens) const;

  // One turn: the first computes the whole prompt, each later one a token. Waits for it; the turns
  // that several threads ask for meanwhile are one forward pass. Temperature 0 takes the most
  // likely token. The token is appended to the state, a stop token too. Fails with
  // kMaxTokensReached ("Maximum tokens reached") after max_tokens, kCancelled, kShutDown,
  // kInvalidArgument (a state of another model, sampling values out of range), kNonFiniteLogits or
  // a device's error.
  Result<SingleToken> generate_single_token(GenerationState& state, double temperature,
                                            Sampler& sampler) const;

  // Told each output; an error from it ends the generation and is returned.
  using OnOutput = std::function<Result<void>(const TokenOutput&)>;
  // The whole loop in one call: calls `on_output` (if any) with each output, and returns all of
  // them. Fails as one turn does.
  Result<std::vector<TokenOutput>> generate_streaming(std::string_view prompt, int32_t max_tokens,
                                                      double temperature, Sampler& sampler,
                                                      const OnOutput& on_output = {}) const;

  // Runs f(Llama&) alone, on the calling thread: between two rounds everything else stands still
  // until it returns, and only turns asked of the Llama it is given advance. Returns what f
  // returns, as a Result; what f throws goes to the caller. Fails with kShutDown, or kCancelled
  // where this is a cancelled job's. Inside f, ask for turns only through f's argument: anything
  // else waits for f to return.
  template <class F>
  auto submit(F&& f) const;

  // Whether the model was loaded on `device`.
  bool runs_on(const Device& device) const;
  const Model& model() const;  // valid as long as a copy of this
  // What it all runs on: figures, streams with more to choose, shutdown.
  Engine& engine() const;

 private:
  friend class InferenceState;
  friend class GenerationState;
  struct Core;
  explicit Llama(std::shared_ptr<const Core> core);
  // The same, whose turns and submits end with kCancelled once `stop` is requested.
  Llama stopped_by(std::stop_token stop) const;
  // Waits until it has the engine for itself; in submit() it has already.
  Result<std::shared_ptr<const EngineHold>> hold() const;

  std::shared_ptr<const Core> core_;
  std::stop_token stop_;
  std::weak_ptr<const EngineHold> hold_;  // in submit(); a copy that outlives it is as any other
};

namespace detail {

template <class T>
struct Flat {
  using type = Result<T>;
};
template <class T>
struct Flat<Result<T>> {
  using type = Result<T>;
};

}  // namespace detail

template <class F>
auto Llama::submit(F&& f) const {
  using Value = std::remove_cvref_t<std::invoke_result_t<F, Llama&>>;
  using Returned = typename detail::Flat<Value>::type;
  const auto held = hold();
  if (!held) return Returned(tl::unexpected(held.error()));
  Llama model = *this;
  model.hold_ = *held;
  if constexpr (std::is_void_v<Value>) {
    std::invoke(std::forward<F>(f), model);
    return Returned();
  } else {
    return Returned(std::invoke(std::forward<F>(f), model));
  }
}

}  // namespace weft::inference
