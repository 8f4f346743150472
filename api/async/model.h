// AsyncModel: a model that is asked without waiting: co_await, futures or callbacks.
//
//   auto model = co_await weft::async::AsyncModel::load("model.gguf");
//   if (!model) co_return model.error();
//   auto text = co_await model->generate("Once upon a time", 64);      // Result<std::string>
//   auto other = model->generate("Tell me more", 64, asio::use_future); // std::future<Result<…>>
//   model->generate("And then", 64, [](weft::Result<std::string> text) { … });
//
// Every function takes any completion token, use_awaitable where none is given; callbacks that are
// bound to no executor run on the runtime's. No call blocks: loading, tokenising and allocation
// happen on other threads, and what goes wrong is the Result. Cancelling through Asio (a slot,
// `a || b`, a coroutine that is cancelled) or by a CancellationToken stops the work within one
// step, and the call completes when the engine has the blocks back.
//
// Whatever runs together is one forward pass a step: the requests of all copies of a model go
// through one engine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/async/cancellation.h"
#include "api/async/runtime.h"
#include "api/async/token_stream.h"
#include "api/model.h"

namespace weft {
struct EngineStats;
struct MemoryLedger;
}  // namespace weft

namespace weft::async {

using weft::ModelInfo;

// How a model is loaded, and how many requests it works on.
struct AsyncConfig {
  std::string model_path;  // a GGUF file, or the first of its splits
  // Layers on the GPU (ModelOptions::gpu_layers); more than the model has: all. No GPU: the CPU,
  // with a warning.
  int32_t gpu_layers = 0;
  int32_t context_size = 2048;   // tokens of a request, prompt and generated
  int32_t threads = 0;           // that compute; 0: the cores this process may use
  bool flash_attention = false;  // accepted: attention always is, with the same bits
  int32_t max_concurrent = 4;    // requests that are computed at once; later ones wait in line
  int64_t timeout_ms = 30000;    // of generate(), the time in line included; 0: none
  std::string kv_type = "auto";  // auto (ModelInfo::kv_type), f32, f16, bf16, q8_0, fp8 (cuda)
  // Called with each warning while the model is loaded, on a thread of the runtime's. They are in
  // AsyncModel::warnings() too.
  std::function<void(std::string_view)> on_warning;
};

namespace detail {
class ModelCore;
}

// A handle: copies share weights, engine and line. Thread-safe. The last copy to go stops what is
// left, unless a stream or a call under way keeps it.
class AsyncModel {
 public:
  // On a small runtime of the model's own. The errors of Model::load().
  template <TokenFor<AsyncModel> Token = asio::use_awaitable_t<>>
  static auto load(std::string path, Token&& token = {}) {
    return load_with_config(AsyncConfig{.model_path = std::move(path)}, std::forward<Token>(token));
  }
  // The same, with more to say.
  template <TokenFor<AsyncModel> Token = asio::use_awaitable_t<>>
  static auto load_with_config(AsyncConfig config, Token&& token = {}) {
    return detail::initiate<AsyncModel>(
        std::forward<Token>(token),
        [config = std::move(config)](detail::OpPtr<AsyncModel> op) mutable {
          start_load(nullptr, std::move(config), std::move(op));
        });
  }
  // On a runtime of the caller's.
  template <TokenFor<AsyncModel> Token = asio::use_awaitable_t<>>
  static auto load(const Runtime& runtime, std::string path, Token&& token = {}) {
    return load_with_config(runtime, AsyncConfig{.model_path = std::move(path)},
                            std::forward<Token>(token));
  }
  // The same, with more to say.
  template <TokenFor<AsyncModel> Token = asio::use_awaitable_t<>>
  static auto load_with_config(const Runtime& runtime, AsyncConfig config, Token&& token = {}) {
    return detail::initiate<AsyncModel>(
        std::forward<Token>(token),
        [core = runtime.core(), config = std::move(config)](detail::OpPtr<AsyncModel> op) mutable {
          start_load(core, std::move(config), std::move(op));
        });
  }
  // Over weights that are loaded already. config.model_path, gpu_layers and threads are not used.
  static Result<AsyncModel> over(const Runtime& runtime, std::shared_ptr<const Model> model,
                                 AsyncConfig config = {});

