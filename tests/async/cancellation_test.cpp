// Random cancellation at every point where something is awaited: nothing hangs, leaks or stays
// behind, and what is not cancelled has its usual result.
#include <atomic>
#include <random>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "api/async/model_pool.h"
#include "api/async/task_manager.h"
#include "tests/async/async_support.h"

namespace weft::async {
namespace {

using namespace asio::experimental::awaitable_operators;
using std::chrono::microseconds;
using std::chrono::milliseconds;

struct World {
  AsyncModel model;
  AsyncContext context;
  ModelPool pool;
  GenerationQueue queue;
  std::string expected;  // of generate("Hello", 8)
};

// One of everything that can be awaited, in turn; gives what it checked.
Awaitable<Result<void>> user(World& world, int kind) {
  const auto check = [&](const Result<std::string>& text) -> Result<void> {
    if (!text) return tl::unexpected(text.error());
    EXPECT_EQ(*text, world.expected);
    return {};
  };
  switch (kind) {
    case 0:
      co_return check(co_await world.model.generate("Hello", 8));
    case 1: {
      auto stream = co_await world.model.generate_stream("Hello", {.max_tokens = 8, .buffer = 2});
      if (!stream) co_return tl::unexpected(stream.error());
      std::string text;
      for (;;) {
        auto token = co_await stream->next();
        if (!token) co_return tl::unexpected(token.error());
        if (!*token) break;
        text += (*token)->text;
      }
      co_return check(text);
    }
    case 2:
      co_return check(co_await world.context.generate("Hello", 8));
    case 3: {
      // A list in the operand of a co_await is more than GCC 12 can compile.
      std::vector<Batch> batches(2);
      batches[0].ids = {1, 5};
      batches[1].ids = {7};
      for (Batch& batch : batches) batch.max_tokens = 2;
      auto ids = co_await world.context.process_batch(std::move(batches));
      if (!ids && ids.error().code != ErrorCode::kContextOverflow) {
        co_return tl::unexpected(ids.error());
      }
      co_return co_await world.context.clear();
    }
    case 4: {
      auto lent = co_await world.pool.acquire();
      if (!lent) co_return tl::unexpected(lent.error());
      co_return check(co_await (*lent)->generate("Hello", 8));
    }
    case 5:
      co_return check(co_await world.pool.generate("Hello", 8));
    case 6:
      co_return check(co_await world.queue.submit("Hello", {.max_tokens = 8}));
    case 7: {
      auto both = co_await (world.model.generate("Hello", 8) || world.pool.generate("Hello", 8));
      co_return both.index() == 0 ? check(std::get<0>(both)) : check(std::get<1>(both));
    }
    case 8: {
      const auto ids = co_await world.model.tokenize_async("Hello", true);
      co_return ids ? Result<void>() : tl::unexpected(ids.error());
    }
    default: {
      auto [a, b] =
          co_await (world.model.generate("Hello", 8) && world.context.generate("Hello", 8));
      if (!a) co_return check(a);
      co_return check(b);
    }
  }
}
constexpr int kKinds = 10;

// `runs` tasks, some at a time, each cancelled after a random time or not at all.
void run_and_cancel(int runs) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  AsyncConfig config = mini_config();
  config.max_concurrent = 3;
  config.timeout_ms = 0;
  const AsyncModel model = load_model(runtime, config);
  auto context = AsyncContext::create(model, {.n_ctx = 256}, asio::use_future).get();
  auto pool = ModelPool::create(model, 2, {.n_ctx = 256}, asio::use_future).get();
  ASSERT_TRUE(context && pool);
  World world{model, *context, *pool, GenerationQueue(runtime),
              model.generate("Hello", 8, asio::use_future).get().value()};
  TaskManager tasks(runtime);
  ASSERT_TRUE(tasks.spawn_generation_worker("worker", model, world.queue));

