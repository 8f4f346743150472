#include "api/async/runtime_core.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/prefer.hpp>
#include <boost/asio/system_executor.hpp>

#include "core/platform/cpus.h"

namespace weft::async::detail {
namespace {

// What is stopped by force may take a step of its model, and the way back, before it has ended.
constexpr std::chrono::milliseconds kGrace{2000};
constexpr int kMaxThreads = 1024;

Result<void> check(const RuntimeOptions& options) {
  const auto check_range = [](const char* field, int value, int low) -> Result<void> {
    if (value >= low && value <= kMaxThreads) return {};
    return fail(ErrorCode::kInvalidArgument, std::string(field) + ": " + std::to_string(value) +
                                                 ", expected " + std::to_string(low) + " … " +
                                                 std::to_string(kMaxThreads));
  };
  WEFT_TRY(check_range("worker_threads", options.worker_threads, 0));
  return check_range("max_blocking_threads", options.max_blocking_threads, 1);
}

}  // namespace

Error waiting_cancelled() { return {ErrorCode::kCancelled, "cancelled"}; }
Error generation_cancelled() { return {ErrorCode::kCancelled, "Generation cancelled"}; }
Error runtime_shut_down() { return {ErrorCode::kShutDown, "the runtime was shut down"}; }

// Hears of the end of a caller's context. What is under way then, the closed runtime's too, would
// wait for an executor that runs nothing any more, and keep the runtime and itself alive.
class RuntimeCore::ContextWatch final : public ContextOps::Member {
 public:
  explicit ContextWatch(std::weak_ptr<RuntimeCore> core) : core_(std::move(core)) {}
  void context_gone() noexcept override {
    if (const auto core = core_.lock()) core->drop_activities();
  }

 private:
  std::weak_ptr<RuntimeCore> core_;
};

RuntimeCore::~RuntimeCore() {
  Executor none;
  if (watch_) ops_->leave(*watch_, none);
}

void RuntimeCore::drop_activities() {
  std::unordered_map<const Activity*, std::shared_ptr<Activity>> left;  // released without the lock
  const std::lock_guard lock(mutex_);
  left.swap(activities_);
  idle_.notify_all();
}

RuntimeCore::RuntimeCore(const RuntimeOptions& options)
    : options_(options),
      blocking_({.max_threads = options.max_blocking_threads,
                 .thread_name = options.thread_name + "-blocking",
                 .stack_bytes = options.thread_stack_bytes}) {}

Result<std::shared_ptr<RuntimeCore>> RuntimeCore::create(const RuntimeOptions& options) {
  WEFT_TRY(check(options));
  RuntimeOptions chosen = options;
  if (chosen.worker_threads == 0) chosen.worker_threads = platform::usable_cpus();
  auto core = std::shared_ptr<RuntimeCore>(new RuntimeCore(chosen));
  core->context_ = std::make_unique<asio::io_context>(chosen.worker_threads);
  core->executor_ = core->context_->get_executor();
  core->ops_ = ContextOps::of(core->executor_);
  core->timers_ = TimerQueue::create(core->executor_);
  if (auto started = core->start_workers(); !started) {
    core->close(std::chrono::milliseconds(0));
    return tl::unexpected(started.error());
  }
  return core;
}

Result<std::shared_ptr<RuntimeCore>> RuntimeCore::over(const Executor& executor,
                                                       const RuntimeOptions& options) {
  WEFT_TRY(check(options));
  if (!executor) return fail(ErrorCode::kInvalidArgument, "executor: empty");
  RuntimeOptions chosen = options;
  chosen.worker_threads = 0;
  auto core = std::shared_ptr<RuntimeCore>(new RuntimeCore(chosen));
  core->executor_ = executor;
  core->ops_ = ContextOps::of(executor);
  ContextOps::Place place;
  if (core->ops_->enter(std::make_shared<ContextWatch>(core), place)) core->watch_ = place;
  core->timers_ = TimerQueue::create(executor);
  return core;
}

// ------------------------------------------------------------------ workers

Result<void> RuntimeCore::start_workers() {
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < options_.worker_threads; ++i) {
    WEFT_TRY_ASSIGN(auto worker,
                    platform::Thread::start(
                        {.name = options_.thread_name, .stack_bytes = options_.thread_stack_bytes},
                        [self = shared_from_this()] { self->worker_main(); }));
    workers_.push_back(std::move(worker));
    ++workers_running_;
  }
  return {};
}

