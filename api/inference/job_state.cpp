#include "api/inference/job_state.h"

#include <string>
#include <utility>

namespace weft::inference {
namespace {

tl::unexpected<Error> cancelled() { return fail(ErrorCode::kCancelled, "Generation cancelled"); }

}  // namespace

bool JobState::start() {
  const std::lock_guard lock(mutex_);
  started_ = !result_;
  return started_;
}

Result<void> JobState::emit(TokenOutput output) {
  {
    const std::lock_guard lock(mutex_);
    if (cancelled_ || result_) return cancelled();
    if (outputs_.size() >= capacity_) {
      return fail(ErrorCode::kLimitExceeded,
                  "the stream holds max_tokens = " + std::to_string(capacity_) + " unread outputs");
    }
    outputs_.push_back(std::move(output));
  }
  changed_.notify_all();
  return {};
}

void JobState::finish(Result<void> result) {
  {
    const std::lock_guard lock(mutex_);
    if (result_) return;
    result_ = cancelled_ ? cancelled() : std::move(result);
  }
  changed_.notify_all();
}

void JobState::cancel() {
  {
    const std::lock_guard lock(mutex_);
    if (result_) return;
    cancelled_ = true;
    if (!started_) result_ = cancelled();
  }
  changed_.notify_all();
  stop_.request_stop();  // runs callbacks: without the lock
}

void JobState::fail_with(Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (result_) return;
    result_ = tl::unexpected(std::move(error));
  }
  changed_.notify_all();
  stop_.request_stop();
}

std::optional<TokenOutput> JobState::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !outputs_.empty() || result_; });
  if (outputs_.empty()) return std::nullopt;
  TokenOutput output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

Result<void> JobState::join() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return result_.has_value(); });
  return *result_;
}

}  // namespace weft::inference