  std::mt19937 random(7);
  int cancelled = 0, done = 0;
  constexpr int kAtOnce = 20;
  for (int first = 0; first < runs; first += kAtOnce) {
    std::vector<JoinHandle<void>> handles;
    for (int i = 0; i < kAtOnce; ++i) {
      const int kind = static_cast<int>(random() % kKinds);
      handles.push_back(runtime.spawn([&world, kind] { return user(world, kind); }));
    }
    for (const auto& handle : handles) {
      if (random() % 4 == 0) continue;  // left alone
      std::this_thread::sleep_for(microseconds(random() % 200));
      handle.cancel();
    }
    for (const auto& handle : handles) {
      const Result<void> result = handle.get();
      if (result) {
        ++done;
      } else {
        ++cancelled;
        ASSERT_EQ(result.error().code, ErrorCode::kCancelled) << result.error().message;
      }
    }
  }
  EXPECT_GT(done, runs / 20);
  EXPECT_GT(cancelled, runs / 20);
  // Everything is back: places, instances, blocks, and the results are what they were.
  EXPECT_TRUE(eventually([&] { return is_idle(model.stats()) && model.waiting() == 0; }));
  EXPECT_TRUE(eventually([&] { return world.pool.stats().available == 2; }));
  EXPECT_EQ(world.queue.submit("Hello", {.max_tokens = 8}, asio::use_future).get().value(),
            world.expected);
  EXPECT_EQ(world.context.generate("Hello", 8, asio::use_future).get().value(), world.expected);
  ASSERT_TRUE(tasks.stop_all(asio::use_future).get());
  EXPECT_EQ(runtime.metrics().active_tasks, 0U);
}

TEST(RandomCancellation, AtEveryAwaitLeavesNothingBehind) { run_and_cancel(400); }
TEST(SlowRandomCancellation, TenThousandTimes) { run_and_cancel(10000); }

// Model, stream, context, pool, lent instance and runtime go in every order, work under way.
TEST(DestructionOrder, AnyOrderIsFine) {
  const NoThreadLeftBehind guard;
  std::vector<int> order = {0, 1, 2, 3, 4, 5};
  std::mt19937 random(11);
  for (int round = 0; round < 40; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    auto runtime = std::make_optional(make_runtime());
    auto model = std::make_optional(load_model(*runtime, mini_config()));
    auto context = std::make_optional(
        AsyncContext::create(*model, {.n_ctx = 512}, asio::use_future).get().value());
    auto pool = std::make_optional(
        ModelPool::create(*model, 2, {.n_ctx = 512}, asio::use_future).get().value());
    std::optional<PooledModel> lent = pool->try_acquire();
    std::optional<TokenStream> stream =
        model->generate_stream("Hello", {.max_tokens = 400, .buffer = 2}, asio::use_future)
            .get()
            .value();
    std::atomic<int> answered = 0;
    const auto answer = [&](Result<std::string>) { ++answered; };
    context->generate("Hello", 400, answer);
    (*lent)->generate("Hello", 400, answer);
    pool->generate("Hello", 400, answer);
    for (const int which : order) {
      if (which == 0) stream.reset();
      if (which == 1) context.reset();
      if (which == 2) lent.reset();
      if (which == 3) pool.reset();
      if (which == 4) model.reset();
      if (which == 5) runtime.reset();
    }
    EXPECT_LE(answered, 3);  // those whose executor went first never are
  }
}

// A model with a runtime of its own is dropped by whichever thread has it last.
TEST(DestructionOrder, TheLastCopyGoesOnAnyThread) {
  const NoThreadLeftBehind guard;
  std::atomic<int> answered = 0;
  for (int round = 0; round < 20; ++round) {
    AsyncModel model = AsyncModel::load_with_config(mini_config(), asio::use_future).get().value();
    for (int i = 0; i < 3; ++i) {
      model.generate("Hello", 5 + round % 7,
                     [&answered, model](Result<std::string>) { ++answered; });
    }
  }
  EXPECT_TRUE(eventually([&] { return answered == 60; }));
}

}  // namespace
}  // namespace weft::async
