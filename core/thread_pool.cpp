#include "core/thread_pool.h"

#include <algorithm>
#include <string>
#include <system_error>

#include "core/platform/cpus.h"

namespace weft {
namespace {

// The gate's fields.
constexpr int32_t kInside = 0x7ff;   // workers inside the region; kMaxThreads fits
constexpr int32_t kOpen = 0x800;     // workers may enter
constexpr int32_t kStop = 0x1000;    // workers end
constexpr int32_t kRegion = 0x2000;  // one step of the region number, which may wrap
constexpr int32_t kRegionMask = ~(kRegion - 1);

// About 20 to 50 microseconds of pauses: longer than the gap between two operations of a step,
// shorter than what a sleeping thread's core could do for somebody else.
constexpr int kSpins = 1000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Returns once `value` is no longer `old`.
void await_change(std::atomic<int32_t>& value, int32_t old, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_relaxed) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_relaxed);
}

}  // namespace

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(int threads) {
  if (threads < 1 || threads > kMaxThreads) {
    return fail(ErrorCode::kInvalidArgument, "threads: " + std::to_string(threads) +
                                                 ", expected 1 to " + std::to_string(kMaxThreads));
  }
  std::unique_ptr<ThreadPool> pool(new ThreadPool);
  // With more threads than cores a spinning thread holds the core that another needs to finish.
  pool->spins_ = threads <= platform::usable_cpus() ? kSpins : 0;
  pool->workers_.reserve(static_cast<std::size_t>(threads) - 1);
  for (int worker = 1; worker < threads; ++worker) {
    try {
      pool->workers_.emplace_back([p = pool.get(), worker] { p->worker_main(worker); });
    } catch (const std::system_error& error) {
      return fail(ErrorCode::kLimitExceeded, "thread " + std::to_string(worker + 1) + " of " +
                                                 std::to_string(threads) + ": " + error.what());
    }
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  gate_.fetch_or(kStop, std::memory_order_release);
  gate_.notify_all();
}

void ThreadPool::run_region(const Region& region) {
  region_ = region;
  next_.store(0, std::memory_order_relaxed);
  // Nobody is inside and the gate is shut: only this thread changes it.
  const uint32_t number = static_cast<uint32_t>(gate_.load(std::memory_order_relaxed)) &
                          static_cast<uint32_t>(kRegionMask);
  gate_.store(static_cast<int32_t>(number + kRegion) | kOpen, std::memory_order_release);
  gate_.notify_all();

  run_chunks(0);

  const int32_t drained = drained_.load(std::memory_order_relaxed);
  const int32_t at_close = gate_.fetch_and(~kOpen, std::memory_order_acq_rel);
  if ((at_close & kInside) == 0) return;
  await_change(drained_, drained, spins_);
  (void)drained_.load(std::memory_order_acquire);
}

void ThreadPool::run_chunks(int worker) {
  const Region region = region_;
  for (;;) {
    const int64_t begin = next_.fetch_add(region.grain, std::memory_order_relaxed);
    if (begin >= region.n) return;
    region.call(region.context, begin, std::min(begin + region.grain, region.n), worker);
  }
}

void ThreadPool::worker_main(int worker) {
  int32_t last_region = 0;
  for (;;) {
    int32_t gate = gate_.load(std::memory_order_acquire);
    if ((gate & kStop) != 0) return;
    if ((gate & kOpen) == 0 || (gate & kRegionMask) == last_region) {
      await_change(gate_, gate, spins_);
      continue;
    }
    if (!gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
      continue;
    }
    last_region = gate & kRegionMask;
    run_chunks(worker);
    const int32_t at_leave = gate_.fetch_sub(1, std::memory_order_acq_rel);
    if ((at_leave & kOpen) == 0 && (at_leave & kInside) == 1) {
      drained_.fetch_add(1, std::memory_order_release);
      drained_.notify_one();
    }
  }
}

}  // namespace weft
