// BlockingPool: threads for work that may wait or compute for long, started as they are needed and
// kept. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace weft::async::detail {

struct BlockingPoolOptions {
  int max_threads = 16;
  std::string thread_name;
  size_t stack_bytes = 0;  // 0: the system's default
};

class BlockingPool {
 public:
  explicit BlockingPool(const BlockingPoolOptions& options);
  // close().
  ~BlockingPool();

  // Runs `work`, which must not throw, in the order of the calls; later ones wait while all threads
  // are at work. False, and `work` is dropped, once the pool is closed or where the system gives no
  // thread at all.
  bool run(std::function<void()> work);

  // Drops what has not begun and returns when what has is done. A thread of the pool's own may call
  // it: that one then ends by itself.
  void close();

  int threads() const;
  bool on_own_thread() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace weft::async::detail
