// Runtime: tasks and their outcomes, blocking work, metrics, the end.
#include "api/async/runtime.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>

#include "api/async/context.h"
#include "tests/async/async_support.h"

namespace weft::async {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Awaitable<void> sleep_for(milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

Awaitable<int> answer() { co_return 42; }
Awaitable<int> never() {
  co_await sleep_for(seconds(3600));
  co_return 0;
}

TEST(Runtime, BuilderSetsEveryField) {
  const NoThreadLeftBehind guard;
  auto runtime = Runtime::builder()
                     .worker_threads(3)
                     .max_blocking_threads(2)
                     .thread_stack_size(1 << 20)
                     .thread_name("weft-test")
                     .enable_io()
                     .enable_time()
                     .enable_all()
                     .build();
  ASSERT_TRUE(runtime) << runtime.error().message;
  EXPECT_EQ(runtime->metrics().worker_threads, 3U);
  EXPECT_EQ(runtime->metrics().blocking_threads, 0U);
  const auto seen = runtime
                        ->spawn([]() -> Awaitable<std::pair<std::string, size_t>> {
                          co_return std::pair(platform::current_thread_name(),
                                              platform::current_thread_stack_bytes());
                        })
                        .get();
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->first, "weft-test");
  EXPECT_NEAR(static_cast<double>(seen->second), 1 << 20, 64 << 10);
  const auto blocking = runtime->spawn_blocking([] { return platform::current_thread_name(); });
  EXPECT_EQ(blocking.get().value(), "weft-test-block");
  std::atomic<int> at_once = 0, most = 0;
  std::vector<JoinHandle<void>> tasks;
  for (int i = 0; i < 8; ++i) {
    tasks.push_back(runtime->spawn_blocking([&] {
      const int now = ++at_once;
      if (now > most) most = now;
      std::this_thread::sleep_for(milliseconds(2));
      --at_once;
    }));
  }
  for (const auto& task : tasks) EXPECT_TRUE(task.get());
  EXPECT_LE(most, 2);
  EXPECT_EQ(runtime->metrics().blocking_threads, 2U);
}

TEST(Runtime, BadOptionsAreRefusedByName) {
  const auto message = [](const RuntimeBuilder& builder) {
    const auto runtime = builder.build();
    EXPECT_FALSE(runtime);
    return runtime ? "" : runtime.error().message;
  };
  EXPECT_NE(message(Runtime::builder().worker_threads(-1)).find("worker_threads: -1"),
            std::string::npos);
  EXPECT_NE(message(Runtime::builder().max_blocking_threads(0)).find("max_blocking_threads: 0"),
            std::string::npos);
  EXPECT_NE(message(Runtime::builder().thread_stack_size(1)).find("stack size: 1 bytes"),
            std::string::npos);
}

TEST(Runtime, ATaskGivesItsValueToWhoeverJoins) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  EXPECT_EQ(runtime.spawn(answer()).get(), 42);
  EXPECT_EQ(runtime.spawn(answer).join(asio::use_future).get(), 42);
  const auto joined = runtime.block_on([&]() -> Awaitable<int> {
    const auto first = runtime.spawn(answer()), second = runtime.spawn(answer());
    co_return (co_await first.join()).value() + (co_await second.join()).value();
  });
  EXPECT_EQ(joined, 84);
  EXPECT_TRUE(runtime.block_on([]() -> Awaitable<void> { co_return; }));
  // A Result is given as it is, not wrapped once more.
  const Result<int> failed = runtime.block_on(
      []() -> Awaitable<Result<int>> { co_return fail(ErrorCode::kNotFound, "nowhere"); });
  EXPECT_EQ(failed.error().message, "nowhere");
  // What only moves.
  EXPECT_EQ(
      **runtime
            .spawn([]() -> Awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(7); })
            .get(),
      7);
  // Once.
  const auto task = runtime.spawn(answer());
  EXPECT_TRUE(task.get());
  EXPECT_EQ(code_of(task.get()), ErrorCode::kInvalidArgument);
}

TEST(Runtime, WhatATaskThrowsIsItsOutcomeAndNobodyElses) {
  Runtime runtime = make_runtime();
  const auto thrown = runtime.spawn([]() -> Awaitable<int> {
    throw std::runtime_error("as it happens");
    co_return 1;
  });
  const auto result = thrown.get();
  EXPECT_EQ(code_of(result), ErrorCode::kGenerationFailed);
  EXPECT_NE(result.error().message.find("as it happens"), std::string::npos);
  const auto odd = runtime.spawn_blocking([]() -> int { throw 3; });
  EXPECT_EQ(code_of(odd.get()), ErrorCode::kGenerationFailed);
  EXPECT_EQ(runtime.spawn(answer()).get(), 42);
}

