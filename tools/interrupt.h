// Ctrl+C: the first SIGINT or SIGTERM asks the work under way to end, a second one ends the
// process. Make it before any other thread, so that all threads inherit the blocked signals.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace weft::tools {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  std::stop_token token() const { return source_.get_token(); }
  bool requested() const { return source_.stop_requested(); }

 private:
  void wait();

  sigset_t signals_;
  std::stop_source source_;
  std::jthread waiter_;
};

}  // namespace weft::tools
