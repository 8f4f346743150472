// Waiting for what other threads will bring about, and counting those threads.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/platform/thread.h"

namespace weft::test {

// Waits until it is so. What is behind gets there; what hangs fails.
template <class Condition>
bool eventually(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

// The threads that a test began with. Counts are waited for, because the kernel lists a thread
// for a moment longer than joining it takes.
class ThreadCount {
 public:
  // Threads besides those of the beginning.
  bool becomes(int more) const {
    const bool reached = eventually([&] { return platform::num_threads() == before_ + more; });
    EXPECT_TRUE(reached) << before_ << " threads at first, " << platform::num_threads() << " now";
    return reached;
  }

 private:
  // With the first thread of a process a sanitizer starts one of its own, which stays.
  static int count() {
    std::string listed;
    std::thread([&] { listed = "/proc/self/task/" + std::to_string(gettid()); }).join();
    EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(listed); }));
    return platform::num_threads();
  }

  const int before_ = count();
};

}  // namespace weft::test
