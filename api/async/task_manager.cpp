#include "api/async/task_manager.h"

#include <mutex>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "api/async/model_core.h"
#include "api/async/runtime_core.h"

namespace weft::async {

namespace detail {

class TaskManagerCore : public std::enable_shared_from_this<TaskManagerCore> {
 public:
  explicit TaskManagerCore(std::shared_ptr<RuntimeCore> r) : runtime(std::move(r)) {}

  // Claims the name for a worker that is about to begin.
  Result<std::shared_ptr<Task<void>>> add(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (stopped_ || runtime->closing()) {
      return fail(ErrorCode::kShutDown, "the task manager was stopped");
    }
    Worker& worker = workers_[name];
    if (worker.task && worker.status.state == WorkerStatus::State::kRunning) {
      return fail(ErrorCode::kInvalidArgument, "worker \"" + name + "\": one of this name runs");
    }
    worker = {std::make_shared<Task<void>>(), {}};
    ++running_;
    return worker.task;
  }

  void ended(const std::string& name, const Result<void>& outcome) {
    std::vector<OpPtr<void>> waiting;
    {
      const std::lock_guard lock(mutex_);
      WorkerStatus& status = workers_[name].status;
      const bool was_stopped = !outcome && (outcome.error().code == ErrorCode::kCancelled ||
                                            outcome.error().code == ErrorCode::kShutDown);
      if (outcome || (stopped_ && was_stopped)) {
        status.state = WorkerStatus::State::kFinished;
      } else {
        status = {WorkerStatus::State::kFailed, outcome.error()};
      }
      if (--running_ == 0) waiting.swap(waiting_);
    }
    for (const auto& op : waiting) op->finish({});
  }

  void stop(OpPtr<void> op) {
    std::vector<std::shared_ptr<Task<void>>> tasks;
    bool none = false;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      for (const auto& [name, worker] : workers_) tasks.push_back(worker.task);
      none = running_ == 0;
      if (!none && op) waiting_.push_back(op);
    }
    for (const auto& task : tasks) task->cancel();
    if (none && op) op->finish({});
  }

  std::map<std::string, WorkerStatus> status() const {
    std::map<std::string, WorkerStatus> all;
    const std::lock_guard lock(mutex_);
    for (const auto& [name, worker] : workers_) all.emplace(name, worker.status);
    return all;
  }

  const std::shared_ptr<RuntimeCore> runtime;

 private:
  struct Worker {
    std::shared_ptr<Task<void>> task;
    WorkerStatus status;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Worker> workers_;  // guarded by mutex_, as is all that follows
  std::vector<OpPtr<void>> waiting_;       // for all to have ended
  int running_ = 0;
  bool stopped_ = false;
};

}  // namespace detail

namespace {

// Not inside work_off(): GCC 12 destroys a lambda's captures twice where it is made in the operand
// of a co_await.
Awaitable<Result<std::string>> generate(const std::shared_ptr<detail::ModelCore>& core,
                                        const detail::QueuedGeneration& request) {
  StreamConfig wanted = request.config;
  wanted.buffer = 0;  // it is read at the end
  wanted.delay_ms = 0;
  return detail::initiate<std::string>(
      asio::use_awaitable,
      [core, prompt = request.prompt, config = std::move(wanted),
       stop = request.stop.get_token()](detail::OpPtr<std::string> op) mutable {
        detail::GenerationSpec spec = core->spec(std::move(prompt), std::move(config), {});
        spec.stops.push_back(std::move(stop));
        detail::Generation::collect(std::move(spec), std::move(op));
      });
}

Awaitable<void> work_off(AsyncModel model, GenerationQueue queue) {
  for (;;) {
    auto next = co_await queue.next();
    if (!next || !*next) co_return;
    const detail::Answer<std::string> answer = (*next)->answer;
    Result<std::string> text = co_await generate(model.core(), **next);
    answer(std::move(text));
  }
}

Awaitable<void> collect_metrics(std::shared_ptr<detail::RuntimeCore> runtime,
                                std::chrono::milliseconds interval,
                                std::function<void(const RuntimeMetrics&)> sink) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (auto when = std::chrono::steady_clock::now();; when += interval) {
    sink(runtime->metrics());
    timer.expires_at(when + interval);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace

TaskManager::TaskManager(const Runtime& runtime)
    : core_(std::make_shared<detail::TaskManagerCore>(runtime.core())) {}

TaskManager::~TaskManager() {
  if (core_) core_->stop(nullptr);
}

Result<void> TaskManager::start(const std::string& name, Begin begin) {
  WEFT_TRY_ASSIGN(const auto task, core_->add(name));
  // Weak: the core keeps its tasks.
  task->set_observer([weak = std::weak_ptr(core_), name](const Result<void>& outcome) {
    if (const auto core = weak.lock()) core->ended(name, outcome);
  });
  detail::start_coroutine(core_->runtime, begin(task), task);
  return {};
}

Result<void> TaskManager::spawn_generation_worker(const std::string& name, const AsyncModel& model,
                                                  const GenerationQueue& queue) {
  return spawn_worker(name, [model, queue] { return work_off(model, queue); });
}

Result<void> TaskManager::spawn_metrics_collector(std::chrono::milliseconds interval,
                                                  std::function<void(const RuntimeMetrics&)> sink,
                                                  const std::string& name) {
  if (interval.count() <= 0) {
    return fail(ErrorCode::kInvalidArgument,
                "interval: " + std::to_string(interval.count()) + " ms, expected at least 1");
  }
  return spawn_worker(name, [runtime = core_->runtime, interval, sink = std::move(sink)] {
    return collect_metrics(runtime, interval, sink);
  });
}

void TaskManager::start_stop(const std::shared_ptr<detail::TaskManagerCore>& core,
                             detail::OpPtr<void> op) {
  op->begin(core->runtime->fallback(), core);
  op->on_cancel([weak = std::weak_ptr(op)] {
    if (const auto waiting = weak.lock()) {
      waiting->fail_with({ErrorCode::kCancelled, "the wait was cancelled"});
    }
  });
  core->stop(std::move(op));
}

std::map<std::string, WorkerStatus> TaskManager::worker_status() const { return core_->status(); }

}  // namespace weft::async
