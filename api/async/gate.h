// Gate: a number of places, and a line of those who wait for one, first come first served.
// Thread-safe; calls back without its lock.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <utility>

namespace weft::async::detail {

class Gate {
 public:
  explicit Gate(int places) : free_(places) {}

  // Calls `granted` once when a place is the caller's: at once, or from a later release(). `key` is
  // for leave_line(). `granted` must not throw.
  void enter(const void* key, std::function<void()> granted) {
    {
      const std::lock_guard lock(mutex_);
      if (free_ <= 0 || !line_.empty()) {
        line_.emplace_back(key, std::move(granted));
        return;
      }
      --free_;
    }
    granted();
  }
  bool try_enter() {
    const std::lock_guard lock(mutex_);
    if (free_ <= 0 || !line_.empty()) return false;
    --free_;
    return true;
  }
  // True where the place was still waited for, and will not be granted any more.
  bool leave_line(const void* key) {
    std::function<void()> dropped;  // released without the lock
    const std::lock_guard lock(mutex_);
    for (auto it = line_.begin(); it != line_.end(); ++it) {
      if (it->first != key) continue;
      dropped = std::move(it->second);
      line_.erase(it);
      return true;
    }
    return false;
  }
  void release() { add(1); }
  // More places, or fewer: those taken away are missing from later releases.
  void add(int places) {
    std::deque<std::function<void()>> granted;
    {
      const std::lock_guard lock(mutex_);
      free_ += places;
      while (free_ > 0 && !line_.empty()) {
        --free_;
        granted.push_back(std::move(line_.front().second));
        line_.pop_front();
      }
    }
    for (auto& call : granted) call();
  }

  int free() const {
    const std::lock_guard lock(mutex_);
    return free_;
  }
  int waiting() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(line_.size());
  }

 private:
  mutable std::mutex mutex_;
  int free_;
  std::deque<std::pair<const void*, std::function<void()>>> line_;
};

}  // namespace weft::async::detail
