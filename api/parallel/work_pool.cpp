#include "api/parallel/work_pool.h"

#include <utility>

namespace weft::parallel {
namespace {

// The pool whose thread this is.
thread_local const WorkPool* pool_of_this_thread = nullptr;

}  // namespace

Result<std::unique_ptr<WorkPool>> WorkPool::create(int threads, const ThreadSetup& setup) {
  std::unique_ptr<WorkPool> pool(new WorkPool(setup.work_stealing));
  for (int thread = 0; thread < threads; ++thread) {
    WEFT_TRY_ASSIGN(auto started,
                    platform::Thread::start({.name = "weft-parallel",
                                             .stack_bytes = setup.stack_bytes,
                                             .cpus = setup.cpus_of(thread)},
                                            [p = pool.get(), thread] {
                                              pool_of_this_thread = p;
                                              p->work(static_cast<std::size_t>(thread));
                                            }));
    pool->threads_.push_back(std::move(started));
  }
  return pool;
}

WorkPool::~WorkPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_there_.notify_all();
  for (platform::Thread& thread : threads_) thread.join();
}

void WorkPool::run(std::size_t n, const std::function<void(std::size_t)>& fn) {
  if (n == 0) return;
  if (pool_of_this_thread == this) {
    for (std::size_t i = 0; i < n; ++i) fn(i);
    return;
  }
  Loop loop{.fn = &fn, .unfinished = n};
  const std::size_t shares = work_stealing_ ? 1 : threads_.size();
  for (std::size_t i = 0; i < shares; ++i) {
    loop.ranges.push_back({n * i / shares, n * (i + 1) / shares});
  }
  std::unique_lock lock(mutex_);
  loops_.push_back(&loop);
  work_there_.notify_all();
  loop.done.wait(lock, [&] { return loop.unfinished == 0; });
  loops_.remove(&loop);
}

WorkPool::Range& WorkPool::range_of(Loop& loop, std::size_t thread) const {
  return loop.ranges[work_stealing_ ? 0 : thread];
}

WorkPool::Loop* WorkPool::next_for(std::size_t thread) {
  for (Loop* loop : loops_) {
    const Range& range = range_of(*loop, thread);
    if (range.next < range.end) return loop;
  }
  return nullptr;
}

void WorkPool::work(std::size_t thread) {
  std::unique_lock lock(mutex_);
  for (;;) {
    Loop* loop = next_for(thread);
    if (loop == nullptr) {
      if (stopping_) return;
      work_there_.wait(lock);
      continue;
    }
    const std::size_t index = range_of(*loop, thread).next++;
    lock.unlock();
    (*loop->fn)(index);
    lock.lock();
    if (--loop->unfinished == 0) loop->done.notify_one();
  }
}

}  // namespace weft::parallel
