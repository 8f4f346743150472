// TaskManager: workers on a queue, the metrics collector, status and the end.
#include "api/async/task_manager.h"

#include <stdexcept>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "tests/async/async_support.h"

namespace weft::async {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = WorkerStatus::State;

Awaitable<void> never() {
  asio::steady_timer timer(co_await asio::this_coro::executor, seconds(3600));
  co_await timer.async_wait(asio::use_awaitable);
}

TEST(TaskManager, GenerationWorkersAnswerOnTheRequestsCompletion) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const GenerationQueue queue(runtime);
  TaskManager tasks(runtime);
  std::vector<std::future<Result<std::string>>> texts;
  for (int i = 0; i < 8; ++i) {
    texts.push_back(
        queue.submit("Hello " + std::to_string(i), {.max_tokens = 50}, asio::use_future));
  }
  EXPECT_EQ(queue.waiting(), 8);
  ASSERT_TRUE(tasks.spawn_generation_worker("one", model, queue));
  ASSERT_TRUE(tasks.spawn_generation_worker("two", model, queue));
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(texts[i].get(),
              model.generate("Hello " + std::to_string(i), 50, asio::use_future).get().value());
  }
  EXPECT_EQ(code_of(queue.submit("Hello", {.max_tokens = 0}, asio::use_future).get()),
            ErrorCode::kInvalidArgument);
  queue.close();
  EXPECT_EQ(code_of(queue.submit("Hello", {}, asio::use_future).get()), ErrorCode::kShutDown);
  EXPECT_TRUE(eventually([&] {
    const auto status = tasks.worker_status();
    return status.at("one").state == State::kFinished && status.at("two").state == State::kFinished;
  }));
}

TEST(TaskManager, MetricsAreExactAndPublishedAtIntervals) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  TaskManager tasks(runtime);
  std::mutex mutex;
  std::vector<RuntimeMetrics> seen;
  ASSERT_TRUE(tasks.spawn_metrics_collector(milliseconds(2), [&](const RuntimeMetrics& metrics) {
    const std::lock_guard lock(mutex);
    seen.push_back(metrics);
  }));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(model.generate("Hello", 6, asio::use_future).get());
  EXPECT_FALSE(model.generate("Hello", 0, asio::use_future).get());
  const RuntimeMetrics now = runtime.metrics();
  EXPECT_EQ(now.total_generations, 5U);
  EXPECT_GT(now.avg_generation_ms, 0);
  EXPECT_EQ(now.active_tasks, 1U);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return seen.size() > 3 && seen.back().total_generations == 5;
  }));
  EXPECT_EQ(seen.front().active_tasks, 1U);  // itself
  ASSERT_TRUE(tasks.stop_all(asio::use_future).get());
  EXPECT_EQ(runtime.metrics().active_tasks, 0U);
  EXPECT_EQ(tasks.worker_status().at("metrics").state, State::kFinished);
}

TEST(TaskManager, StatusTellsRunningFinishedAndFailedWithItsError) {
  Runtime runtime = make_runtime();
  TaskManager tasks(runtime);
  ASSERT_TRUE(tasks.spawn_worker("runs", never));
  ASSERT_TRUE(tasks.spawn_worker("ends", []() -> Awaitable<void> { co_return; }));
  ASSERT_TRUE(tasks.spawn_worker("fails", []() -> Awaitable<Result<void>> {
    co_return fail(ErrorCode::kNotFound, "nothing to do");
  }));
  ASSERT_TRUE(tasks.spawn_worker("throws", []() -> Awaitable<void> {
    throw std::runtime_error("out of luck");
    co_return;
  }));
  ASSERT_TRUE(tasks.spawn_metrics_collector(
      milliseconds(1), [](const RuntimeMetrics&) { throw std::runtime_error("no room"); }));
  EXPECT_TRUE(eventually([&] {
    const auto status = tasks.worker_status();
    return std::ranges::count_if(status, [](const auto& worker) {
             return worker.second.state != State::kRunning;
           }) == 4;
  }));
  const auto status = tasks.worker_status();
  EXPECT_EQ(status.at("runs").state, State::kRunning);
  EXPECT_EQ(status.at("ends").state, State::kFinished);
  EXPECT_EQ(status.at("fails").state, State::kFailed);
  EXPECT_EQ(status.at("fails").error->message, "nothing to do");
  EXPECT_NE(status.at("throws").error->message.find("out of luck"), std::string::npos);
  EXPECT_NE(status.at("metrics").error->message.find("no room"), std::string::npos);
  // A name that is taken, and one that is free again.
  EXPECT_EQ(code_of(tasks.spawn_worker("runs", never)), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(tasks.spawn_worker("ends", never));
}

TEST(TaskManager, StopAllWaitsForEveryWorker) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const GenerationQueue queue(runtime);
  TaskManager tasks(runtime);
  ASSERT_TRUE(tasks.spawn_worker("idle", never));
  ASSERT_TRUE(tasks.spawn_generation_worker("busy", model, queue));
  auto text = queue.submit("Hello", {.max_tokens = 1900}, asio::use_future);
  EXPECT_TRUE(eventually([&] { return model.stats().generated_tokens > 0; }));
  ASSERT_TRUE(tasks.stop_all(asio::use_future).get());
  for (const auto& [name, status] : tasks.worker_status()) {
    EXPECT_EQ(status.state, State::kFinished) << name;
  }
  EXPECT_EQ(code_of(text.get()), ErrorCode::kCancelled);
  EXPECT_TRUE(eventually([&] { return is_idle(model.stats()); }));
  EXPECT_EQ(code_of(tasks.spawn_worker("late", never)), ErrorCode::kShutDown);
  EXPECT_TRUE(tasks.stop_all(asio::use_future).get());
}

TEST(TaskManager, DestroyedBeforeOrAfterItsRuntime) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  {
    TaskManager tasks(runtime);
    ASSERT_TRUE(tasks.spawn_worker("idle", never));
  }
  EXPECT_TRUE(eventually([&] { return runtime.metrics().active_tasks == 0; }));
  TaskManager tasks(runtime);
  ASSERT_TRUE(tasks.spawn_worker("idle", never));
  EXPECT_FALSE(runtime.shutdown(milliseconds(1)));
  EXPECT_NE(tasks.worker_status().at("idle").state, State::kRunning);
}

}  // namespace
}  // namespace weft::async
