// Inbox: what other threads ask of the step thread. Posted work runs on the step thread between
// two steps, in the order it was posted. It is the engine's own; callers' code gets there through
// Engine::run_between_steps() alone. Thread-safe; readers keep it alive beyond its engine.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

namespace weft::engine {

class Inbox {
 public:
  using Work = std::function<void()>;

  // False, and the work is dropped, once the inbox is closed.
  bool post(Work work) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return false;
      work_.push_back(std::move(work));
    }
    posted_.notify_one();
    return true;
  }

  // Step thread: moves what was posted into `out`, whose old content is dropped. The first gives
  // what there is, the second waits for some, the third no longer than until `deadline`.
  void take(std::vector<Work>& out) {
    out.clear();
    const std::lock_guard lock(mutex_);
    out.swap(work_);
  }
  void wait_and_take(std::vector<Work>& out) {
    out.clear();
    std::unique_lock lock(mutex_);
    posted_.wait(lock, [&] { return !work_.empty(); });
    out.swap(work_);
  }
  void wait_and_take_until(std::vector<Work>& out, std::chrono::steady_clock::time_point deadline) {
    out.clear();
    std::unique_lock lock(mutex_);
    posted_.wait_until(lock, deadline, [&] { return !work_.empty(); });
    out.swap(work_);
  }

  // Refuses further work; what was posted before can still be taken.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable posted_;
  std::vector<Work> work_;
  bool closed_ = false;
};

}  // namespace weft::engine
