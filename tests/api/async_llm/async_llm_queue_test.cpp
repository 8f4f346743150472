// The queue in front of the engine: its size, its order, its deadlines, and what is told of it.
#include <atomic>
#include <mutex>

#include "tests/api/async_llm/support.h"

namespace weft::llm {
namespace {

// Lets the engine go on.
void release(Result<EngineHold>& hold) { const EngineHold released = std::move(*hold); }

TEST(AsyncLLMQueue, TrySubmitIsRefusedWhereTheQueueIsFull) {
  AsyncLLM llm = mini({.max_queue_size = 3});
  auto hold = llm.engine().hold();
  ASSERT_TRUE(hold);
  std::vector<RequestId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(llm.try_submit("Hello", {.max_tokens = 2}).value());
  for (int i = 0; i < 50; ++i) {  // wherever the three are by now
    const auto refused = llm.try_submit("Hello");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kQueueFull);
    EXPECT_EQ(llm.get_stats().waiting, 3);
  }
  release(hold);
  for (const RequestId id : ids) EXPECT_TRUE(llm.get_result(id).get());
  EXPECT_TRUE(llm.try_submit("Hello", {.max_tokens = 2}));
}

TEST(AsyncLLMQueue, SubmitWaitsForAPlace) {
  AsyncLLM llm = mini({.max_queue_size = 2});
  auto hold = llm.engine().hold();
  ASSERT_TRUE(hold);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(llm.submit_request("Hello", {.max_tokens = 2}));
  std::atomic<int> through = 0;
  std::vector<std::jthread> submitters;
  for (int i = 0; i < 3; ++i) {
    submitters.emplace_back([&] {
      EXPECT_TRUE(llm.submit_request("Hello", {.max_tokens = 2}));
      ++through;
    });
  }
  EXPECT_TRUE(eventually([&] { return llm.get_stats().waiting_for_room == 3; }));
  EXPECT_EQ(llm.get_stats().waiting, 2);
  EXPECT_EQ(through, 0);
  // Who does not wait does not overtake who does.
  EXPECT_EQ(llm.try_submit("Hello").error().code, ErrorCode::kQueueFull);
  release(hold);
  submitters.clear();
  EXPECT_EQ(through, 3);
  EXPECT_TRUE(eventually([&] { return llm.get_stats().results_kept == 5; }));
}

TEST(AsyncLLMQueue, ALongRequestThatRunsDoesNotKeepItsPlaceInTheQueue) {
  AsyncLLMConfig config = long_config();
  config.max_queue_size = 1;
  AsyncLLM llm = mini(config);
  std::vector<RequestId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(llm.submit_request("Hello", endless()).value());
  EXPECT_TRUE(eventually([&] { return llm.get_stats().running == 3; }));
  for (const RequestId id : ids) EXPECT_TRUE(llm.cancel(id));
  expect_idle(llm);
}

TEST(AsyncLLMQueue, UrgentGoesBeforeHighBeforeNormalBeforeLow) {
  AsyncLLM llm = mini({.worker_count = 1, .max_sequences = 1});
  auto hold = llm.engine().hold();
  ASSERT_TRUE(hold);
  std::mutex mutex;
  std::vector<Priority> order;
  const std::vector<Priority> priorities = {Priority::kLow, Priority::kNormal, Priority::kHigh,
                                            Priority::kUrgent};
  for (const Priority priority : priorities) {
    llm.generate("Hello", {.max_tokens = 2}, {.priority = priority},
                 [&, priority](const Result<GenerationOutput>& output) {
                   EXPECT_TRUE(output);
                   const std::lock_guard lock(mutex);
                   order.push_back(priority);
                 });
  }
  EXPECT_TRUE(eventually([&] { return llm.engine().num_waiting() == 4; }));
  release(hold);
  expect_idle(llm);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return order.size() == 4;
  }));
  EXPECT_EQ(order, std::vector<Priority>(priorities.rbegin(), priorities.rend()));
}

TEST(AsyncLLMQueue, WhoWaitsForAPlaceIsLetInByPriority) {
  AsyncLLM llm = mini({.max_queue_size = 1, .worker_count = 1, .max_sequences = 1});
  auto hold = llm.engine().hold();
  ASSERT_TRUE(hold);
  ASSERT_TRUE(llm.submit_request("Hello", {.max_tokens = 2}));
  std::mutex mutex;
  std::vector<Priority> order;
  std::vector<std::jthread> submitters;
  int32_t waiting = 0;
  for (const Priority priority : {Priority::kLow, Priority::kUrgent, Priority::kNormal}) {
    submitters.emplace_back([&, priority] {
      llm.generate("Hello", {.max_tokens = 2}, {.priority = priority},
                   [&, priority](const Result<GenerationOutput>&) {
                     const std::lock_guard lock(mutex);
                     order.push_back(priority);
                   });
    });
    ++waiting;
    EXPECT_TRUE(eventually([&] { return llm.get_stats().waiting_for_room == waiting; }));
  }
  release(hold);
  submitters.clear();
  expect_idle(llm);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return order.size() == 3;
  }));
  EXPECT_EQ(order, (std::vector{Priority::kUrgent, Priority::kNormal, Priority::kLow}));
}

// ------------------------------------------------------------------ deadlines and cancelling

