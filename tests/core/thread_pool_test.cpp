#include "core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

std::unique_ptr<ThreadPool> pool_of(int threads) { return ThreadPool::create(threads).value(); }

TEST(ThreadPool, RefusesCountsOutsideItsRange) {
  for (const int threads : {-1, 0, ThreadPool::kMaxThreads + 1}) {
    const auto pool = ThreadPool::create(threads);
    ASSERT_FALSE(pool.has_value());
    EXPECT_EQ(pool.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(pool.error().message.find(std::to_string(threads)), std::string::npos);
  }
}

TEST(ThreadPool, VisitsEveryIndexOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    const auto pool = pool_of(threads);
    EXPECT_EQ(pool->size(), threads);
    for (const int64_t n : {0, 1, 2, 7, 64, 1000}) {
      for (const int64_t grain : {1, 3, 64}) {
        std::vector<int> visits(static_cast<std::size_t>(n), 0);
        pool->parallel_for(n, grain, [&](int64_t begin, int64_t end, int worker) {
          EXPECT_GE(worker, 0);
          EXPECT_LT(worker, threads);
          for (int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        EXPECT_EQ(std::count(visits.begin(), visits.end(), 1), n);
      }
    }
  }
}

TEST(ThreadPool, AWorkerIsNeverInTwoChunksAtOnce) {
  const auto pool = pool_of(4);
  std::vector<std::atomic<int>> inside(4);
  pool->parallel_for(2000, 1, [&](int64_t, int64_t, int worker) {
    auto& mine = inside[static_cast<std::size_t>(worker)];
    EXPECT_EQ(mine.fetch_add(1), 0);
    mine.fetch_sub(1);
  });
}

// What one region wrote, the next one reads: on whichever thread.
TEST(ThreadPool, RegionsFollowEachOther) {
  for (const int threads : {2, 3, 7}) {
    const auto pool = pool_of(threads);
    std::vector<int64_t> values(257, 0);
    for (int round = 0; round < 3000; ++round) {
      pool->parallel_for(257, 16, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) values[static_cast<std::size_t>(256 - i)] += 1;
      });
    }
    EXPECT_EQ(std::accumulate(values.begin(), values.end(), int64_t{0}), 257 * 3000);
  }
}

TEST(ThreadPool, WorkersWakeAfterSleeping) {
  const auto pool = pool_of(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int64_t> sum = 0;
    pool->parallel_for(100, 1, [&](int64_t begin, int64_t, int) { sum += begin; });
    EXPECT_EQ(sum, 4950);
  }
}

TEST(ThreadPool, ManyThreadsOnFewCoresEnd) {
  const auto pool = pool_of(64);
  std::atomic<int64_t> count = 0;
  for (int round = 0; round < 200; ++round) {
    pool->parallel_for(128, 1, [&](int64_t, int64_t, int) { ++count; });
  }
  EXPECT_EQ(count, 200 * 128);
}

TEST(ThreadPool, PoolsComeAndGo) {
  for (int i = 0; i < 50; ++i) {
    const auto pool = pool_of(3);
    std::atomic<int> count = 0;
    pool->parallel_for(4, 1, [&](int64_t, int64_t, int) { ++count; });
    EXPECT_EQ(count, 4);
  }
}

}  // namespace
}  // namespace weft
