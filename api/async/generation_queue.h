// GenerationQueue: requests on their way to the workers of a TaskManager. Answers come through the
// completion of submit(), whichever worker took it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/async/op.h"
#include "api/async/runtime.h"
#include "api/async/token_stream.h"

namespace weft::async {

namespace detail {

class QueueCore;

struct QueuedGeneration {
  std::string prompt;
  StreamConfig config;
  Answer<std::string> answer;
  std::stop_source stop;
};

}  // namespace detail

// A handle: copies are the same queue. Thread-safe.
class GenerationQueue {
 public:
  explicit GenerationQueue(const Runtime& runtime);

  // The text, from the worker that takes it, first in first out. Fails as the worker's model does;
  // with kShutDown once the queue is closed. Cancelled before a worker has it, it is never
  // computed.
  template <TokenFor<std::string> Token = asio::use_awaitable_t<>>
  auto submit(std::string prompt, StreamConfig config = {}, Token&& token = {}) const {
    return detail::initiate<std::string>(
        std::forward<Token>(token),
        [core = core_, prompt = std::move(prompt),
         config = std::move(config)](detail::OpPtr<std::string> op) mutable {
          start_submit(core, std::move(prompt), std::move(config), std::move(op));
        });
  }

  // For a worker: a request; nothing once the queue is closed and empty.
  using Next = std::optional<detail::QueuedGeneration>;
  // The next one, when there is one.
  template <TokenFor<Next> Token = asio::use_awaitable_t<>>
  auto next(Token&& token = {}) const {
    return detail::initiate<Next>(
        std::forward<Token>(token),
        [core = core_](detail::OpPtr<Next> op) { start_next(core, std::move(op)); });
  }

  // Refuses what is new; workers end when they have done the rest.
  void close() const;
  int32_t waiting() const;  // requests that no worker has taken

 private:
  using Core = std::shared_ptr<detail::QueueCore>;
  static void start_submit(const Core& core, std::string prompt, StreamConfig config,
                           detail::OpPtr<std::string> op);
  static void start_next(const Core& core, detail::OpPtr<Next> op);

  Core core_;
};

}  // namespace weft::async
