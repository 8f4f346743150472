// ThreadPool: fork-join loops over a fixed set of threads, the caller being worker 0. Regions are
// short (microseconds) and follow each other closely, so workers spin a little before they sleep.
//
// A region does not wait for a worker that has not come: once the caller finds no chunk left, it
// closes the region and waits only for those inside. So more threads than cores do little harm.
//
// Owned by one thread: only it calls parallel_for, and regions do not nest.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "core/error.h"

namespace weft {

class ThreadPool {
 public:
  static constexpr int kMaxThreads = 1024;

  // Starts `threads` - 1 workers. Fails with kInvalidArgument outside 1 … kMaxThreads, and with
  // kLimitExceeded if the system refuses a thread.
  static Result<std::unique_ptr<ThreadPool>> create(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls fn(begin, end, worker) for disjoint ranges that cover [0, n), each at most `grain` long
  // (all of it at once if one thread is enough), from several threads; returns when all are done.
  // Which worker gets which range is not determined. fn must not throw. Allocates nothing.
  template <class Fn>
  void parallel_for(int64_t n, int64_t grain, const Fn& fn) {
    static_assert(std::is_invocable_v<const Fn&, int64_t, int64_t, int>);
    if (n <= 0) return;
    if (n <= grain || workers_.empty()) {
      fn(int64_t{0}, n, 0);
      return;
    }
    run_region({n, grain,
                [](const void* context, int64_t begin, int64_t end, int worker) noexcept {
                  (*static_cast<const Fn*>(context))(begin, end, worker);
                },
                &fn});
  }

 private:
  struct Region {
    int64_t n = 0;
    int64_t grain = 0;
    void (*call)(const void* context, int64_t begin, int64_t end, int worker) noexcept = nullptr;
    const void* context = nullptr;
  };

  ThreadPool() = default;
  void run_region(const Region& region);
  void run_chunks(int worker);
  void worker_main(int worker);

  // The gate: how many workers are inside the region, whether it is open, whether the pool stops,
  // and the region's number, all in one word, so that entering and closing cannot cross. 32 bits,
  // the size that the operating system can wait on.
  std::atomic<int32_t> gate_ = 0;
  // Counts the regions whose last worker left after the caller had closed them.
  std::atomic<int32_t> drained_ = 0;
  alignas(64) std::atomic<int64_t> next_ = 0;  // the first index not taken yet
  Region region_;                              // written by the caller while nobody is inside
  int spins_ = 0;                              // checks before a thread sleeps
  std::vector<std::jthread> workers_;
};

}  // namespace weft
