// ModelPool: a number of contexts over one model, lent out one at a time.
//
//   const weft::ContextParams params{.n_ctx = 4096};  // GCC 12 wants it outside of the co_await
//   auto pool = co_await weft::async::ModelPool::create(model, 4, params);
//   auto lent = co_await pool->acquire();                    // waits, first come first served
//   auto text = co_await lent->generate("Hello", 100);
//   // returned, clean, where `lent` goes out of scope
//   auto other = co_await pool->generate("Hello", 100);      // the three in one
//
// n instances cost n KV reservations and the weights once. Those that are made together share an
// engine: what runs at once is one forward pass.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/async/context.h"

namespace weft::async {

namespace detail {
class PoolCore;
}

// Instances of a pool, and who waits for them.
struct PoolStats {
  int32_t size = 0;       // that there are, or will be once those in use beyond it are returned
  int32_t available = 0;  // clean, to be had at once
  int32_t in_use = 0;     // lent out, or being cleaned
  int32_t waiting = 0;    // for one
};

// An instance on loan: a context, and its return. Movable; destroying it stops what is under way
// on it and gives it back.
class PooledModel {
 public:
  // Made by ModelPool.
  PooledModel(std::shared_ptr<detail::PoolCore> pool, AsyncContext context)
      : pool_(std::move(pool)), context_(std::move(context)) {}
  PooledModel(PooledModel&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), context_(std::move(other.context_)) {}
  PooledModel& operator=(PooledModel&& other) noexcept;
  ~PooledModel();

  AsyncContext& context() { return *context_; }      // the instance: an empty sequence
  AsyncContext* operator->() { return &*context_; }  // the same
  AsyncContext& operator*() { return *context_; }    // the same

 private:
  void give_back();

  std::shared_ptr<detail::PoolCore> pool_;
  std::optional<AsyncContext> context_;
};

// A handle: copies are the same pool. Thread-safe.
class ModelPool {
 public:
  // Over a model that is loaded. Fails as AsyncContext::create() does.
  template <TokenFor<ModelPool> Token = asio::use_awaitable_t<>>
  static auto create(const AsyncModel& model, int32_t n = 4, ContextParams params = {},
                     Token&& token = {}) {
    return detail::initiate<ModelPool>(
        std::forward<Token>(token),
        [core = model.core(), n, params = std::move(params)](detail::OpPtr<ModelPool> op) mutable {
          start_create(core, n, std::move(params), std::move(op));
        });
  }
  // Loads the model first; instances hold config.context_size tokens each. The errors of both.
  template <TokenFor<ModelPool> Token = asio::use_awaitable_t<>>
  static auto create(const Runtime& runtime, AsyncConfig config, int32_t n, Token&& token = {}) {
    return detail::initiate<ModelPool>(std::forward<Token>(token),
                                       [core = runtime.core(), config = std::move(config),
                                        n](detail::OpPtr<ModelPool> op) mutable {
                                         start_load(core, std::move(config), n, std::move(op));
                                       });
  }
  // The same on a small runtime of its own.
  template <TokenFor<ModelPool> Token = asio::use_awaitable_t<>>
  static auto create(AsyncConfig config, int32_t n, Token&& token = {}) {
    return detail::initiate<ModelPool>(
        std::forward<Token>(token),
        [config = std::move(config), n](detail::OpPtr<ModelPool> op) mutable {
          start_load(nullptr, std::move(config), n, std::move(op));
        });
  }

  // Waits for an instance, first come first served. Cancelling loses nothing. Fails with kShutDown.
  template <TokenFor<PooledModel> Token = asio::use_awaitable_t<>>
  auto acquire(Token&& token = {}) const {
    return acquire_for(std::chrono::milliseconds::max(), std::forward<Token>(token));
  }
  // The same; kTimedOut where there is none in time.
  template <TokenFor<PooledModel> Token = asio::use_awaitable_t<>>
  auto acquire_for(std::chrono::milliseconds timeout, Token&& token = {}) const {
    return detail::initiate<PooledModel>(std::forward<Token>(token),
                                         [core = core_, timeout](detail::OpPtr<PooledModel> op) {
                                           start_acquire(core, timeout, std::move(op));
                                         });
  }
  // Nothing where all are in use, or others wait.
  std::optional<PooledModel> try_acquire() const;

  // acquire(), AsyncContext::generate(), return: within the model's timeout_ms altogether.
  template <TokenFor<std::string> Token = asio::use_awaitable_t<>>
  auto generate(std::string prompt, int32_t max_tokens, Token&& token = {}) const {
    return detail::initiate<std::string>(
        std::forward<Token>(token), [core = core_, prompt = std::move(prompt),
                                     max_tokens](detail::OpPtr<std::string> op) mutable {
          start_generate(core, std::move(prompt), max_tokens, std::move(op));
        });
  }

  // More instances are made at once; fewer, as they are returned. Fails with kInvalidArgument below
  // 1, or kOutOfMemory; the pool is then as it was.
  template <TokenFor<void> Token = asio::use_awaitable_t<>>
  auto resize(int32_t n, Token&& token = {}) const {
    return detail::initiate<void>(
        std::forward<Token>(token),
        [core = core_, n](detail::OpPtr<void> op) { start_resize(core, n, std::move(op)); });
  }

  PoolStats stats() const;          // as of now
  const AsyncModel& model() const;  // that all instances share
  // What all instances take together; the weights are counted once.
  MemoryLedger memory() const;

  // For the facades of this folder.
  explicit ModelPool(std::shared_ptr<detail::PoolCore> core) : core_(std::move(core)) {}

 private:
  using Core = std::shared_ptr<detail::PoolCore>;
  static void start_create(const std::shared_ptr<detail::ModelCore>& model, int32_t n,
                           ContextParams params, detail::OpPtr<ModelPool> op);
  static void start_load(const std::shared_ptr<detail::RuntimeCore>& runtime, AsyncConfig config,
                         int32_t n, detail::OpPtr<ModelPool> op);
  static void start_acquire(const Core& core, std::chrono::milliseconds timeout,
                            detail::OpPtr<PooledModel> op);
  static void start_generate(const Core& core, std::string prompt, int32_t max_tokens,
                             detail::OpPtr<std::string> op);
  static void start_resize(const Core& core, int32_t n, detail::OpPtr<void> op);

  Core core_;
};

}  // namespace weft::async
