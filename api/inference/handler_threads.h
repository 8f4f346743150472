// HandlerThreads: a bounded number of threads that run tasks in the order they came. A thread is
// started for a task that finds all others busy; all end together. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weft::inference {

class HandlerThreads {
 public:
  using Task = std::function<void()>;

  HandlerThreads(size_t max_threads, size_t max_waiting)
      : max_threads_(max_threads), max_waiting_(max_waiting) {}
  // finish().
  ~HandlerThreads();

  // False, and the task is dropped, where max_waiting tasks wait already, no thread can be had, or
  // after finish(). Tasks do not throw.
  bool run(Task task);

  // Runs what waits and returns when all threads have ended. Not to be called by a task.
  void finish();

 private:
  void thread_main();

  const size_t max_threads_, max_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<Task> tasks_;
  std::vector<std::thread> threads_;
  size_t num_unfinished_ = 0;  // tasks that run or wait
  bool finishing_ = false;
};

}  // namespace weft::inference
