// CancellationToken: one wish to stop, shared by all its copies. For those who do not use Asio's
// own cancellation slots, or who stop several operations at once.
//
//   weft::async::CancellationToken stop;
//   auto text = model.generate("Once upon a time", 500, stop, asio::use_future);
//   stop.cancel();                    // text.get() is kCancelled, unless it was done before
#pragma once

#include <stop_token>
#include <utility>

#include "api/async/op.h"

namespace weft::async {

// Copyable, thread-safe. Once cancelled it stays so.
class CancellationToken {
 public:
  // Runs what waits for it on this thread.
  void cancel() const { source_.request_stop(); }
  // Whether cancel() was called.
  bool is_cancelled() const { return source_.stop_requested(); }

  // Completes when cancel() is called; with kCancelled where the wait itself was cancelled. An
  // `a || token.cancelled()` races a with it.
  template <TokenFor<void> Token = asio::use_awaitable_t<>>
  auto cancelled(Token&& token = {}) const {
    return detail::initiate<void>(
        std::forward<Token>(token),
        [source = source_](detail::OpPtr<void> op) { wait(source.get_token(), std::move(op)); });
  }

  // For a std::stop_callback, or for what takes one: GenerateOptions::cancel, say.
  std::stop_token stop_token() const { return source_.get_token(); }

 private:
  static void wait(std::stop_token token, detail::OpPtr<void> op);

  mutable std::stop_source source_;
};

}  // namespace weft::async
