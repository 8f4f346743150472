#include "core/platform/thread.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace weft::platform {
namespace {

TEST(Thread, HasTheNameAndTheStackItWasGiven) {
  std::string name;
  size_t stack_bytes = 0;
  auto thread = Thread::start({.name = "weft-named-and-too-long", .stack_bytes = 3 << 20}, [&] {
    name = current_thread_name();
    stack_bytes = current_thread_stack_bytes();
  });
  ASSERT_TRUE(thread) << thread.error().message;
  thread->join();
  EXPECT_EQ(name, "weft-named-and-");
  // The C library may add a guard page to it or take one from it.
  EXPECT_NEAR(static_cast<double>(stack_bytes), 3 << 20, 64 << 10);
}

TEST(Thread, AStackTooSmallOrTooLargeIsAnError) {
  for (const size_t bytes : {size_t{1}, ~size_t{0}}) {
    const auto thread = Thread::start({.stack_bytes = bytes}, [] {});
    ASSERT_FALSE(thread) << bytes;
    EXPECT_EQ(thread.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Thread, IsCountedWhileItRuns) {
  const int before = num_threads();
  ASSERT_GT(before, 0);
  std::atomic<bool> go_on = true;
  auto thread = Thread::start({}, [&] {
    while (go_on) std::this_thread::yield();
  });
  ASSERT_TRUE(thread);
  EXPECT_EQ(num_threads(), before + 1);
  EXPECT_FALSE(thread->is_current());
  go_on = false;
  thread->join();
  EXPECT_EQ(num_threads(), before);
}

}  // namespace
}  // namespace weft::platform
