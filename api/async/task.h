// Tasks: coroutines and blocking functions that a Runtime runs, and the handle on which their
// outcome is waited for.
#pragma once

#include <atomic>
#include <concepts>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "api/async/op.h"

namespace weft::async {

// A coroutine that gives a T, to be awaited or spawned.
template <class T>
using Awaitable = asio::awaitable<T>;

namespace detail {

class RuntimeCore;

// What a task that gives a U is waited for with: a Result<U> as it is, everything else in one.
template <class U>
struct OutcomeOf {
  using type = U;
};
template <class U>
struct OutcomeOf<Result<U>> {
  using type = U;
};

template <class A>
struct AwaitedBy;
template <class U>
struct AwaitedBy<Awaitable<U>> {
  using type = U;
};

// The error that an exception stands for: kCancelled where a cancelled operation threw it, else
// kGenerationFailed with what it says. Never throws.
Error error_of(std::exception_ptr exception) noexcept;

class TaskBase {
 public:
  virtual ~TaskBase() = default;
  void cancel();
  bool is_finished() const;
  void wait() const;
  std::stop_token stop_token() const { return stop_.get_token(); }
  // How the runtime stops it: must not own the task. Called at once where that was asked already.
  void set_stop(std::function<void()> stop);
  // Before the task begins: called once, before its outcome can be seen.
  void set_count(std::function<void()> count) { count_ = std::move(count); }

 protected:
  // True for the one caller that may finish it.
  bool claim() {
    if (claimed_.exchange(true)) return false;
    if (count_) count_();
    return true;
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable ended_;
  bool finished_ = false;  // guarded by mutex_

 private:
  std::atomic<bool> claimed_ = false;
  std::function<void()> count_;
  std::stop_source stop_;
  std::function<void()> on_stop_;  // guarded by mutex_
};

template <class T>
class Task final : public TaskBase {
 public:
  // The first counts.
  void finish(Result<T> result) {
    if (!claim()) return;
    if (observer_) observer_(result);
    OpPtr<T> op;
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
      if (waiting_) {
        op = std::exchange(waiting_, nullptr);
      } else {
        result_.emplace(std::move(result));
      }
    }
    ended_.notify_all();
    if (op) op->finish(std::move(result));
  }
  // Before the task begins: told the outcome first of all.
  void set_observer(std::function<void(const Result<T>&)> observer) {
    observer_ = std::move(observer);
  }
  void wait_for(const OpPtr<T>& op) {
    std::optional<Result<T>> result;
    {
      const std::lock_guard lock(mutex_);
      if (!finished_ && !waiting_) {
        waiting_ = op;
        return;
      }
      result.swap(result_);
    }
    op->finish(result ? std::move(*result) : taken());
  }
  // Nobody waits any more; what the task gives is kept for the next who does.
  void forget(const OpBase* op) {
    const std::lock_guard lock(mutex_);
    if (waiting_.get() == op) waiting_.reset();
  }
  Result<T> take() {
    wait();
    std::optional<Result<T>> result;
    {
      const std::lock_guard lock(mutex_);
      result.swap(result_);
    }
    return result ? std::move(*result) : taken();
  }

