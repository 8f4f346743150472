// The parts of an inference by themselves: the state of a job, and the threads that run handlers.
#include <atomic>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "api/inference/handler_threads.h"
#include "api/inference/job_state.h"

namespace weft::inference {
namespace {

Error some_error() { return {ErrorCode::kShutDown, "stopped"}; }

TEST(JobState, EndsOnceAndTheFirstEndCounts) {
  JobState job(4);
  EXPECT_TRUE(job.start());
  job.finish({});
  job.fail_with(some_error());
  job.cancel();
  EXPECT_TRUE(job.join());
  EXPECT_FALSE(job.stop_token().stop_requested());
}

TEST(JobState, CancelledBeforeItStartsItDoesNotStart) {
  JobState job(4);
  job.cancel();
  EXPECT_FALSE(job.start());
  EXPECT_EQ(job.join().error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(job.next());
}

TEST(JobState, CancelledInMidRunItEndsWhenItsHandlerReturns) {
  JobState job(4);
  ASSERT_TRUE(job.start());
  EXPECT_TRUE(job.emit({.token = "a"}));
  job.cancel();
  EXPECT_TRUE(job.stop_token().stop_requested());
  EXPECT_EQ(job.emit({.token = "b"}).error().code, ErrorCode::kCancelled);
  job.finish({});
  EXPECT_EQ(job.join().error().message, "Generation cancelled");
  EXPECT_EQ(job.next()->token, "a");
  EXPECT_FALSE(job.next());
}

TEST(JobState, HoldsAsMuchAsItsCapacity) {
  JobState job(2);
  ASSERT_TRUE(job.start());
  EXPECT_TRUE(job.emit({}));
  EXPECT_TRUE(job.emit({}));
  EXPECT_EQ(job.emit({}).error().code, ErrorCode::kLimitExceeded);
  EXPECT_TRUE(job.next());
  EXPECT_TRUE(job.emit({})) << "what was read makes room";
}

TEST(JobState, AReaderThatWaitsIsWokenByTheEnd) {
  JobState job(2);
  ASSERT_TRUE(job.start());
  std::jthread ends([&] { job.fail_with(some_error()); });
  EXPECT_FALSE(job.next());
  EXPECT_EQ(job.join().error().message, "stopped");
}

TEST(HandlerThreads, NoMoreRunAtOnceThanAllowedAndAllRun) {
  HandlerThreads threads(3, 100);
  std::atomic<int> running = 0, most = 0, ran = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(threads.run([&] {
      const int now = ++running;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      std::this_thread::yield();
      --running;
      ++ran;
    }));
  }
  threads.finish();
  EXPECT_EQ(ran, 50);
  EXPECT_LE(most, 3);
}

TEST(HandlerThreads, ATaskNeverWaitsBehindOneThatRunsWhileAThreadMayBeHad) {
  std::latch all_run(4);
  HandlerThreads threads(4, 0);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(threads.run([&] { all_run.arrive_and_wait(); }));
  }
  all_run.wait();  // hangs where two of them got one thread
}

TEST(HandlerThreads, RefusesMoreThanMayWaitAndAllAfterFinish) {
  std::latch go(1);
  HandlerThreads threads(1, 1);
  EXPECT_TRUE(threads.run([&] { go.wait(); }));
  EXPECT_TRUE(threads.run([] {}));
  EXPECT_FALSE(threads.run([] {}));
  go.count_down();
  threads.finish();
  EXPECT_FALSE(threads.run([] {}));
}

}  // namespace
}  // namespace weft::inference
