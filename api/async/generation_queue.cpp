#include "api/async/generation_queue.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

#include "api/async/runtime_core.h"

namespace weft::async {

namespace detail {

class QueueCore {
 public:
  explicit QueueCore(std::shared_ptr<RuntimeCore> r) : runtime(std::move(r)) {}

  const std::shared_ptr<RuntimeCore> runtime;
  std::mutex mutex;
  std::deque<QueuedGeneration> requests;             // guarded by mutex, as is all that follows
  std::deque<OpPtr<GenerationQueue::Next>> workers;  // that wait for one
  bool closed = false;
};

}  // namespace detail

using detail::OpPtr;

GenerationQueue::GenerationQueue(const Runtime& runtime)
    : core_(std::make_shared<detail::QueueCore>(runtime.core())) {}

void GenerationQueue::start_submit(const Core& core, std::string prompt, StreamConfig config,
                                   OpPtr<std::string> op) {
  op->begin(core->runtime->fallback());
  detail::QueuedGeneration request{std::move(prompt), std::move(config),
                                   detail::Answer<std::string>(op), std::stop_source()};
  op->on_cancel([stop = request.stop, weak = std::weak_ptr(op)]() mutable {
    stop.request_stop();
    if (const auto waiting = weak.lock()) {
      waiting->fail_with({ErrorCode::kCancelled, "Generation cancelled"});
    }
  });
  OpPtr<Next> worker;
  {
    const std::lock_guard lock(core->mutex);
    if (core->closed) {
      return op->fail_with({ErrorCode::kShutDown, "the queue was closed"});
    }
    if (core->workers.empty()) {
      core->requests.push_back(std::move(request));
      return;
    }
    worker = std::move(core->workers.front());
    core->workers.pop_front();
  }
  worker->finish(Next(std::move(request)));
}

void GenerationQueue::start_next(const Core& core, OpPtr<Next> op) {
  op->begin(core->runtime->fallback());
  op->on_cancel([core_weak = std::weak_ptr(core), weak = std::weak_ptr(op)] {
    const auto waiting = weak.lock();
    const auto queue = core_weak.lock();
    if (!waiting || !queue) return;
    {
      // Who is in no line any more has its request: that is not lost.
      const std::lock_guard lock(queue->mutex);
      if (std::erase(queue->workers, waiting) == 0) return;
    }
    waiting->fail_with({ErrorCode::kCancelled, "the wait for a request was cancelled"});
  });
  std::optional<Next> next;
  {
    const std::lock_guard lock(core->mutex);
    auto& requests = core->requests;
    while (!requests.empty() && requests.front().stop.stop_requested()) requests.pop_front();
    if (!requests.empty()) {
      next.emplace(std::move(requests.front()));
      requests.pop_front();
    } else if (core->closed) {
      next.emplace(std::nullopt);
    } else {
      core->workers.push_back(op);
    }
  }
  if (next) op->finish(std::move(*next));
}

void GenerationQueue::close() const {
  std::deque<OpPtr<Next>> workers;
  {
    const std::lock_guard lock(core_->mutex);
    core_->closed = true;
    workers.swap(core_->workers);
  }
  for (const auto& worker : workers) worker->finish(Next());
}

int32_t GenerationQueue::waiting() const {
  const std::lock_guard lock(core_->mutex);
  return static_cast<int32_t>(core_->requests.size());
}

}  // namespace weft::async
