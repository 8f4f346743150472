// ThreadPool: fork-join loops over a fixed set of threads, the caller being worker 0. Regions are
// short (microseconds) and follow each other closely, so workers spin a little before they sleep.
//
// Each worker has a share of the slices, one stretch of the range, so that it reads memory in
// sequence and, as long as the ranges stay the same, always the same memory. Whoever is done with
// its own share takes slices from the others', so a region never waits for a worker that has not
// come, and a worker that was put aside by the system delays at most the slice it is in.
//
// Owned by one thread: only it calls parallel_for, and regions do not nest. Engines have a pool
// each: several at once lose little beside each other (docs/performance.md), since none waits for a
// thread that is not there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "core/platform/thread.h"
#include "core/thread_setup.h"

namespace weft {

class ThreadPool {
 public:
  static constexpr int kMaxThreads = 1024;

  // Starts `threads` - 1 workers. Fails with kInvalidArgument outside 1 … kMaxThreads or where
  // `setup` cannot be had, and with kLimitExceeded if the system refuses a thread.
  static Result<std::unique_ptr<ThreadPool>> create(int threads, const ThreadSetup& setup = {});
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

  // What one worker needs of a region and says of it, all in one cache line: fetching a line from
  // another core (0.1 to 0.2 microseconds) is what a region costs.
  struct alignas(64) Share {
    std::atomic<int64_t> number = 0;  // of the region, counted from the start; kStop
    std::atomic<int64_t> left = 0;    // slices that nobody has taken yet; below zero: none
    std::atomic<int64_t> done = 0;    // slices that this worker has done since the start
    // Read by whoever has taken a slice, written while nobody can.
    int64_t end = 0;  // of the share, in slices
    Region region;
  };
  static_assert(sizeof(Share) == 64);

  explicit ThreadPool(int threads) : shares_(static_cast<std::size_t>(threads)) {}
  void run_region(const Region& region);
  void take_slices(int worker);
  bool take_slice(Share& share, int worker);
  bool all_done() const;
  void await_all_done();
  void worker_main(int worker);
  int64_t await_region(const Share& own, int64_t seen);
  void wake_workers();

  std::vector<Share> shares_;  // [size()]
  // Workers that went to sleep since wake_workers() was called last, and how often that was.
  alignas(64) std::atomic<int32_t> sleepers_ = 0;
  std::atomic<uint32_t> wakes_ = 0;
  alignas(64) std::atomic<int32_t> caller_sleeps_ = 0;  // 1 while the caller waits to be woken
  alignas(64) int64_t regions_ = 0, slices_ = 0;        // of the caller, since the start
  bool spins_ = true;          // whether a thread that waits keeps its core for a while
  bool work_stealing_ = true;  // whether who is done takes slices of other shares
  std::vector<platform::Thread> workers_;
};

}  // namespace weft