  // The text that follows, drawn as StreamConfig's defaults say. Fails with kContextOverflow,
  // kInvalidArgument, kTimedOut, kCancelled, kShutDown, kOutOfMemory (the first request reserves
  // the KV pool), or what makes the generation itself fail.
  template <TokenFor<std::string> Token = asio::use_awaitable_t<>>
  auto generate(std::string prompt, int32_t max_tokens, Token&& token = {}) const {
    return generate(std::move(prompt), max_tokens, CancellationToken(), std::forward<Token>(token));
  }
  template <TokenFor<std::string> Token = asio::use_awaitable_t<>>
  auto generate(std::string prompt, int32_t max_tokens, CancellationToken cancel,
                Token&& token = {}) const {
    return generate(std::move(prompt),
                    StreamConfig{.max_tokens = max_tokens, .timeout_ms = config().timeout_ms},
                    std::move(cancel), std::forward<Token>(token));
  }
  // Drawn and limited as `config` says; its buffer and delay are not used.
  template <TokenFor<std::string> Token = asio::use_awaitable_t<>>
  auto generate(std::string prompt, StreamConfig config, CancellationToken cancel,
                Token&& token = {}) const {
    return detail::initiate<std::string>(
        std::forward<Token>(token),
        [core = core_, prompt = std::move(prompt), config = std::move(config),
         cancel = std::move(cancel)](detail::OpPtr<std::string> op) mutable {
          start_generate(core, std::move(prompt), std::move(config), cancel, std::move(op));
        });
  }

  // Completes when the request has its place among max_concurrent and the engine has taken it. It
  // keeps that place until its last token is made, or it is cancelled or dropped.
  template <TokenFor<TokenStream> Token = asio::use_awaitable_t<>>
  auto generate_stream(std::string prompt, StreamConfig config = {}, Token&& token = {}) const {
    return generate_stream(std::move(prompt), std::move(config), CancellationToken(),
                           std::forward<Token>(token));
  }
  template <TokenFor<TokenStream> Token = asio::use_awaitable_t<>>
  auto generate_stream(std::string prompt, StreamConfig config, CancellationToken cancel,
                       Token&& token = {}) const {
    return detail::initiate<TokenStream>(
        std::forward<Token>(token),
        [core = core_, prompt = std::move(prompt), config = std::move(config),
         cancel = std::move(cancel)](detail::OpPtr<TokenStream> op) mutable {
          start_stream(core, std::move(prompt), std::move(config), cancel, std::move(op));
        });
  }

  // As Model::tokenize(), on a blocking thread.
  template <TokenFor<std::vector<int32_t>> Token = asio::use_awaitable_t<>>
  auto tokenize_async(std::string text, bool add_bos = true, Token&& token = {}) const {
    return detail::initiate<std::vector<int32_t>>(
        std::forward<Token>(token), [core = core_, text = std::move(text),
                                     add_bos](detail::OpPtr<std::vector<int32_t>> op) mutable {
          start_tokenize(core, std::move(text), add_bos, std::move(op));
        });
  }

  const ModelInfo& model_info() const;  // valid as long as a copy of this
  // Requests are taken: the runtime has not been shut down.
  bool is_ready() const;
  // What was asked for and is done otherwise, one line each.
  const std::vector<std::string>& warnings() const;
  const AsyncConfig& config() const;  // what it was loaded with
  // The weights, for a Context, an Engine or another AsyncModel.
  const std::shared_ptr<const Model>& model() const;
  // Of its engine; all zero before the first request.
  EngineStats stats() const;
  // What it takes. KV and workspace are 0 before the first request: a model that only lends its
  // weights to contexts and pools reserves none.
  MemoryLedger memory() const;
  // Requests in line for a place.
  int32_t waiting() const;

  // For the facades of this folder.
  explicit AsyncModel(std::shared_ptr<detail::ModelCore> core) : core_(std::move(core)) {}
  // The same.
  const std::shared_ptr<detail::ModelCore>& core() const { return core_; }
  // Begins `op` on the runtime (null: one of the model's own) and calls `with_model` once, on a
  // blocking thread: for what begins with a model.
  static void load_into(std::shared_ptr<detail::RuntimeCore> runtime, AsyncConfig config,
                        const std::shared_ptr<detail::OpBase>& op,
                        std::function<void(Result<AsyncModel>)> with_model);

 private:
  using Core = std::shared_ptr<detail::ModelCore>;
  static void start_load(std::shared_ptr<detail::RuntimeCore> core, AsyncConfig config,
                         detail::OpPtr<AsyncModel> op);
  static void start_generate(const Core& core, std::string prompt, StreamConfig config,
                             const CancellationToken& cancel, detail::OpPtr<std::string> op);
  static void start_stream(const Core& core, std::string prompt, StreamConfig config,
                           const CancellationToken& cancel, detail::OpPtr<TokenStream> op);
  static void start_tokenize(const Core& core, std::string text, bool add_bos,
                             detail::OpPtr<std::vector<int32_t>> op);

  Core core_;
};

}  // namespace weft::async
