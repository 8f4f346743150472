// Runtime: the threads that coroutines and callbacks run on, with spawn(), blocking work, metrics
// and an orderly end; or the same over an executor of the caller's own.
//
//   auto runtime = weft::async::Runtime::builder().worker_threads(4).build();
//   auto task = runtime->spawn([]() -> weft::async::Awaitable<int> { co_return 42; });
//   auto answer = task.get();                    // Result<int>; co_await task.join() elsewhere
//
// A coroutine runs on a strand of its own: never on two threads at once, so `a || b` inside it
// needs no lock. What a task throws is its outcome and ends nothing else.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "api/async/runtime_options.h"
#include "api/async/task.h"

namespace weft::async {

class RuntimeBuilder;

// Movable; thread-safe but for moving and destroying. Models, pools and task managers that were
// made on it may outlive it: what they are asked then fails with kShutDown.
class Runtime {
 public:
  static RuntimeBuilder builder();  // Options a call at a time.
  // Fails with kInvalidArgument, naming the field, or kLimitExceeded where the system gives no
  // thread.
  static Result<Runtime> create(const RuntimeOptions& options = {});
  // No worker threads: everything runs on `executor`, which the caller runs; only blocking work has
  // threads of ours. One that runs on several threads is fine.
  static Result<Runtime> over(const Executor& executor, const RuntimeOptions& options = {});
  static Result<Runtime> over(asio::io_context& context, const RuntimeOptions& options = {});

  Runtime(Runtime&&) noexcept = default;
  Runtime& operator=(Runtime&& other) noexcept;
  // shutdown(0), without its answer.
  ~Runtime();

  // `function` returns an Awaitable, and lives until that is done. Its outcome is the value, or the
  // Result, that the coroutine gives.
  template <std::invocable F, class U = typename detail::AwaitedBy<std::invoke_result_t<F&>>::type>
  JoinHandle<typename detail::OutcomeOf<U>::type> spawn(F function) {
    using T = typename detail::OutcomeOf<U>::type;
    auto task = std::make_shared<detail::Task<T>>();
    detail::start_coroutine(core_, detail::run_coroutine<U>(std::move(function), task), task);
    return {core_, std::move(task)};
  }
  // A coroutine that was called already, and has not begun.
  template <class U>
  JoinHandle<typename detail::OutcomeOf<U>::type> spawn(Awaitable<U> awaitable) {
    auto held = std::make_shared<Awaitable<U>>(std::move(awaitable));
    return spawn([held]() -> Awaitable<U> { return std::move(*held); });
  }

  // Runs `function()`, or `function(std::stop_token)`, on a thread that may wait and compute.
  template <class F>
  JoinHandle<typename detail::OutcomeOf<detail::BlockingResult<F>>::type> spawn_blocking(
      F function) {
    using T = typename detail::OutcomeOf<detail::BlockingResult<F>>::type;
    auto task = std::make_shared<detail::Task<T>>();
    auto end = std::make_shared<detail::TaskEnd<T>>(task);
    auto held = std::make_shared<F>(std::move(function));
    detail::start_blocking(
        core_, [held, end] { detail::run_blocking(*held, *end->task); }, task);
    return {core_, std::move(task)};
  }

  // spawn() and get(). Fails with kInvalidArgument on a worker thread of this runtime, which would
  // wait for itself.
  template <class U>
  Result<typename detail::OutcomeOf<U>::type> block_on(Awaitable<U> awaitable) {
    if (on_worker_thread()) return waits_for_itself();
    return spawn(std::move(awaitable)).get();
  }
  template <std::invocable F, class U = typename detail::AwaitedBy<std::invoke_result_t<F&>>::type>
  Result<typename detail::OutcomeOf<U>::type> block_on(F function) {
    if (on_worker_thread()) return waits_for_itself();
    return spawn(std::move(function)).get();
  }

  RuntimeMetrics metrics() const;  // Of now.
  Executor executor() const;  // Where its coroutines and callbacks run, for what is Asio's own.
  bool is_running() const;    // Whether it was not shut down.

  // Refuses what is new, and waits up to `timeout` for tasks and generations. Those that are left
  // are cancelled and end with kShutDown or kCancelled; kTimedOut then says so. No thread of the
  // runtime is left when it returns, so it waits for a blocking function that does not look at its
  // stop_token. Called on a thread of the runtime's own it does not wait, and those threads end by
  // themselves.
  Result<void> shutdown(std::chrono::milliseconds timeout = std::chrono::seconds(30));

  // For what is made on it.
  const std::shared_ptr<detail::RuntimeCore>& core() const { return core_; }

 private:
  explicit Runtime(std::shared_ptr<detail::RuntimeCore> core) : core_(std::move(core)) {}
  bool on_worker_thread() const;
  static tl::unexpected<Error> waits_for_itself();

  std::shared_ptr<detail::RuntimeCore> core_;
};

// RuntimeOptions, a call a field.
class RuntimeBuilder {
 public:
  // The fields of RuntimeOptions:
  RuntimeBuilder& worker_threads(int n) { return options_.worker_threads = n, *this; }
  RuntimeBuilder& max_blocking_threads(int n) { return options_.max_blocking_threads = n, *this; }
  RuntimeBuilder& thread_stack_size(size_t n) { return options_.thread_stack_bytes = n, *this; }
  RuntimeBuilder& thread_name(std::string name) {
    return options_.thread_name = std::move(name), *this;
  }
  RuntimeBuilder& on_exception(std::function<void(std::string_view)> sink) {
    return options_.on_exception = std::move(sink), *this;
  }
  // Always on; there for those who are used to asking for it:
  RuntimeBuilder& enable_io() { return *this; }
  RuntimeBuilder& enable_time() { return *this; }
  RuntimeBuilder& enable_all() { return *this; }

  // Fails as Runtime::create() does.
  Result<Runtime> build() const { return Runtime::create(options_); }

 private:
  RuntimeOptions options_;
};

inline RuntimeBuilder Runtime::builder() { return {}; }

}  // namespace weft::async
