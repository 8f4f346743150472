// Op: one asynchronous call that has not been answered, with its completion handler behind a
// virtual function, so that everything below the public templates is compiled once. Answered once,
// from any thread; the handler then runs on its own executor, never inside the call that answers.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include "api/async/context_ops.h"
#include "core/error.h"

namespace weft::async {

// A completion token for an operation that gives a Result<T>: asio::use_awaitable (the default
// everywhere), asio::use_future, a callback taking Result<T>, or one bound to an executor, a
// cancellation slot and so on.
template <class Token, class T>
concept TokenFor = asio::completion_token_for<Token, void(Result<T>)>;

namespace detail {

class OpBase : public ContextOps::Member, public std::enable_shared_from_this<OpBase> {
 public:
  // Once, on the initiating thread: from now on the call counts as work of the executor that its
  // handler is bound to, or of `fallback`. `keep_alive` lives until the handler has returned.
  void begin(const Executor& fallback, std::shared_ptr<void> keep_alive = {});
  // Once, on the initiating thread: `stop` is called when the caller cancels through the handler's
  // slot. It must hold no more than weak references to what it stops.
  void on_cancel(std::function<void()> stop);
  // Runs `work` on the handler's executor; not where the call is answered or its context has gone.
  bool post(std::function<void()> work);

  // Answers without naming the type.
  virtual void fail_with(Error error) = 0;

 protected:
  // True for the one caller that may answer.
  bool claim() { return !answered_.exchange(true); }
  void post_run();
  // On the handler's executor: takes what must not outlive the call off it.
  struct Released {
    Executor executor;
    std::shared_ptr<void> keep_alive;
  };
  Released release();

  virtual void run() = 0;            // on the handler's executor, once claimed
  virtual void drop() noexcept = 0;  // the handler
  virtual Executor executor_of_handler(const Executor& fallback) const = 0;
  virtual asio::cancellation_slot slot_of_handler() const = 0;

 private:
  void context_gone() noexcept override;

  std::atomic<bool> answered_ = false;
  Executor executor_;  // with the work that it counts; set by begin()
  std::shared_ptr<ContextOps> ops_;
  ContextOps::Place place_;
  asio::cancellation_slot slot_;
  std::shared_ptr<void> keep_alive_;
};

template <class T>
class Op : public OpBase {
 public:
  // Any thread; the first counts.
  void finish(Result<T> result) {
    if (!claim()) return;
    result_ = std::move(result);
    post_run();
  }
  // The same by who is on the handler's executor already, inside work of post().
  void finish_here(Result<T> result) {
    if (!claim()) return;
    result_ = std::move(result);
    run();
  }
  void fail_with(Error error) override {
    if (!claim()) return;
    result_.emplace(tl::unexpect, std::move(error));
    post_run();
  }

 protected:
  std::optional<Result<T>> result_;
};

template <class T>
using OpPtr = std::shared_ptr<Op<T>>;

// A future's handler names an executor of the system, for want of one: its threads would be started
// for no more than to set a promise, and never end.
template <class E>
struct IsSystems : std::false_type {};
template <class... Properties>
struct IsSystems<asio::basic_system_executor<Properties...>> : std::true_type {};
template <class T, class Blocking>
struct IsSystems<asio::detail::promise_executor<T, Blocking>> : std::true_type {};

template <class T, class Handler>
class HandlerOp final : public Op<T> {
 public:
  explicit HandlerOp(Handler handler) : handler_(std::move(handler)) {}

 private:
  void run() override {
    // The op is off the context's list before the handler runs, and so may be the last to go.
    const std::shared_ptr<OpBase> self = this->shared_from_this();
    const OpBase::Released released = this->release();
    Handler handler = std::move(*handler_);
    handler_.reset();
    Result<T> result = std::move(*this->result_);
    this->result_.reset();
    std::move(handler)(std::move(result));
  }
  void drop() noexcept override {
    handler_.reset();
    this->result_.reset();
  }
  Executor executor_of_handler(const Executor& fallback) const override {
    if constexpr (IsSystems<asio::associated_executor_t<Handler, Executor>>::value) {
      return fallback;
    } else {
      return asio::get_associated_executor(*handler_, fallback);
    }
  }
  asio::cancellation_slot slot_of_handler() const override {
    return asio::get_associated_cancellation_slot(*handler_);
  }

  std::optional<Handler> handler_;
};

// Answers with kShutDown where nobody has answered by the time the last copy goes.
template <class T>
class Answer {
 public:
  explicit Answer(OpPtr<T> op) : op_(std::make_shared<Guard>(std::move(op))) {}
  void operator()(Result<T> result) const { op_->op->finish(std::move(result)); }

 private:
  struct Guard {
    explicit Guard(OpPtr<T> o) : op(std::move(o)) {}
    ~Guard() { op->fail_with({ErrorCode::kShutDown, "the runtime was shut down"}); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    OpPtr<T> op;
  };
  std::shared_ptr<Guard> op_;
};

// What every asynchronous function of this folder does: `start` gets the Op, begins it and sees to
// its answer. It runs at once, or with an awaitable when that is awaited, so it owns what it needs.
template <class T, class Token, class Start>
auto initiate(Token&& token, Start&& start) {
  return asio::async_initiate<Token, void(Result<T>)>(
      [](auto handler, auto begin) {
        begin(OpPtr<T>(std::make_shared<HandlerOp<T, decltype(handler)>>(std::move(handler))));
      },
      token, std::forward<Start>(start));
}

}  // namespace detail
}  // namespace weft::async