// What a callback throws ends that callback and nothing else.
void RuntimeCore::run_context() {
  // Work that never ends keeps run() from returning before stop().
  const auto work = asio::prefer(executor_, asio::execution::outstanding_work.tracked);
  for (;;) {
    try {
      context_->run();
      return;
    } catch (const std::exception& thrown) {
      if (options_.on_exception) options_.on_exception(thrown.what());
    } catch (...) {
      if (options_.on_exception) options_.on_exception("something that is no std::exception");
    }
  }
}

void RuntimeCore::worker_main() {
  run_context();
  std::unique_ptr<asio::io_context> last;  // destroyed without the lock
  {
    const std::lock_guard lock(mutex_);
    if (--workers_running_ == 0 && context_is_workers_) last = std::move(context_);
  }
}

bool RuntimeCore::on_own_thread() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(workers_, [](const auto& worker) { return worker.is_current(); });
}

Executor RuntimeCore::fallback() const {
  return closed_ || ops_->gone() ? Executor(asio::system_executor()) : executor_;
}

// ------------------------------------------------------------------ counts

bool RuntimeCore::enter(std::shared_ptr<Activity> activity) {
  const std::lock_guard lock(mutex_);
  if (closing_ || ops_->gone()) return false;
  const Activity* key = activity.get();
  activities_.emplace(key, std::move(activity));
  return true;
}

void RuntimeCore::leave(const Activity& activity) {
  std::shared_ptr<Activity> left;  // released without the lock
  const std::lock_guard lock(mutex_);
  if (auto node = activities_.extract(&activity)) left = std::move(node.mapped());
  if (activities_.empty()) idle_.notify_all();
}

void RuntimeCore::task_ended() {
  ++completed_tasks_;
  --active_tasks_;
}

void RuntimeCore::generation_ended(Clock::time_point began) {
  const std::lock_guard lock(generations_mutex_);
  ++generations_;
  generation_time_ += Clock::now() - began;
}

RuntimeMetrics RuntimeCore::metrics() const {
  RuntimeMetrics metrics;
  metrics.active_tasks = active_tasks_;
  metrics.completed_tasks = completed_tasks_;
  metrics.worker_threads = static_cast<size_t>(options_.worker_threads);
  metrics.blocking_threads = static_cast<size_t>(blocking_.threads());
  metrics.uptime_seconds = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began_).count());
  const std::lock_guard lock(generations_mutex_);
  metrics.total_generations = generations_;
  if (generations_ > 0) {
    metrics.avg_generation_ms =
        std::chrono::duration<double, std::milli>(generation_time_).count() /
        static_cast<double>(generations_);
  }
  return metrics;
}

// ------------------------------------------------------------------ the end

bool RuntimeCore::wait_until_idle(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return idle_.wait_until(lock, deadline, [this] { return activities_.empty(); });
}

void RuntimeCore::stop_all() {
  std::vector<std::shared_ptr<Activity>> left;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, activity] : activities_) left.push_back(activity);
  }
  for (const auto& activity : left) activity->stop(runtime_shut_down());
}

bool RuntimeCore::close(std::chrono::milliseconds timeout) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_.exchange(true)) return true;
  }
  // A thread that what is left may need cannot wait for it.
  const bool may_wait = !on_own_thread() && !blocking_.on_own_thread();
  bool drained = wait_until_idle(Clock::now() + (may_wait ? timeout : timeout.zero()));
  if (!drained) {
    stop_all();
    if (may_wait && context_is_own()) wait_until_idle(Clock::now() + kGrace);
  }
  closed_ = true;
  blocking_.close();
  timers_->close();
  end_workers();
  // Over a context of the caller's that is there still, what was told to stop ends by itself.
  if (!context_is_own() && ops_->post(executor_, [] {})) return drained;
  // What is still there waits for an executor that runs nothing any more.
  drop_activities();
  return drained;
}

void RuntimeCore::end_workers() {
  if (!context_is_own()) return;
  context_->stop();
  std::vector<platform::Thread> workers;
  const bool by_worker = on_own_thread();
  std::unique_ptr<asio::io_context> last;
  {
    const std::lock_guard lock(mutex_);
    workers.swap(workers_);
    context_is_workers_ = by_worker;
  }
  for (platform::Thread& worker : workers) {
    if (by_worker) {
      worker.detach();
    } else {
      worker.join();
    }
  }
  if (!by_worker) last = std::move(context_);
}

}  // namespace weft::async::detail
