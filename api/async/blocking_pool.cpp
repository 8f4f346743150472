#include "api/async/blocking_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "core/platform/thread.h"

namespace weft::async::detail {

// Shared with the threads: one that was detached outlives the pool.
struct BlockingPool::State {
  explicit State(const BlockingPoolOptions& o) : options(o) {}

  void thread_main();

  const BlockingPoolOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> work;  // guarded by mutex, as is all that follows
  std::vector<platform::Thread> threads;
  size_t idle = 0;
  bool closed = false;
};

void BlockingPool::State::thread_main() {
  std::unique_lock lock(mutex);
  for (;;) {
    ++idle;
    changed.wait(lock, [this] { return closed || !work.empty(); });
    --idle;
    if (closed) return;
    std::function<void()> next = std::move(work.front());
    work.pop_front();
    lock.unlock();
    next();
    next = nullptr;  // what it holds goes before the next one waits
    lock.lock();
  }
}

BlockingPool::BlockingPool(const BlockingPoolOptions& options)
    : state_(std::make_shared<State>(options)) {}

BlockingPool::~BlockingPool() { close(); }

bool BlockingPool::run(std::function<void()> work) {
  State& s = *state_;
  {
    const std::lock_guard lock(s.mutex);
    if (s.closed) return false;
    if (s.idle <= s.work.size() && std::ssize(s.threads) < s.options.max_threads) {
      auto thread = platform::Thread::start(
          {.name = s.options.thread_name, .stack_bytes = s.options.stack_bytes},
          [state = state_] { state->thread_main(); });
      if (thread) {
        s.threads.push_back(std::move(*thread));
      } else if (s.threads.empty()) {
        return false;
      }
    }
    s.work.push_back(std::move(work));
  }
  s.changed.notify_one();
  return true;
}

void BlockingPool::close() {
  State& s = *state_;
  std::vector<platform::Thread> threads;
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(s.mutex);
    s.closed = true;
    threads.swap(s.threads);
    dropped.swap(s.work);
  }
  s.changed.notify_all();
  for (platform::Thread& thread : threads) {
    if (thread.is_current()) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

int BlockingPool::threads() const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<int>(state_->threads.size());
}

bool BlockingPool::on_own_thread() const {
  const std::lock_guard lock(state_->mutex);
  return std::ranges::any_of(state_->threads, [](const auto& t) { return t.is_current(); });
}

}  // namespace weft::async::detail
