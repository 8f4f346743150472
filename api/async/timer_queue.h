// TimerQueue: any number of deadlines on one timer of an executor. A deadline that is never reached
// costs a place in a map. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "api/async/context_ops.h"

namespace weft::async::detail {

class TimerQueue final : public ContextOps::Member,
                         public std::enable_shared_from_this<TimerQueue> {
 public:
  using Clock = std::chrono::steady_clock;
  using Key = std::pair<Clock::time_point, uint64_t>;

  static std::shared_ptr<TimerQueue> create(const Executor& executor);

  // Calls `due` on the executor, once, unless it is removed before or the queue is closed. `due`
  // must not throw.
  Key add(Clock::time_point when, std::function<void()> due);
  void remove(const Key& key);
  // Drops all; before the executor's context goes.
  void close();

 private:
  explicit TimerQueue(const Executor& executor) : timer_(std::in_place, executor) {}
  void context_gone() noexcept override { drop_all(); }
  void drop_all() noexcept;
  void arm();  // with the lock
  void expired();

  std::mutex mutex_;
  std::optional<asio::steady_timer> timer_;  // guarded by mutex_, as is all that follows
  Clock::time_point armed_for_ = Clock::time_point::max();
  uint64_t next_ = 0;
  std::map<Key, std::function<void()>> due_;
  std::shared_ptr<ContextOps> ops_;
  ContextOps::Place place_;
};

}  // namespace weft::async::detail
