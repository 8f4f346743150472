#include "api/inference/handler_threads.h"

#include <system_error>
#include <utility>

namespace weft::inference {

HandlerThreads::~HandlerThreads() { finish(); }

bool HandlerThreads::run(Task task) {
  const std::lock_guard lock(mutex_);
  if (finishing_ || num_unfinished_ >= max_threads_ + max_waiting_) return false;
  if (num_unfinished_ >= threads_.size() && threads_.size() < max_threads_) {
    try {
      threads_.emplace_back([this] { thread_main(); });
    } catch (const std::system_error&) {
      // The system has no more: those that are there have to do.
      if (threads_.empty()) return false;
    }
  }
  tasks_.push_back(std::move(task));
  ++num_unfinished_;
  changed_.notify_one();
  return true;
}

void HandlerThreads::thread_main() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !tasks_.empty() || finishing_; });
    if (tasks_.empty()) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it holds goes before the next one waits
    lock.lock();
    --num_unfinished_;
  }
}

void HandlerThreads::finish() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
    threads.swap(threads_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace weft::inference
