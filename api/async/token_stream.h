// TokenStream: a generation as it is made, a token at a time.
//
//   auto stream = co_await model.generate_stream("Once upon a time", {.max_tokens = 64});
//   while (auto token = co_await stream->next()) {   // Result<std::optional<TokenData>>
//     if (!*token) break;                            // finished
//     std::cout << (*token)->text;
//   }
//
// A reader that falls `buffer` tokens behind pauses its own generation and nobody else's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/async/op.h"
#include "scheduler/sampler.h"

namespace weft::async {

// How a stream's tokens are drawn, limited and given.
struct StreamConfig {
  int32_t max_tokens = 256;  // generated at most
  float temperature = 0.8f;  // 0 takes the most likely token
  int32_t top_k = 40;        // ≤ 0: all
  float top_p = 0.95f;       // (0, 1]; keep the smallest set of at least this mass
  uint64_t seed = 42;        // the same request with the same seed gives the same tokens
  int32_t buffer = 32;       // tokens the reader may be behind; 0: any number
  // From the call to the last token, the time in line included. What was made until then can be
  // read, then comes kTimedOut. 0: none.
  int64_t timeout_ms = 30000;
  int64_t delay_ms = 0;                     // at least so long between two tokens given
  std::vector<std::string> stop_sequences;  // the text ends before the first of them
};

// One generated token.
struct TokenData {
  std::string text;      // what became whole with this token; always valid UTF-8, may be ""
  int32_t token_id = 0;  // of the token
  // The last of a generation that comes to its end: by its length, a stop sequence, or the model's
  // stop token, which is this one then, without text. Nobody else is it.
  bool is_final = false;
  float logprob = 0;  // natural logarithm of the model's own probability, before the sampler
};

namespace detail {
class Generation;
}

// Movable. One next() at a time; the other functions from any thread. Destroying it cancels the
// generation. It keeps its model alive.
class TokenStream {
 public:
  // Made by generate_stream().
  explicit TokenStream(std::shared_ptr<detail::Generation> generation);
  TokenStream(TokenStream&&) noexcept = default;
  TokenStream& operator=(TokenStream&& other) noexcept;
  ~TokenStream();

  // The next token; nothing once the generation has come to its end; an error once it failed
  // (kCancelled, kTimedOut, kShutDown, kNonFiniteLogits, kDeviceError), as often as it is asked.
  // Cancelling the wait gives kCancelled and loses no token: the stream goes on.
  template <TokenFor<std::optional<TokenData>> Token = asio::use_awaitable_t<>>
  auto next(Token&& token = {}) {
    return detail::initiate<std::optional<TokenData>>(
        std::forward<Token>(token),
        [generation = std::weak_ptr(generation_)](detail::OpPtr<std::optional<TokenData>> op) {
          start_next(generation, std::move(op));
        });
  }
  // What next() would give, if it need not wait.
  std::optional<Result<std::optional<TokenData>>> try_next();

  // Ends the generation before its next step. Tokens that were made can still be read, then comes
  // kCancelled. Again: nothing happens.
  void cancel();

  bool is_finished() const;            // next() will not give another token
  int32_t tokens_generated() const;    // that were given to the reader
  const StreamConfig& config() const;  // what it was made with

 private:
  static void start_next(const std::weak_ptr<detail::Generation>& generation,
                         detail::OpPtr<std::optional<TokenData>> op);

  std::shared_ptr<detail::Generation> generation_;
};

}  // namespace weft::async