TEST(AsyncLLMQueue, ARequestThatExpiresInTheQueueIsNeverComputed) {
  AsyncLLM llm = mini();
  auto hold = llm.engine().hold();
  ASSERT_TRUE(hold);
  const auto late = llm.generate("Hello", {}, {.timeout = milliseconds(5)}).get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimedOut);
  EXPECT_NE(late.error().message.find("5 ms"), std::string::npos) << late.error().message;
  release(hold);
  expect_idle(llm);
  EXPECT_EQ(llm.get_stats().timed_out, 1u);
  EXPECT_EQ(llm.get_stats().prompt_tokens, 0u);
}

TEST(AsyncLLMQueue, ARequestThatExpiresInLineLetsItsSubmitterGo) {
  AsyncLLM llm = mini({.max_queue_size = 1});
  auto hold = llm.engine().hold();
  ASSERT_TRUE(hold);
  ASSERT_TRUE(llm.submit_request("Hello", {.max_tokens = 2}));
  const auto id = llm.submit_request("Hello", {}, {.timeout = milliseconds(5)});  // waits so long
  ASSERT_TRUE(id);
  EXPECT_EQ(error_of(llm.get_result(*id)), ErrorCode::kTimedOut);
}

TEST(AsyncLLMQueue, ATimeoutStopsTheWorkWithinOneStep) {
  AsyncLLM llm = mini(long_config());
  EXPECT_EQ(error_of(llm.generate("Hello", endless(), {.timeout = milliseconds(20)})),
            ErrorCode::kTimedOut);
  // The answer comes with the work's end: between the next two steps the ledger is whole.
  ASSERT_TRUE(llm.engine().run_between_steps([] {}));
  ASSERT_TRUE(llm.engine().run_between_steps([] {}));
  const EngineStats stats = llm.engine().stats();
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.blocks_owned, 0);
  EXPECT_LT(stats.generated_tokens, 30000u);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(llm.engine().stats().steps, stats.steps);
}

TEST(AsyncLLMQueue, TheLongestTimeoutThereIsIsNone) {
  AsyncLLM llm = mini({.keep_results = milliseconds::max()});
  EXPECT_TRUE(llm.generate("Hello", {.max_tokens = 5}, {.timeout = milliseconds::max()}).get());
  const RequestId id = llm.submit_request("Hello", {.max_tokens = 5}).value();
  EXPECT_TRUE(eventually([&] { return llm.get_stats().results_kept == 1; }));
  EXPECT_TRUE(llm.get_result(id).get());
}

TEST(AsyncLLMQueue, ATimeoutIsEachRequestsOwn) {
  AsyncLLM llm = mini(long_config());
  auto forever = llm.generate("Hello", endless(), {.timeout = milliseconds(20)});
  auto brief = llm.generate("Hello", {.max_tokens = 5}, {.timeout = std::chrono::minutes(5)});
  EXPECT_TRUE(brief.get());
  EXPECT_EQ(error_of(std::move(forever)), ErrorCode::kTimedOut);
  expect_idle(llm);
}

TEST(AsyncLLMQueue, CancellingEndsARequestWhereverItIs) {
  AsyncLLMConfig config = long_config();
  config.max_queue_size = 1;
  config.max_sequences = 1;
  AsyncLLM llm = mini(config);
  const RequestId running = llm.submit_request("Hello", endless()).value();
  EXPECT_TRUE(eventually([&] { return llm.get_stats().running == 1; }));
  const RequestId queued = llm.submit_request("Hello", endless()).value();
  auto in_line = llm.generate_batch({"Hello"}, endless());
  EXPECT_TRUE(eventually([&] { return llm.get_stats().waiting_for_room == 1; }));
  const RequestId third = queued + 1;
  for (const RequestId id : {third, queued, running}) EXPECT_TRUE(llm.cancel(id));
  EXPECT_EQ(in_line.get().front().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(error_of(llm.get_result(queued)), ErrorCode::kCancelled);
  EXPECT_EQ(error_of(llm.get_result(running)), ErrorCode::kCancelled);
  EXPECT_FALSE(llm.cancel(running));
  EXPECT_FALSE(llm.cancel(12345));
  expect_idle(llm);
  EXPECT_EQ(llm.get_stats().cancelled, 3u);
}

// ------------------------------------------------------------------ figures

TEST(AsyncLLMStats, AreLiveAndAddUp) {
  AsyncLLM llm = mini(long_config());
  EXPECT_EQ(llm.get_stats().blocks_total, 2048);
  auto hold = llm.engine().hold();
  ASSERT_TRUE(hold);
  std::vector<RequestId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(llm.submit_request("Hello", endless()).value());
  EXPECT_EQ(llm.get_stats().submitted, 3u);
  EXPECT_EQ(llm.get_stats().waiting, 3);
  EXPECT_EQ(llm.get_stats().running, 0);
  EXPECT_EQ(llm.get_stats().blocks_used, 0);
  release(hold);
  EXPECT_TRUE(eventually([&] { return llm.get_stats().running == 3; }));
  EXPECT_EQ(llm.get_stats().waiting, 0);
  EXPECT_TRUE(eventually([&] { return llm.get_stats().blocks_used > 3; }));
  const uint64_t some = llm.get_stats().generated_tokens;
  EXPECT_TRUE(eventually([&] { return llm.get_stats().generated_tokens > some; }));
  for (const RequestId id : ids) llm.cancel(id);
  EXPECT_TRUE(llm.generate("Hello", {.max_tokens = 2}).get());
  expect_idle(llm);
  EXPECT_EQ(llm.get_stats().completed, 1u);
  EXPECT_EQ(llm.get_stats().cancelled, 3u);
  EXPECT_EQ(llm.get_stats().results_kept, 3);
}

}  // namespace
}  // namespace weft::llm