TEST(Runtime, WhatACallbackThrowsIsReportedAndTheWorkerGoesOn) {
  std::mutex mutex;
  std::vector<std::string> reported;
  auto runtime = Runtime::builder()
                     .worker_threads(1)
                     .on_exception([&](std::string_view what) {
                       const std::lock_guard lock(mutex);
                       reported.emplace_back(what);
                     })
                     .build();
  ASSERT_TRUE(runtime);
  asio::post(runtime->executor(), [] { throw std::runtime_error("from a callback"); });
  asio::post(runtime->executor(), [] { throw 7; });
  runtime->spawn(answer()).join([](Result<int>) { throw std::runtime_error("from a join"); });
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return reported.size() == 3;
  }));
  EXPECT_EQ(reported.front(), "from a callback");
  EXPECT_EQ(runtime->spawn(answer()).get(), 42);
}

TEST(Runtime, ACancelledTaskEndsItsWait) {
  Runtime runtime = make_runtime();
  const auto task = runtime.spawn(never());
  EXPECT_FALSE(task.is_finished());
  task.cancel();
  EXPECT_EQ(code_of(task.get()), ErrorCode::kCancelled);
  EXPECT_TRUE(task.is_finished());
  const auto looking = runtime.spawn_blocking([](std::stop_token stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
    return 5;
  });
  looking.cancel();
  const auto ended = looking.get();  // it may not have begun
  EXPECT_TRUE(ended == 5 || code_of(ended) == ErrorCode::kCancelled);
}

TEST(Runtime, BlockOnRefusesToWaitForItself) {
  Runtime runtime = make_runtime(1);
  const auto inner =
      runtime.block_on([&]() -> Awaitable<Result<int>> { co_return runtime.block_on(answer()); });
  EXPECT_EQ(code_of(inner), ErrorCode::kInvalidArgument);
}

TEST(Runtime, MetricsCountExactly) {
  Runtime runtime = make_runtime();
  std::atomic<bool> go_on = true;
  const auto busy = runtime.spawn_blocking([&] {
    while (go_on) std::this_thread::yield();
  });
  const auto idle = runtime.spawn(never());
  for (int i = 0; i < 10; ++i) ASSERT_EQ(runtime.spawn(answer()).get(), 42);
  EXPECT_EQ(runtime.metrics().active_tasks, 2U);
  EXPECT_EQ(runtime.metrics().completed_tasks, 10U);
  EXPECT_EQ(runtime.metrics().total_generations, 0U);
  EXPECT_EQ(runtime.metrics().avg_generation_ms, 0);
  go_on = false;
  EXPECT_TRUE(busy.get());
  idle.cancel();
  EXPECT_FALSE(idle.get());
  EXPECT_EQ(runtime.metrics().active_tasks, 0U);
  EXPECT_EQ(runtime.metrics().completed_tasks, 12U);
  EXPECT_LT(runtime.metrics().uptime_seconds, 60U);
}

TEST(Runtime, ShutdownDrainsWhatEndsInTime) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  EXPECT_TRUE(runtime.is_running());
  std::atomic<bool> done = false;
  const auto task = runtime.spawn([&]() -> Awaitable<int> {
    co_await sleep_for(milliseconds(30));
    done = true;
    co_return 3;
  });
  EXPECT_TRUE(runtime.shutdown(seconds(60)));
  EXPECT_TRUE(done);
  EXPECT_EQ(task.get(), 3);
  EXPECT_FALSE(runtime.is_running());
  EXPECT_EQ(code_of(runtime.spawn(answer()).get()), ErrorCode::kShutDown);
  EXPECT_EQ(code_of(runtime.spawn_blocking([] { return 1; }).get()), ErrorCode::kShutDown);
  EXPECT_TRUE(runtime.shutdown());
}

TEST(Runtime, ShutdownForcesWhatDoesNot) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  const auto waiting = runtime.spawn(never());
  const auto blocking = runtime.spawn_blocking([](std::stop_token stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
  });
  EXPECT_EQ(code_of(runtime.shutdown(milliseconds(20))), ErrorCode::kTimedOut);
  EXPECT_EQ(code_of(waiting.get()), ErrorCode::kCancelled);
  EXPECT_TRUE(blocking.is_finished());
}

