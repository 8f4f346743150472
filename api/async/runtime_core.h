// RuntimeCore: what a Runtime shares with the models, contexts, pools and tasks that work on it:
// the executor, its threads, the threads for blocking work, timers and counts. They keep it beyond
// its Runtime, closed, when everything asked of it is refused. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "api/async/blocking_pool.h"
#include "api/async/context_ops.h"
#include "api/async/runtime_options.h"
#include "api/async/timer_queue.h"
#include "core/platform/thread.h"

namespace weft::async::detail {

// Something under way on a runtime that can be told to stop.
class Activity {
 public:
  virtual ~Activity() = default;
  // Any thread, any number of times; it then ends soon, with `why` unless it had ended before.
  virtual void stop(Error why) = 0;
};

// Why something ended early: cancelled before its turn, or while it was generating; the runtime's
// end.
Error waiting_cancelled();
Error generation_cancelled();
Error runtime_shut_down();

class RuntimeCore : public std::enable_shared_from_this<RuntimeCore> {
 public:
  using Clock = std::chrono::steady_clock;

  static Result<std::shared_ptr<RuntimeCore>> create(const RuntimeOptions& options);
  // On the caller's executor, which the caller runs.
  static Result<std::shared_ptr<RuntimeCore>> over(const Executor& executor,
                                                   const RuntimeOptions& options);

  // Where callbacks go that are bound to no executor of their own. Not the runtime's own once it
  // is closed, or the caller's context has gone.
  Executor fallback() const;
  const Executor& executor() const { return executor_; }
  // On the executor, later. False, and dropped, once closed.
  bool post(std::function<void()> work) { return ops_->post(executor_, std::move(work)); }
  // The same on an executor made of it, a strand.
  bool post_to(const Executor& executor, std::function<void()> work) {
    return ops_->post(executor, std::move(work));
  }
  BlockingPool& blocking() { return blocking_; }
  TimerQueue& timers() { return *timers_; }
  bool on_own_thread() const;

  // What is under way keeps the runtime from being drained, and is stopped where it is forced. An
  // activity is kept alive from enter() to leave(). enter() is false once closing, or once the
  // caller's context has gone.
  bool enter(std::shared_ptr<Activity> activity);
  void leave(const Activity& activity);

  void task_began() { ++active_tasks_; }
  void task_ended();
  void generation_ended(Clock::time_point began);
  RuntimeMetrics metrics() const;
  const RuntimeOptions& options() const { return options_; }

  // Refuses what is new, waits until all is done or `timeout` has passed, then stops what is left.
  // True where nothing was left. Again: nothing happens.
  bool close(std::chrono::milliseconds timeout);
  bool closing() const { return closing_; }
  ~RuntimeCore();

 private:
  class ContextWatch;
  explicit RuntimeCore(const RuntimeOptions& options);
  Result<void> start_workers();
  void worker_main();
  void run_context();
  bool context_is_own() const { return options_.worker_threads > 0; }
  bool wait_until_idle(Clock::time_point deadline);
  void stop_all();
  void drop_activities();
  void end_workers();

  const RuntimeOptions options_;
  const Clock::time_point began_ = Clock::now();
  std::unique_ptr<asio::io_context> context_;  // null over an executor of the caller's
  Executor executor_;
  std::shared_ptr<ContextOps> ops_;
  std::optional<ContextOps::Place> watch_;  // of a context of the caller's
  std::shared_ptr<TimerQueue> timers_;
  BlockingPool blocking_;

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<platform::Thread> workers_;                                      // guarded
  std::unordered_map<const Activity*, std::shared_ptr<Activity>> activities_;  // guarded
  int workers_running_ = 0;                                                    // guarded
  bool context_is_workers_ = false;  // guarded: the last worker to end destroys context_
  std::atomic<bool> closing_ = false;
  std::atomic<bool> closed_ = false;

  std::atomic<size_t> active_tasks_ = 0;
  std::atomic<uint64_t> completed_tasks_ = 0;
  mutable std::mutex generations_mutex_;
  uint64_t generations_ = 0;                     // guarded by generations_mutex_
  std::chrono::nanoseconds generation_time_{0};  // guarded by generations_mutex_
};

}  // namespace weft::async::detail
