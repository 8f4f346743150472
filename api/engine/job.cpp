#include "api/engine/job.h"

#include <utility>

namespace weft::engine {

int32_t TokenQueue::push(Token token) {
  int32_t left = 0;
  {
    const std::lock_guard lock(mutex_);
    tokens_.push_back(std::move(token));
    left = static_cast<int32_t>(tokens_.size());
  }
  changed_.notify_one();
  return left;
}

void TokenQueue::end(End end) {
  {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = std::move(end);
  }
  changed_.notify_all();
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
