// TaskManager: named workers that run until they are done, fail or are stopped, and how they are.
//
//   weft::async::TaskManager tasks(runtime);
//   weft::async::GenerationQueue queue(runtime);
//   tasks.spawn_generation_worker("worker-1", model, queue);
//   tasks.spawn_metrics_collector(std::chrono::seconds(1), [](const auto& metrics) { … });
//   auto text = co_await queue.submit("Once upon a time", {.max_tokens = 64});
//   co_await tasks.stop_all();
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/async/generation_queue.h"
#include "api/async/model.h"
#include "api/async/runtime.h"

namespace weft::async {

// How a worker is.
struct WorkerStatus {
  // Stopped workers have finished.
  enum class State { kRunning, kFinished, kFailed };
  State state = State::kRunning;  // as of now
  std::optional<Error> error;     // of one that failed: what it returned or threw
};

namespace detail {
class TaskManagerCore;
}

// Thread-safe. Destroying it stops every worker without waiting for them.
class TaskManager {
 public:
  explicit TaskManager(const Runtime& runtime);
  TaskManager(TaskManager&&) noexcept = default;
  TaskManager& operator=(TaskManager&&) = delete;
  ~TaskManager();

  // Takes requests from the queue, one at a time, and answers them, until the queue is closed and
  // empty. Several workers on one queue share its requests. The three of them fail with
  // kInvalidArgument where a worker of this name runs, kShutDown once stopped.
  Result<void> spawn_generation_worker(const std::string& name, const AsyncModel& model,
                                       const GenerationQueue& queue);
  // Calls `sink` on a thread of the runtime, at once and then every `interval`. A sink that throws
  // fails this worker alone.
  Result<void> spawn_metrics_collector(std::chrono::milliseconds interval,
                                       std::function<void(const RuntimeMetrics&)> sink,
                                       const std::string& name = "metrics");
  // `function` returns an Awaitable<void> or an Awaitable<Result<void>>.
  template <std::invocable F>
  Result<void> spawn_worker(const std::string& name, F function) {
    using U = typename detail::AwaitedBy<std::invoke_result_t<F&>>::type;
    return start(name, [f = std::move(function)](std::shared_ptr<detail::Task<void>> task) mutable {
      return detail::run_coroutine<U>(std::move(f), std::move(task));
    });
  }

  // Stops them all and completes when none runs. Nothing can be spawned any more.
  template <TokenFor<void> Token = asio::use_awaitable_t<>>
  auto stop_all(Token&& token = {}) {
    return detail::initiate<void>(
        std::forward<Token>(token),
        [core = core_](detail::OpPtr<void> op) { start_stop(core, std::move(op)); });
  }

  // Of each name, the last worker that had it. One that was stopped has finished.
  std::map<std::string, WorkerStatus> worker_status() const;

 private:
  using Begin = std::function<Awaitable<void>(std::shared_ptr<detail::Task<void>>)>;
  Result<void> start(const std::string& name, Begin begin);
  static void start_stop(const std::shared_ptr<detail::TaskManagerCore>& core,
                         detail::OpPtr<void> op);

  std::shared_ptr<detail::TaskManagerCore> core_;
};

}  // namespace weft::async
