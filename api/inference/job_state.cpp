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

// Those who wait for what has come, without the lock.
void JobState::tell(std::unique_lock<std::mutex> lock) {
  const Hook ready = std::exchange(on_ready_, nullptr);
  const Hook ended = result_ ? std::exchange(on_end_, nullptr) : nullptr;
  lock.unlock();
  changed_.notify_all();
  if (ready) ready();
  if (ended) ended();
}

Result<void> JobState::emit(TokenOutput output) {
  std::unique_lock lock(mutex_);
  if (cancelled_ || result_) return cancelled();
  if (outputs_.size() >= capacity_) {
    return fail(ErrorCode::kLimitExceeded,
                "the stream holds max_tokens = " + std::to_string(capacity_) + " unread outputs");
  }
  outputs_.push_back(std::move(output));
  tell(std::move(lock));
  return {};
}

void JobState::finish(Result<void> result) {
  std::unique_lock lock(mutex_);
  if (result_) return;
  result_ = cancelled_ ? cancelled() : std::move(result);
  tell(std::move(lock));
}

void JobState::cancel() {
  {
    std::unique_lock lock(mutex_);
    if (result_) return;
    cancelled_ = true;
    if (!started_) {
      result_ = cancelled();
      tell(std::move(lock));
    }
  }
  stop_.request_stop();  // runs callbacks: without the lock
}

void JobState::fail_with(Error error) {
  {
    std::unique_lock lock(mutex_);
    if (result_) return;
    result_ = tl::unexpected(std::move(error));
    tell(std::move(lock));
  }
  stop_.request_stop();
}

std::optional<TokenOutput> JobState::take() {
  if (outputs_.empty()) return std::nullopt;
  TokenOutput output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

std::optional<TokenOutput> JobState::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !outputs_.empty() || result_; });
  return take();
}

std::optional<std::optional<TokenOutput>> JobState::try_next() {
  const std::lock_guard lock(mutex_);
  if (outputs_.empty() && !result_) return std::nullopt;
  return take();
}

Result<void> JobState::join() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return result_.has_value(); });
  return *result_;
}

void JobState::when_ready(Hook hook) {
  {
    const std::lock_guard lock(mutex_);
    if (outputs_.empty() && !result_) {
      on_ready_ = std::move(hook);
      return;
    }
  }
  hook();
}

void JobState::when_ended(Hook hook) {
  {
    const std::lock_guard lock(mutex_);
    if (!result_) {
      on_end_ = std::move(hook);
      return;
    }
  }
  hook();
}

}  // namespace weft::inference
