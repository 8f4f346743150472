// WorkPool: loops over whatever callers bring, on threads of its own, which sleep while there is
// nothing to do. Unlike core's ThreadPool it takes several loops at once, from any thread, and its
// work may be long and may wait. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "core/platform/thread.h"
#include "core/thread_setup.h"

namespace weft::parallel {

class WorkPool {
 public:
  // Fails as platform::Thread::start() does.
  static Result<std::unique_ptr<WorkPool>> create(int threads, const ThreadSetup& setup);
  // No loop is under way.
  ~WorkPool();

  int size() const { return static_cast<int>(threads_.size()); }

  // Calls fn(i), which does not throw, once for each i below n, and returns when all are done. From
  // within a loop of this pool: in order, on the calling thread alone, so that loops may nest.
  void run(std::size_t n, const std::function<void(std::size_t)>& fn);

 private:
  struct Range {
    std::size_t next, end;
  };
  struct Loop {
    const std::function<void(std::size_t)>* fn;
    std::vector<Range> ranges;  // one for all threads, or one for each
    std::size_t unfinished;
    std::condition_variable done;
  };

  explicit WorkPool(bool work_stealing) : work_stealing_(work_stealing) {}
  void work(std::size_t thread);
  Loop* next_for(std::size_t thread);
  Range& range_of(Loop& loop, std::size_t thread) const;

  const bool work_stealing_;
  std::mutex mutex_;
  std::condition_variable work_there_;
  // Guarded by mutex_.
  std::list<Loop*> loops_;  // that are not finished
  bool stopping_ = false;
  std::vector<platform::Thread> threads_;
};

}  // namespace weft::parallel
