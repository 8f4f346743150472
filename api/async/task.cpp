#include "api/async/task.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/system_error.hpp>

#include "api/async/runtime_core.h"

namespace weft::async::detail {

Error error_of(std::exception_ptr exception) noexcept {
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) {
      return {ErrorCode::kCancelled, "the task was cancelled"};
    }
    return {ErrorCode::kGenerationFailed, std::string("the task threw: ") + error.what()};
  } catch (const std::exception& error) {
    return {ErrorCode::kGenerationFailed, std::string("the task threw: ") + error.what()};
  } catch (...) {
    return {ErrorCode::kGenerationFailed, "the task threw something that is no std::exception"};
  }
}

void TaskBase::cancel() {
  std::function<void()> on_stop;
  stop_.request_stop();
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    on_stop = on_stop_;
  }
  if (on_stop) on_stop();
}

bool TaskBase::is_finished() const {
  const std::lock_guard lock(mutex_);
  return finished_;
}

void TaskBase::wait() const {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return finished_; });
}

void TaskBase::set_stop(std::function<void()> stop) {
  {
    const std::lock_guard lock(mutex_);
    on_stop_ = stop;
  }
  if (stop_.stop_requested()) stop();
}

namespace {

// A task as its runtime knows it. Coroutines run on a strand of their own: cancelling is done
// there, where it cannot meet the coroutine at work.
class Running final : public Activity, public std::enable_shared_from_this<Running> {
 public:
  Running(std::shared_ptr<RuntimeCore> core, std::shared_ptr<TaskBase> task)
      : core_(std::move(core)), task_(std::move(task)) {}

  void stop(Error) override { task_->cancel(); }

  bool enter() {
    if (!core_->enter(shared_from_this())) return false;
    core_->task_began();
    task_->set_count([core = core_] { core->task_ended(); });
    return true;
  }
  void leave() { core_->leave(*this); }

  void run(Awaitable<void> body) {
    strand_.emplace(core_->executor());
    asio::co_spawn(*strand_, std::move(body),
                   asio::bind_cancellation_slot(signal_.slot(),
                                                [end = std::make_shared<End>(shared_from_this())](
                                                    const std::exception_ptr&) {}));
    task_->set_stop([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->emit();
    });
  }

 private:
  // Belongs to the coroutine: goes when it is done, or destroyed with its context, which is the
  // last moment for the strand.
  struct End {
    explicit End(std::shared_ptr<Running> r) : running(std::move(r)) {}
    End(const End&) = delete;
    End& operator=(const End&) = delete;
    ~End() { running->coroutine_ended(); }
    std::shared_ptr<Running> running;
  };

  void coroutine_ended() {
    {
      const std::lock_guard lock(mutex_);
      strand_.reset();
    }
    leave();
  }

  void emit() {
    const std::lock_guard lock(mutex_);
    if (!strand_) return;
    core_->post_to(*strand_, [self = shared_from_this()] {
      self->signal_.emit(asio::cancellation_type::terminal);
    });
  }

  std::shared_ptr<RuntimeCore> core_;
  std::shared_ptr<TaskBase> task_;
  std::mutex mutex_;
  std::optional<asio::strand<Executor>> strand_;  // of a coroutine, while it runs; guarded
  asio::cancellation_signal signal_;
};

}  // namespace

void start_coroutine(const std::shared_ptr<RuntimeCore>& core, Awaitable<void> body,
                     const std::shared_ptr<TaskBase>& task) {
  const auto running = std::make_shared<Running>(core, task);
  if (running->enter()) running->run(std::move(body));
}

void start_blocking(const std::shared_ptr<RuntimeCore>& core, std::function<void()> body,
                    const std::shared_ptr<TaskBase>& task) {
  const auto running = std::make_shared<Running>(core, task);
  if (!running->enter()) return;
  const bool runs = core->blocking().run([running, work = std::move(body)] {
    work();
    running->leave();
  });
  if (!runs) running->leave();
}

void begin_on(OpBase& op, const std::shared_ptr<RuntimeCore>& core) { op.begin(core->fallback()); }

}  // namespace weft::async::detail