 private:
  static Result<T> taken() {
    return fail(ErrorCode::kInvalidArgument, "the task's outcome was taken, or is waited for");
  }
  std::function<void(const Result<T>&)> observer_;
  std::optional<Result<T>> result_;  // guarded by mutex_
  OpPtr<T> waiting_;                 // guarded by mutex_
};

// Held by what runs the task: whatever happens to it, its outcome is known.
template <class T>
struct TaskEnd {
  std::shared_ptr<Task<T>> task;
  explicit TaskEnd(std::shared_ptr<Task<T>> t) : task(std::move(t)) {}
  TaskEnd(const TaskEnd&) = delete;
  TaskEnd& operator=(const TaskEnd&) = delete;
  ~TaskEnd() { task->finish(fail(ErrorCode::kShutDown, "the runtime was shut down")); }
};

// `end` is the frame's own also where the coroutine never begins.
template <class U, class F>
Awaitable<void> run_to_end(F function, std::shared_ptr<TaskEnd<typename OutcomeOf<U>::type>> end) {
  using T = typename OutcomeOf<U>::type;
  std::exception_ptr thrown;
  try {
    if constexpr (std::is_void_v<U>) {
      co_await function();
      end->task->finish({});
    } else {
      end->task->finish(Result<T>(co_await function()));
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) end->task->finish(tl::unexpected(error_of(thrown)));
}

template <class U, class F>
Awaitable<void> run_coroutine(F function, std::shared_ptr<Task<typename OutcomeOf<U>::type>> task) {
  using T = typename OutcomeOf<U>::type;
  return run_to_end<U>(std::move(function), std::make_shared<TaskEnd<T>>(std::move(task)));
}

template <class F>
decltype(auto) call_blocking(F& function, const std::stop_token& stop) {
  if constexpr (std::invocable<F&, std::stop_token>) {
    return function(stop);
  } else {
    return function();
  }
}
template <class F>
using BlockingResult = decltype(call_blocking(std::declval<F&>(), std::stop_token()));

template <class F>
void run_blocking(F& function, Task<typename OutcomeOf<BlockingResult<F>>::type>& task) noexcept {
  using U = BlockingResult<F>;
  using T = typename OutcomeOf<U>::type;
  if (task.stop_token().stop_requested()) {
    return task.finish(fail(ErrorCode::kCancelled, "the task was cancelled before it began"));
  }
  try {
    if constexpr (std::is_void_v<U>) {
      call_blocking(function, task.stop_token());
      task.finish({});
    } else {
      task.finish(Result<T>(call_blocking(function, task.stop_token())));
    }
  } catch (...) {
    task.finish(tl::unexpected(error_of(std::current_exception())));
  }
}

// Where the runtime refuses it, `body` is dropped, and that sees to the outcome.
void start_coroutine(const std::shared_ptr<RuntimeCore>& core, Awaitable<void> body,
                     const std::shared_ptr<TaskBase>& task);
void start_blocking(const std::shared_ptr<RuntimeCore>& core, std::function<void()> body,
                    const std::shared_ptr<TaskBase>& task);

}  // namespace detail

// A task's outcome, to be taken once. Dropping the handle leaves the task alone. Thread-safe.
template <class T>
class JoinHandle {
 public:
  JoinHandle() = default;
  // Made by Runtime::spawn().
  JoinHandle(std::shared_ptr<detail::RuntimeCore> core, std::shared_ptr<detail::Task<T>> task)
      : core_(std::move(core)), task_(std::move(task)) {}

  // What the task gives: its value, or the error it returned; what it threw, as an error
  // (kGenerationFailed; kCancelled where it was cancelled); kShutDown where the runtime ended it.
  // Cancelling the wait leaves the task alone.
  template <TokenFor<T> Token = asio::use_awaitable_t<>>
  auto join(Token&& token = {}) const {
    return detail::initiate<T>(std::forward<Token>(token),
                               [core = core_, task = task_](detail::OpPtr<T> op) {
                                 begin_join(*op, core);
                                 op->on_cancel([weak = std::weak_ptr(op), task] {
                                   task->forget(weak.lock().get());
                                   if (const auto o = weak.lock()) o->fail_with(wait_cancelled());
                                 });
                                 task->wait_for(op);
                               });
  }
  // The same, waiting on this thread: not one that the runtime itself needs.
  Result<T> get() const { return task_->take(); }

  // A coroutine's current wait ends; a blocking function sees it on its stop_token, and one that
  // has not begun never does.
  void cancel() const { task_->cancel(); }
  // Whether join() and get() will not wait.
  bool is_finished() const { return task_->is_finished(); }

 private:
  static void begin_join(detail::OpBase& op, const std::shared_ptr<detail::RuntimeCore>& core);
  static Error wait_cancelled() { return {ErrorCode::kCancelled, "the wait was cancelled"}; }

  std::shared_ptr<detail::RuntimeCore> core_;
  std::shared_ptr<detail::Task<T>> task_;
};

namespace detail {
void begin_on(OpBase& op, const std::shared_ptr<RuntimeCore>& core);
}

template <class T>
void JoinHandle<T>::begin_join(detail::OpBase& op,
                               const std::shared_ptr<detail::RuntimeCore>& core) {
  detail::begin_on(op, core);
}

}  // namespace weft::async
