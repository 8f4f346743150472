// JobState: what a job's handler, its reader and whoever cancels it share. Knows outputs and ends;
// nothing of models. Thread-safe. A job ends once: what comes later is ignored.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "api/llama.h"
#include "core/error.h"

namespace weft::inference {

class JobState {
 public:
  // Holds up to `capacity` outputs that were not read.
  explicit JobState(size_t capacity) : capacity_(capacity) {}

  // --- The handler's side ---
  // False where the job has ended already: there is nothing to run.
  bool start();
  // Fails with kCancelled or kLimitExceeded.
  Result<void> emit(TokenOutput output);
  // The handler has returned.
  void finish(Result<void> result);
  std::stop_token stop_token() const { return stop_.get_token(); }

  // --- The other side ---
  // Ends a job that has not started; else asks its handler to end it.
  void cancel();
  // Ends it at once; its handler is asked to return.
  void fail_with(Error error);
  // Waits for an output, or nothing once the job has ended and all were read.
  std::optional<TokenOutput> next();
  // Waits for the end.
  Result<void> join();

  // For who does not wait (api/inference/job_hooks.h).
  using Hook = std::function<void()>;
  void when_ready(Hook hook);
  void when_ended(Hook hook);
  std::optional<std::optional<TokenOutput>> try_next();

 private:
  void tell(std::unique_lock<std::mutex> lock);
  std::optional<TokenOutput> take();  // with the lock

  const size_t capacity_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<TokenOutput> outputs_;
  bool started_ = false;
  bool cancelled_ = false;
  std::optional<Result<void>> result_;
  Hook on_ready_, on_end_;  // null: nobody asks
};

}  // namespace weft::inference
