#include "api/parallel/work_pool.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace weft::parallel {
namespace {

std::unique_ptr<WorkPool> pool_of(int threads, bool stealing = true) {
  return WorkPool::create(threads, {.work_stealing = stealing}).value();
}

TEST(WorkPool, VisitsEveryIndexOnce) {
  for (const bool stealing : {true, false}) {
    for (const int threads : {1, 2, 5}) {
      const auto pool = pool_of(threads, stealing);
      for (const size_t n : {0, 1, 2, 7, 1000}) {
        std::vector<std::atomic<int>> visits(n);
        pool->run(n, [&](size_t i) { ++visits[i]; });
        EXPECT_TRUE(std::all_of(visits.begin(), visits.end(), [](auto& v) { return v == 1; }));
      }
    }
  }
}

TEST(WorkPool, StealingLetsTheOthersGoOnWhereOneIsHeldUp) {
  const auto pool = pool_of(2);
  std::atomic<int> done = 0;
  pool->run(10, [&](size_t i) {
    // The first item waits for all others: with a static split it would wait for ever.
    if (i == 0) {
      while (done < 9) std::this_thread::yield();
    }
    ++done;
  });
  EXPECT_EQ(done, 10);
}

TEST(WorkPool, AStaticSplitGivesEachThreadItsStretch) {
  const auto pool = pool_of(3, false);
  std::vector<std::thread::id> thread_of(9);
  pool->run(9, [&](size_t i) { thread_of[i] = std::this_thread::get_id(); });
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(thread_of[i], thread_of[i / 3 * 3]) << i;
  EXPECT_NE(thread_of[0], thread_of[3]);
  EXPECT_NE(thread_of[3], thread_of[6]);
}

TEST(WorkPool, LoopsMayNestAndMayComeFromManyThreads) {
  for (const bool stealing : {true, false}) {
    const auto pool = pool_of(2, stealing);
    std::atomic<int> count = 0;
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
          for (int round = 0; round < 100; ++round) {
            pool->run(4, [&](size_t) { pool->run(3, [&](size_t) { ++count; }); });
          }
        });
      }
    }
    EXPECT_EQ(count, 4 * 100 * 12);
  }
}

}  // namespace
}  // namespace weft::parallel
