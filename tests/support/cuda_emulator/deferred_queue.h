// What an emulated GPU's stream was given and has not done: a GPU runs it when it comes to it, and
// this one as late as may be, when somebody waits. So a host that reads a result too early, or
// writes over what is still to be read, is seen. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

namespace weft::test {

class DeferredQueue {
 public:
  DeferredQueue();
  ~DeferredQueue();
  DeferredQueue(const DeferredQueue&) = delete;
  DeferredQueue& operator=(const DeferredQueue&) = delete;

  // Returns which it is, of all so far.
  int64_t push(std::function<void()> work);
  // Does everything up to that one. Returns whether something is left.
  bool run_until(int64_t which);
  void run_all();

 private:
  std::mutex mutex_;  // held while its work runs
  std::deque<std::function<void()>> work_;
  int64_t done_ = 0;
};

// Does what every queue has: what waits for the whole device, such as freeing memory, calls it.
void run_all_deferred();

}  // namespace weft::test
