#include "core/thread_pool.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "core/platform/cpus.h"

namespace weft {
namespace {

constexpr int64_t kStop = -1;

// Longer than what lies between two regions of a step, and mostly between two steps; what an idle
// engine burns before it rests.
constexpr auto kSpinTime = std::chrono::microseconds(100);

// About as many checks as fit into a microsecond: what asking for the time costs is lost in them.
constexpr int kChecksPerLook = 32;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // `yield` returns at once on most cores
#endif
}

// Whether `ready` came true before the spinning had to end.
template <class Ready>
bool spin_until(const Ready& ready) {
  std::chrono::steady_clock::time_point end;
  for (bool first = true;; first = false) {
    for (int i = 0; i < kChecksPerLook; ++i) {
      if (ready()) return true;
      pause();
    }
    const auto now = std::chrono::steady_clock::now();
    if (first) end = now + kSpinTime;
    if (now >= end) return false;
  }
}

}  // namespace

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(int threads, const ThreadSetup& setup) {
  if (threads < 1 || threads > kMaxThreads) {
    return fail(ErrorCode::kInvalidArgument, "threads: " + std::to_string(threads) +
                                                 ", expected 1 to " + std::to_string(kMaxThreads));
  }
  std::unique_ptr<ThreadPool> pool(new ThreadPool(threads));
  // With more threads than cores a spinning thread holds the core that another needs to finish.
  pool->spins_ = threads <= platform::usable_cpus();
  pool->work_stealing_ = setup.work_stealing;
  pool->workers_.reserve(static_cast<std::size_t>(threads) - 1);
  for (int worker = 1; worker < threads; ++worker) {
    auto thread = platform::Thread::start(
        {.name = "weft-worker", .stack_bytes = setup.stack_bytes, .cpus = setup.cpus_of(worker)},
        [p = pool.get(), worker] { p->worker_main(worker); });
    if (!thread) {
      return fail(thread.error().code, "thread " + std::to_string(worker + 1) + " of " +
                                           std::to_string(threads) + ": " + thread.error().message);
    }
    pool->workers_.push_back(std::move(*thread));
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  for (Share& share : shares_) share.number.store(kStop, std::memory_order_release);
  wake_workers();
  for (platform::Thread& worker : workers_) worker.join();
}

void ThreadPool::run_region(const Region& region) {
  const int64_t slices = (region.n - 1) / region.grain + 1;
  const auto threads = static_cast<int64_t>(shares_.size());
  slices_ += slices;
  ++regions_;
  int64_t begin = 0;
  for (int64_t i = 0; i < threads; ++i) {
    Share& share = shares_[static_cast<std::size_t>(i)];
    share.region = region;
    // Rounded up, so that of few slices the caller, who is here already, has one.
    share.end = (slices * (i + 1) + threads - 1) / threads;
    // From here on workers may take slices of it, also those that are still looking around after
    // the region before.
    share.left.store(share.end - begin, std::memory_order_release);
    share.number.store(regions_, std::memory_order_release);
    begin = share.end;
  }
  // A worker that is just falling asleep may be missed: it will sleep through this region, which
  // does not need it, and be woken for the next. So nothing has to be ordered here, unless each
  // worker has to do its share itself.
  if (!work_stealing_ || sleepers_.load(std::memory_order_relaxed) > 0) wake_workers();

  take_slices(0);
  if (!all_done()) await_all_done();
}

void ThreadPool::wake_workers() {
  sleepers_.store(0, std::memory_order_relaxed);
  wakes_.fetch_add(1, std::memory_order_release);
  wakes_.notify_all();
}

// From its own share first, then from those that follow.
void ThreadPool::take_slices(int worker) {
  const auto own = static_cast<std::size_t>(worker);
  const std::size_t shares = work_stealing_ ? shares_.size() : 1;
  for (std::size_t i = 0; i < shares; ++i) {
    const std::size_t index = own + i;
    Share& share = shares_[index < shares_.size() ? index : index - shares_.size()];
    while (take_slice(share, worker)) {
    }
  }
}

// A region ends when its slices are done, so one that could be taken belongs to the region that is
// written beside it, whichever region the worker had come for.
bool ThreadPool::take_slice(Share& share, int worker) {
  if (share.left.load(std::memory_order_relaxed) <= 0) return false;
  const int64_t left = share.left.fetch_sub(1, std::memory_order_acquire);
  if (left <= 0) return false;
  const Region& region = share.region;
  const int64_t begin = (share.end - left) * region.grain;
  region.call(region.context, begin, std::min(begin + region.grain, region.n), worker);
  std::atomic<int64_t>& done = shares_[static_cast<std::size_t>(worker)].done;
  done.store(done.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  return true;
}

bool ThreadPool::all_done() const {
  int64_t done = 0;
  for (const Share& share : shares_) done += share.done.load(std::memory_order_acquire);
  return done == slices_;
}

void ThreadPool::await_all_done() {
  if (spins_ && spin_until([this] { return all_done(); })) return;
  for (;;) {
    // This and the exchange in worker_main() have an order: either the caller sees what the worker
    // has done, or the worker sees that the caller sleeps.
    caller_sleeps_.exchange(1, std::memory_order_acq_rel);
    if (all_done()) break;
    caller_sleeps_.wait(1, std::memory_order_relaxed);
  }
  caller_sleeps_.store(0, std::memory_order_relaxed);
}

void ThreadPool::worker_main(int worker) {
  const Share& own = shares_[static_cast<std::size_t>(worker)];
  int64_t seen = 0;
  while ((seen = await_region(own, seen)) != kStop) {
    take_slices(worker);
    if (caller_sleeps_.exchange(0, std::memory_order_acq_rel) != 0) caller_sleeps_.notify_one();
  }
}

// The number of the region that is under way or was last, once it is not `seen`.
int64_t ThreadPool::await_region(const Share& own, int64_t seen) {
  const auto started = [&] { return own.number.load(std::memory_order_acquire) != seen; };
  if (spins_) spin_until(started);
  while (!started()) {
    const uint32_t wakes = wakes_.load(std::memory_order_acquire);
    sleepers_.fetch_add(1, std::memory_order_relaxed);
    if (!started()) wakes_.wait(wakes, std::memory_order_relaxed);
  }
  return own.number.load(std::memory_order_acquire);
}

}  // namespace weft
