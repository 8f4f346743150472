// AsyncContext: one sequence over a model, asked without waiting. It goes on where it was: turns
// of a conversation, a prompt shared by what follows, a session that is kept in a file.
//
//   const weft::ContextParams params{.n_ctx = 4096};  // GCC 12 wants it outside of the co_await
//   auto context = co_await weft::async::AsyncContext::create(model, params);
//   auto text = co_await context->generate("Once upon a time", 64);
//   auto more = co_await context->generate_stream({}, {.max_tokens = 64});   // goes on from there
//
// Calls on one context are done one after another, in the order in which they were made. A stream
// is done when it has been read to its end, or dropped: a call made while an unread one is held
// waits for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/async/model.h"
#include "api/async/token_stream.h"
#include "api/model.h"

namespace weft::async {

using weft::ContextParams;

// Ids to go on with, and how many to generate after them.
struct Batch {
  std::vector<int32_t> ids;  // put after the sequence
  int32_t max_tokens = 256;  // generated at most
};

namespace detail {
class ContextCore;
}

// A handle: copies are the same context. Thread-safe. It keeps the weights alive.
class AsyncContext {
 public:
  // Reserves KV for params.n_ctx tokens, its own. Fails with kInvalidArgument or kOutOfMemory.
  template <TokenFor<AsyncContext> Token = asio::use_awaitable_t<>>
  static auto create(const AsyncModel& model, ContextParams params = {}, Token&& token = {}) {
    return detail::initiate<AsyncContext>(
        std::forward<Token>(token),
        [core = model.core(), params = std::move(params)](detail::OpPtr<AsyncContext> op) mutable {
          start_create(core, std::move(params), std::move(op));
        });
  }

  // Generates from an empty sequence, and leaves prompt and result in it. Sampling and errors as
  // AsyncModel::generate(), timeout too; kContextOverflow is about n_ctx.
  template <TokenFor<std::string> Token = asio::use_awaitable_t<>>
  auto generate(std::string prompt, int32_t max_tokens, Token&& token = {}) const {
    return generate(std::move(prompt), max_tokens, CancellationToken(), std::forward<Token>(token));
  }
  template <TokenFor<std::string> Token = asio::use_awaitable_t<>>
  auto generate(std::string prompt, int32_t max_tokens, CancellationToken cancel,
                Token&& token = {}) const {
    return detail::initiate<std::string>(
        std::forward<Token>(token),
        [core = core_, prompt = std::move(prompt), max_tokens,
         cancel = std::move(cancel)](detail::OpPtr<std::string> op) mutable {
          start_generate(core, std::move(prompt), max_tokens, cancel, std::move(op));
        });
  }

  // Goes on from the sequence: `ids` after it, then what is generated. The sequence holds what the
  // reader was given, and no stop token.
  template <TokenFor<TokenStream> Token = asio::use_awaitable_t<>>
  auto generate_stream(std::vector<int32_t> ids, StreamConfig config = {},
                       Token&& token = {}) const {
    return detail::initiate<TokenStream>(
        std::forward<Token>(token),
        [core = core_, ids = std::move(ids),
         config = std::move(config)](detail::OpPtr<TokenStream> op) mutable {
          start_stream(core, std::move(ids), std::move(config), std::move(op));
        });
  }

  // The ids generated for each batch, in order, without stop tokens.
  using BatchIds = std::vector<std::vector<int32_t>>;
  // Each batch goes on from the one before it. The first failure ends the call; the sequence keeps
  // what came before. The timeout is each batch's.
  template <TokenFor<BatchIds> Token = asio::use_awaitable_t<>>
  auto process_batch(std::vector<Batch> batches, Token&& token = {}) const {
    return detail::initiate<BatchIds>(
        std::forward<Token>(token),
        [core = core_, batches = std::move(batches)](detail::OpPtr<BatchIds> op) mutable {
          start_batch(core, std::move(batches), std::move(op));
        });
  }

  // Empties the sequence.
  template <TokenFor<void> Token = asio::use_awaitable_t<>>
  auto clear(Token&& token = {}) const {
    return detail::initiate<void>(
        std::forward<Token>(token),
        [core = core_](detail::OpPtr<void> op) { start_clear(core, std::move(op)); });
  }

  // The sequence as a file. Loaded into a context over the same model, in any process, it goes on
  // as if it had never stopped. Fails as files do.
  template <TokenFor<void> Token = asio::use_awaitable_t<>>
  auto save_state(std::string path, Token&& token = {}) const {
    return detail::initiate<void>(
        std::forward<Token>(token),
        [core = core_, path = std::move(path)](detail::OpPtr<void> op) mutable {
          start_save(core, std::move(path), std::move(op));
        });
  }
  // Takes over a sequence that was saved. Fails as files do, with kInvalidArgument for one that is
  // damaged, no state, or another model's, kTokenOutOfRange, or kLimitExceeded where it does not
  // fit n_ctx: the sequence is then what it was.
  template <TokenFor<void> Token = asio::use_awaitable_t<>>
  auto load_state(std::string path, Token&& token = {}) const {
    return detail::initiate<void>(
        std::forward<Token>(token),
        [core = core_, path = std::move(path)](detail::OpPtr<void> op) mutable {
          start_load(core, std::move(path), std::move(op));
        });
  }

  // The sequence as the last call that is done has left it.
  std::vector<int32_t> tokens() const;
  const ContextParams& params() const;  // what it was made with
  // Of the engine that computes it, which it shares with the others of its pool, if it has one.
  MemoryLedger memory() const;

  // For the facades of this folder.
  explicit AsyncContext(std::shared_ptr<detail::ContextCore> core) : core_(std::move(core)) {}
  // The same.
  const std::shared_ptr<detail::ContextCore>& core() const { return core_; }

 private:
  using Core = std::shared_ptr<detail::ContextCore>;
  static void start_create(const std::shared_ptr<detail::ModelCore>& model, ContextParams params,
                           detail::OpPtr<AsyncContext> op);
  static void start_generate(const Core& core, std::string prompt, int32_t max_tokens,
                             const CancellationToken& cancel, detail::OpPtr<std::string> op);
  static void start_stream(const Core& core, std::vector<int32_t> ids, StreamConfig config,
                           detail::OpPtr<TokenStream> op);
  static void start_batch(const Core& core, std::vector<Batch> batches, detail::OpPtr<BatchIds> op);
  static void start_clear(const Core& core, detail::OpPtr<void> op);
  static void start_save(const Core& core, std::string path, detail::OpPtr<void> op);
  static void start_load(const Core& core, std::string path, detail::OpPtr<void> op);

  Core core_;
};

}  // namespace weft::async
