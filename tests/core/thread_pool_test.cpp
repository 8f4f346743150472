#include "core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/platform/cpus.h"

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

// Whoever takes this slice does not come back before all others are done: by somebody else, then.
TEST(ThreadPool, ASliceThatTakesLongHoldsNoOtherUp) {
  for (const int threads : {2, 5}) {
    const auto pool = pool_of(threads);
    for (const int64_t slow : {0, 31, 32, 63}) {
      std::atomic<int> done = 0;
      pool->parallel_for(64, 1, [&](int64_t begin, int64_t, int) {
        while (begin == slow && done < 63) std::this_thread::yield();
        ++done;
      });
      EXPECT_EQ(done, 64);
    }
  }
}

// About as long as workers spin, so that regions meet them as they fall asleep, and the caller
// waits as long for a slice.
TEST(ThreadPool, RegionsMeetWorkersThatFallAsleep) {
  const auto pool = pool_of(2);
  const auto spend = [](int microseconds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
    while (std::chrono::steady_clock::now() < end) {
    }
  };
  int64_t total = 0;
  for (int round = 0; round < 500; ++round) {
    std::atomic<int64_t> sum = 0;
    pool->parallel_for(8, 1, [&](int64_t begin, int64_t, int worker) {
      if (worker == 1) spend(60 + round % 80);
      sum += begin;
    });
    total += sum;
    spend(60 + round % 80);
  }
  EXPECT_EQ(total, 500 * 28);
}

TEST(ThreadPool, TheCallerSleepsUntilTheLastSliceIsDone) {
  const auto pool = pool_of(2);
  for (int round = 0; round < 10; ++round) {
    std::atomic<int> started = 0;
    std::atomic<int> done = 0;
    pool->parallel_for(2, 1, [&](int64_t, int64_t, int worker) {
      ++started;
      while (started < 2) std::this_thread::yield();
      if (worker == 1) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ++done;
    });
    EXPECT_EQ(done, 2);
  }
}

// Processor time, of which a stopped or neglected process uses none.
TEST(ThreadPool, AnIdlePoolBurnsNothing) {
  const auto pool = pool_of(std::min(2, platform::usable_cpus()));
  pool->parallel_for(2, 1, [](int64_t, int64_t, int) {});
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 0.05);
}

TEST(ThreadPool, PoolsComeAndGo) {
  for (int i = 0; i < 50; ++i) {
    const auto pool = pool_of(3);
    std::atomic<int> count = 0;
    pool->parallel_for(4, 1, [&](int64_t, int64_t, int) { ++count; });
    EXPECT_EQ(count, 4);
  }
}

// --- Set up by hand ------------------------------------------------------------------------------

TEST(ThreadPool, WithoutStealingEachWorkerDoesItsShareAndNoOther) {
  for (const int threads : {2, 3, 8}) {
    const auto pool = ThreadPool::create(threads, {.work_stealing = false}).value();
    for (int round = 0; round < 500; ++round) {
      if (round % 100 == 99) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      std::vector<int> worker_of(96, -1);
      pool->parallel_for(96, 4, [&](int64_t begin, int64_t end, int worker) {
        for (int64_t i = begin; i < end; ++i) worker_of[static_cast<std::size_t>(i)] = worker;
      });
      // 24 slices of 4, shared out in order.
      for (int slice = 0, worker = 0; slice < 24; ++slice) {
        while (slice >= (24 * (worker + 1) + threads - 1) / threads) ++worker;
        ASSERT_EQ(worker_of[static_cast<std::size_t>(4 * slice)], worker);
      }
    }
  }
}

TEST(ThreadPool, WorkersRunWhereTheyWereBound) {
  const int cpu = platform::allowed_cpus().back();
  const auto pool = ThreadPool::create(3, {.worker_cpus = {{cpu}}, .work_stealing = false}).value();
  std::vector<std::vector<int>> found(3);
  pool->parallel_for(3, 1, [&](int64_t, int64_t, int worker) {
    found[static_cast<std::size_t>(worker)] = platform::allowed_cpus();
  });
  EXPECT_EQ(found[1], std::vector<int>{cpu});
  EXPECT_EQ(found[2], std::vector<int>{cpu});
}

TEST(ThreadPool, AProcessorThatIsNotThereIsRefusedByNumber) {
  const auto pool = ThreadPool::create(2, {.worker_cpus = {{0}, {100000}}});
  ASSERT_FALSE(pool.has_value());
  EXPECT_EQ(pool.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(pool.error().message.find("100000"), std::string::npos) << pool.error().message;
}

}  // namespace
}  // namespace weft