TEST(Runtime, DestroyedInEveryOrderWithTasksUnderWay) {
  const NoThreadLeftBehind guard;
  JoinHandle<int> task;
  {
    Runtime runtime = make_runtime();
    task = runtime.spawn(never());
  }
  EXPECT_FALSE(task.get());
  {
    auto runtime = std::make_unique<Runtime>(make_runtime());
    runtime->spawn(never());  // its handle goes first
  }
  // On a worker of its own, which cannot wait for itself. A context has to outlive the calls that
  // post to it.
  auto runtime = std::make_shared<Runtime>(make_runtime());
  std::promise<void> posted;
  std::promise<void> gone;
  const Executor executor = runtime->executor();
  asio::post(executor, [own = std::move(runtime), &posted, &gone]() mutable {
    posted.get_future().wait();
    own.reset();
    gone.set_value();
  });
  posted.set_value();
  gone.get_future().wait();
  // And on a blocking thread of its own.
  auto second = std::make_shared<Runtime>(make_runtime());
  std::promise<void> gone_too;
  const auto last = second->spawn_blocking([second, &gone_too]() mutable {
    second.reset();
    gone_too.set_value();
  });
  second.reset();
  gone_too.get_future().wait();
}

TEST(Runtime, RunsOverAnExistingContext) {
  const NoThreadLeftBehind guard;
  asio::io_context context;
  auto runtime = Runtime::over(context);
  ASSERT_TRUE(runtime) << runtime.error().message;
  EXPECT_EQ(runtime->metrics().worker_threads, 0U);
  const auto here = std::this_thread::get_id();
  const auto task = runtime->spawn([&]() -> Awaitable<bool> {
    co_await sleep_for(milliseconds(1));
    co_return std::this_thread::get_id() == here;
  });
  context.run();
  EXPECT_EQ(task.get(), true);
}

TEST(Runtime, OutlivesTheContextItRunsOver) {
  const NoThreadLeftBehind guard;
  auto context = std::make_unique<asio::io_context>();
  auto runtime = Runtime::over(*context);
  ASSERT_TRUE(runtime);
  const auto task = runtime->spawn(never());
  context->poll();
  context.reset();
  EXPECT_EQ(code_of(task.get()), ErrorCode::kShutDown);
  // What comes later is refused, and nothing of the context is touched.
  EXPECT_EQ(code_of(runtime->spawn(answer()).get()), ErrorCode::kShutDown);
}

// Whatever waits on a context of the caller's when that goes first: tasks, blocking work, and
// generations in all their stages. Under AddressSanitizer, which looks for leaks, this says that
// nothing of it keeps itself, or the runtime, alive.
TEST(Runtime, WhatIsUnderWayOnADestroyedContextIsFreed) {
  const NoThreadLeftBehind guard;
  for (const bool runtime_first : {false, true}) {
    auto context = std::make_unique<asio::io_context>();
    std::optional runtime = Runtime::over(*context).value();
    std::optional work = asio::make_work_guard(*context);
    std::jthread thread([c = context.get()] { c->run(); });
    std::promise<void> release;
    {
      const AsyncModel model = load_model(*runtime);
      const auto sleeping = runtime->spawn(never());
      const auto joining = runtime->spawn(
          [&]() -> Awaitable<int> { co_return (co_await sleeping.join()).value_or(0); });
      const auto blocking = runtime->spawn_blocking([&] { release.get_future().wait(); });
      const auto generating = runtime->spawn([&]() -> Awaitable<bool> {
        co_return (co_await model.generate("Hello", 1900)).has_value();
      });
      const ContextParams params;
      const auto sequence = AsyncContext::create(model, params, asio::use_future).get().value();
      auto stream = sequence.generate_stream({5, 6}, {.max_tokens = 1900}, asio::use_future).get();
      ASSERT_TRUE(stream->next(asio::use_future).get());
      sequence.generate("in line behind the stream", 5, [](auto&&) {});
      model.generate("Hello", 1900, [](auto&&) {});
      context->stop();
      thread.join();
      work.reset();
      if (runtime_first) {
        release.set_value();  // which closing waits for
        runtime.reset();
      }
      context.reset();
      if (!runtime_first) release.set_value();
      EXPECT_FALSE(joining.get());
      EXPECT_FALSE(generating.get());
      EXPECT_TRUE(eventually([&] { return sleeping.is_finished() && blocking.is_finished(); }));
      if (!runtime) continue;
      EXPECT_EQ(code_of(runtime->spawn(answer()).get()), ErrorCode::kShutDown);
    }
    runtime.reset();
  }
}

}  // namespace
}  // namespace weft::async
