// Ctrl+C. As long as nothing was made, the first SIGINT or SIGTERM ends the process at once. After
// defer() the first one asks the work under way to end, and a second one ends the process. Make it
// before any other thread, so that all threads inherit the blocked signals.
#pragma once

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

namespace weft::tools {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  // From now on there is something to keep or to clean up.
  void defer() { deferred_ = true; }
  std::stop_token token() const { return source_.get_token(); }
  bool requested() const { return source_.stop_requested(); }

 private:
  void wait();

  sigset_t signals_;
  std::atomic<bool> deferred_ = false;
  std::stop_source source_;
  std::jthread waiter_;
};

}  // namespace weft::tools
