#include "core/platform/thread.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "core/platform/cpus.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_folder.h"

namespace weft::platform {
namespace {

TEST(Thread, HasTheNameAndTheStackItWasGiven) {
  std::string name;
  size_t stack_bytes = 0;
  auto thread = Thread::start({.name = "weft-named-and-too-long", .stack_bytes = 16 << 20}, [&] {
    name = current_thread_name();
    stack_bytes = current_thread_stack_bytes();
  });
  ASSERT_TRUE(thread) << thread.error().message;
  thread->join();
  EXPECT_EQ(name, "weft-named-and-");
  // More than the default. The C library may take a guard page from it, or give a larger one that
  // an earlier thread has left.
  EXPECT_GE(stack_bytes + (64 << 10), size_t{16 << 20});
}

TEST(Thread, AStackTooSmallOrTooLargeIsAnError) {
  for (const size_t bytes : {size_t{1}, ~size_t{0}}) {
    const auto thread = Thread::start({.stack_bytes = bytes}, [] {});
    ASSERT_FALSE(thread) << bytes;
    EXPECT_EQ(thread.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Thread, IsCountedWhileItRuns) {
  const test::ThreadCount count;
  ASSERT_GT(num_threads(), 0);
  std::atomic<bool> go_on = true;
  auto thread = Thread::start({}, [&] {
    while (go_on) std::this_thread::yield();
  });
  ASSERT_TRUE(thread);
  EXPECT_TRUE(count.becomes(1));
  EXPECT_FALSE(thread->is_current());
  go_on = false;
  thread->join();
  EXPECT_TRUE(count.becomes(0));
}

TEST(Thread, IsBoundToTheProcessorsItWasGiven) {
  const int cpu = allowed_cpus().front();
  std::vector<int> found;
  auto thread = Thread::start({.cpus = {cpu, cpu}}, [&] { found = allowed_cpus(); });
  ASSERT_TRUE(thread) << thread.error().message;
  thread->join();
  EXPECT_EQ(found, std::vector<int>{cpu});
}

TEST(Thread, AProcessorThatIsNotThereIsNamedAndNothingRuns) {
  for (const int cpu : {-1, 1 << 20}) {
    const auto thread = Thread::start({.cpus = {cpu}}, [] { ADD_FAILURE() << "it ran"; });
    ASSERT_FALSE(thread);
    EXPECT_EQ(thread.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(thread.error().message.find(std::to_string(cpu)), std::string::npos);
  }
}

TEST(NumaNodes, AreReadFromTheSystemsFolder) {
  const test::TempFolder folder;
  const auto put = [&](const std::string& node, const std::string& list) {
    std::filesystem::create_directories(folder.path(node));
    std::ofstream(folder.path(node + "/cpulist")) << list;
  };
  put("node1", "4-6,9\n");
  put("node0", "0-3\n");
  put("node2", "\n");     // memory without processors
  put("node3", "8-x\n");  // not as the kernel writes it
  put("nodes", "1\n");
  EXPECT_EQ(numa_nodes(folder.path("")),
            (std::vector<std::vector<int>>{{0, 1, 2, 3}, {4, 5, 6, 9}}));
  EXPECT_TRUE(numa_nodes(folder.path("nothing")).empty());
}

}  // namespace
}  // namespace weft::platform
