#include "api/async/timer_queue.h"

#include <vector>

namespace weft::async::detail {

std::shared_ptr<TimerQueue> TimerQueue::create(const Executor& executor) {
  auto queue = std::shared_ptr<TimerQueue>(new TimerQueue(executor));
  queue->ops_ = ContextOps::of(executor);
  queue->ops_->enter(queue, queue->place_);
  return queue;
}

TimerQueue::Key TimerQueue::add(Clock::time_point when, std::function<void()> due) {
  const std::lock_guard lock(mutex_);
  const Key key{when, next_++};
  if (!timer_) return key;
  due_.emplace(key, std::move(due));
  arm();
  return key;
}

void TimerQueue::remove(const Key& key) {
  std::function<void()> removed;  // released without the lock
  const std::lock_guard lock(mutex_);
  const auto it = due_.find(key);
  if (it == due_.end()) return;
  removed = std::move(it->second);
  due_.erase(it);
  // With others left, an expiry that finds nothing due costs less than setting the timer anew.
  // With none, it must not keep the executor's context at work.
  if (due_.empty() && timer_) {
    timer_->cancel();
    armed_for_ = Clock::time_point::max();
  }
}

void TimerQueue::arm() {
  if (due_.empty() || due_.begin()->first.first >= armed_for_) return;
  armed_for_ = due_.begin()->first.first;
  timer_->expires_at(armed_for_);
  timer_->async_wait([weak = weak_from_this()](boost::system::error_code error) {
    if (error) return;
    if (const auto self = weak.lock()) self->expired();
  });
}

void TimerQueue::expired() {
  std::vector<std::function<void()>> due;
  {
    const std::lock_guard lock(mutex_);
    if (!timer_) return;
    armed_for_ = Clock::time_point::max();
    const auto now = Clock::now();
    while (!due_.empty() && due_.begin()->first.first <= now) {
      due.push_back(std::move(due_.begin()->second));
      due_.erase(due_.begin());
    }
    arm();
  }
  for (auto& call : due) call();
}

void TimerQueue::drop_all() noexcept {
  std::map<Key, std::function<void()>> dropped;
  const std::lock_guard lock(mutex_);
  timer_.reset();
  dropped.swap(due_);
}

void TimerQueue::close() {
  drop_all();
  Executor none;
  ops_->leave(place_, none);
}

}  // namespace weft::async::detail
