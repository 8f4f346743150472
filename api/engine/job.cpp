#include "api/engine/job.h"

#include <utility>

namespace weft::engine {

int32_t TokenQueue::push(Token token) {
  int32_t left = 0;
  Hook hook;
  {
    const std::lock_guard lock(mutex_);
    tokens_.push_back(std::move(token));
    left = static_cast<int32_t>(tokens_.size());
    hook = std::exchange(on_ready_, nullptr);
  }
  changed_.notify_one();
  if (hook) hook();
  return left;
}

void TokenQueue::end(End end, std::optional<Token> last) {
  Hook on_ready;
  EndHook on_end;
  const bool finished = end.reason.has_value();
  {
    const std::lock_guard lock(mutex_);
    if (end_) return;
    if (last) tokens_.push_back(std::move(*last));
    end_ = std::move(end);
    on_ready = std::exchange(on_ready_, nullptr);
    on_end = std::exchange(on_end_, nullptr);
  }
  changed_.notify_all();
  if (on_ready) on_ready();
  if (on_end) on_end(finished);
}

void TokenQueue::when_ready(Hook hook) {
  {
    const std::lock_guard lock(mutex_);
    if (!hook || (tokens_.empty() && !end_)) {
      on_ready_.swap(hook);
      return;
    }
  }
  hook();
}

void TokenQueue::when_ended(EndHook hook) {
  bool finished = false;
  {
    const std::lock_guard lock(mutex_);
    if (!end_) {
      on_end_.swap(hook);
      return;
    }
    finished = end_->reason.has_value();
  }
  hook(finished);
}

TokenQueue::Taken TokenQueue::take(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto known = [&] { return !tokens_.empty() || end_.has_value(); };
  if (deadline == kForever) {
    changed_.wait(lock, known);
  } else {
    changed_.wait_until(lock, deadline, known);
  }
  Taken taken;
  if (!tokens_.empty()) {
    taken.token = std::move(tokens_.front());
    tokens_.pop_front();
    taken.left = static_cast<int32_t>(tokens_.size());
  } else if (end_) {
    taken.end = &*end_;
  }
  return taken;
}

bool TokenQueue::ended() const {
  const std::lock_guard lock(mutex_);
  return end_.has_value();
}

bool TokenQueue::empty() const {
  const std::lock_guard lock(mutex_);
  return tokens_.empty();
}

}  // namespace weft::engine
