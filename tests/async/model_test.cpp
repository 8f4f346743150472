// AsyncModel: load, generate, tokenise; any completion token; limits, timeouts, cancellation.
#include "api/async/model.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>

#include "core/model/decoder.h"
#include "tests/async/async_support.h"

namespace weft::async {
namespace {

using namespace asio::experimental::awaitable_operators;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kEndless = 1900;  // more tokens than any test waits for

Awaitable<void> sleep_for(milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

std::string sync_text(const AsyncModel& model, const std::string& prompt, int max_tokens) {
  auto context = Context::create(model.model(), {.n_ctx = 2048});
  return (*context)->generate(prompt, {.max_tokens = max_tokens}).value().text;
}

TEST(AsyncModel, LoadsAndGeneratesOnARuntimeOfItsOwn) {
  const NoThreadLeftBehind guard;
  asio::io_context context;
  std::string text;
  asio::co_spawn(
      context,
      [&]() -> Awaitable<void> {
        auto model = co_await AsyncModel::load(endless_path());
        EXPECT_TRUE(model);
        auto result = co_await model->generate("Once upon a time", 20);
        EXPECT_TRUE(result);
        text = *result;
        EXPECT_EQ(text, sync_text(*model, "Once upon a time", 20));
      },
      asio::detached);
  context.run();
  EXPECT_FALSE(text.empty());
}

TEST(AsyncModel, TakesEveryKindOfCompletionToken) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const std::string expected = sync_text(model, "Hello", 12);
  // A future.
  EXPECT_EQ(model.generate("Hello", 12, asio::use_future).get(), expected);
  // A callback, on a thread of the runtime.
  std::promise<std::string> called;
  model.generate("Hello", 12, [&](Result<std::string> text) {
    EXPECT_EQ(platform::current_thread_name(), "weft");
    called.set_value(text.value());
  });
  EXPECT_EQ(called.get_future().get(), expected);
  // A callback bound to an executor of the caller's.
  asio::io_context context;
  std::string bound;
  model.generate("Hello", 12, asio::bind_executor(context, [&](Result<std::string> text) {
                   bound = text.value();
                 }));
  context.run();  // has work until the answer is there
  EXPECT_EQ(bound, expected);
  // A coroutine.
  EXPECT_EQ(runtime.block_on([&]() -> Awaitable<Result<std::string>> {
    co_return co_await model.generate("Hello", 12);
  }),
            expected);
}

TEST(AsyncModel, ABadPathArrivesThroughTheAwaitable) {
  const NoThreadLeftBehind guard;
  const auto model = AsyncModel::load("nowhere.gguf", asio::use_future).get();
  EXPECT_EQ(code_of(model), ErrorCode::kNotFound);
  Runtime runtime = make_runtime();
  const auto other = runtime.block_on([&]() -> Awaitable<Result<AsyncModel>> {
    co_return co_await AsyncModel::load(runtime, "nowhere.gguf");
  });
  EXPECT_NE(other.error().message.find("nowhere.gguf"), std::string::npos);
  std::promise<ErrorCode> called;
  AsyncModel::load("nowhere.gguf",
                   [&](Result<AsyncModel> result) { called.set_value(code_of(result)); });
  EXPECT_EQ(called.get_future().get(), ErrorCode::kNotFound);
}

TEST(AsyncModel, InfoIsThatOfTheFile) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const ModelInfo& info = model.model_info();
  EXPECT_FALSE(info.name.empty());
  EXPECT_EQ(info.architecture, "llama");
  EXPECT_EQ(info.n_vocab, 96);
  EXPECT_EQ(info.n_embd, 128);
  EXPECT_EQ(info.n_head, 8);
  EXPECT_GT(info.n_layer, 0);
  EXPECT_GT(info.n_ctx_train, 0);
  EXPECT_GT(info.n_params, 0);
  EXPECT_EQ(info.size_bytes, static_cast<uint64_t>(info.n_params) * 4);
  EXPECT_TRUE(model.is_ready());
  ASSERT_TRUE(runtime.shutdown());
  EXPECT_FALSE(model.is_ready());
  EXPECT_EQ(code_of(model.generate("Hello", 4, asio::use_future).get()), ErrorCode::kShutDown);
}

TEST(AsyncModel, TokenizesAsTheModelDoes) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  for (const bool add_bos : {true, false}) {
    EXPECT_EQ(model.tokenize_async("Hello world", add_bos, asio::use_future).get().value(),
              model.model()->tokenize("Hello world", add_bos).value());
  }
}

TEST(AsyncModel, CopiesShareWeightsAndEngine) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const AsyncModel copy = model;  // NOLINT: the copy is the point
  EXPECT_EQ(copy.model().get(), model.model().get());
  ASSERT_TRUE(copy.generate("Hello", 5, asio::use_future).get());
  EXPECT_TRUE(eventually([&] { return model.stats().generated_tokens == 5; }));
}

TEST(AsyncModel, ReservesKvWithItsFirstRequestOnly) {
  Runtime runtime = make_runtime();
  AsyncConfig config = endless_config();
  config.context_size = 100;
  config.max_concurrent = 3;
  const AsyncModel model = load_model(runtime, config);
  EXPECT_EQ(model.memory().kv_bytes, 0U);
  ASSERT_TRUE(model.generate("Hello", 5, asio::use_future).get());
  EXPECT_EQ(model.stats().blocks_capacity, 3 * 7);
  EXPECT_EQ(model.memory().kv_bytes % 21, 0U);
  EXPECT_GT(model.memory().kv_bytes, 0U);
}

TEST(AsyncModel, ConfigDefaultsAreThoseOfTheContract) {
  const AsyncConfig config;
  EXPECT_EQ(config.gpu_layers, 0);
  EXPECT_EQ(config.context_size, 2048);
  EXPECT_EQ(config.threads, 0);
  EXPECT_FALSE(config.flash_attention);
  EXPECT_EQ(config.max_concurrent, 4);
  EXPECT_EQ(config.timeout_ms, 30000);
  const StreamConfig stream;
  EXPECT_EQ(stream.max_tokens, 256);
  EXPECT_EQ(stream.temperature, 0.8f);
  EXPECT_EQ(stream.top_k, 40);
  EXPECT_EQ(stream.top_p, 0.95f);
  EXPECT_EQ(stream.buffer, 32);
  EXPECT_EQ(stream.timeout_ms, 30000);
  EXPECT_EQ(stream.delay_ms, 0);
  EXPECT_TRUE(stream.stop_sequences.empty());
}

TEST(AsyncModel, GpuLayersWithoutAGpuAreTheCpuAndOneWarning) {
  Runtime runtime = make_runtime();
  AsyncConfig config = endless_config();
  config.gpu_layers = 1000;
  config.flash_attention = true;
  std::vector<std::string> warned;
  config.on_warning = [&](std::string_view warning) {
    warned.emplace_back(warning);
    throw std::runtime_error("a sink that throws");
  };
  const AsyncModel model = load_model(runtime, config);
  if (model.warnings().empty()) GTEST_SKIP() << "this machine has a GPU that weft can use";
  EXPECT_EQ(model.warnings().size(), 1U);
  EXPECT_EQ(warned, model.warnings());
  EXPECT_NE(warned.front().find("gpu_layers: 1000"), std::string::npos);
  // Flash attention changes no bit.
  EXPECT_EQ(model.generate("Hello", 12, asio::use_future).get(), sync_text(model, "Hello", 12));
  config.gpu_layers = -1;
  EXPECT_EQ(code_of(AsyncModel::load_with_config(runtime, config, asio::use_future).get()),
            ErrorCode::kInvalidArgument);
}

TEST(AsyncModel, MaxConcurrentIsARealLimitAndTheLineIsFifo) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime(1);  // two threads might report two answers out of order
  AsyncConfig config = endless_config();
  config.max_concurrent = 2;
  const AsyncModel model = load_model(runtime, config);
  // Two streams that pause keep both places.
  auto first =
      model.generate_stream("One", {.max_tokens = kEndless, .buffer = 4}, asio::use_future).get();
  auto second =
      model.generate_stream("Two", {.max_tokens = kEndless, .buffer = 4}, asio::use_future).get();
  ASSERT_TRUE(first && second);
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::future<void>> done;
  for (int i = 0; i < 5; ++i) {
    auto promise = std::make_shared<std::promise<void>>();
    done.push_back(promise->get_future());
    model.generate("Hello", 3 + i, [&, i, promise](Result<std::string> text) {
      EXPECT_TRUE(text);
      const std::lock_guard lock(mutex);
      order.push_back(i);
      promise->set_value();
    });
    EXPECT_EQ(model.waiting(), i + 1);
  }
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(model.waiting(), 5);
  EXPECT_LE(model.stats().running + model.stats().waiting, 2);
  first = fail(ErrorCode::kCancelled, "");  // drops the stream: one place for all five
  for (auto& each : done) each.wait();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

TEST(AsyncModel, WaitingInLineCountsAgainstTheTimeout) {
  Runtime runtime = make_runtime();
  AsyncConfig config = endless_config();
  config.max_concurrent = 1;
  config.timeout_ms = 30;
  const AsyncModel model = load_model(runtime, config);
  auto holder = model
                    .generate_stream("One", {.max_tokens = kEndless, .buffer = 4, .timeout_ms = 0},
                                     asio::use_future)
                    .get();
  ASSERT_TRUE(holder);
  const auto late = model.generate("Hello", 3, asio::use_future).get();
  EXPECT_EQ(code_of(late), ErrorCode::kTimedOut);
  EXPECT_EQ(model.waiting(), 0);
}

TEST(AsyncModel, ATimeoutIsAnErrorOfItsOwnAndStopsTheWork) {
  Runtime runtime = make_runtime();
  AsyncConfig config = endless_config();
  config.timeout_ms = 20;
  const AsyncModel model = load_model(runtime, config);
  const auto late = model.generate("Hello", kEndless, asio::use_future).get();
  ASSERT_EQ(code_of(late), ErrorCode::kTimedOut);
  EXPECT_NE(late.error().message.find("20 ms"), std::string::npos);
  // The engine had its blocks back when the answer came; its figures follow within a step.
  EXPECT_TRUE(eventually([&] { return is_idle(model.stats()); }));
  const uint64_t tokens = model.stats().generated_tokens;
  EXPECT_LT(tokens, 1900U);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(model.stats().generated_tokens, tokens);
}

TEST(AsyncModel, ErrorsOfTheRequestAreTheEnginesOwn) {
  Runtime runtime = make_runtime();
  AsyncConfig config = endless_config();
  config.context_size = 64;
  const AsyncModel model = load_model(runtime, config);
  const auto generate = [&](const std::string& prompt, int n) {
    return code_of(model.generate(prompt, n, asio::use_future).get());
  };
  EXPECT_EQ(generate("Hello", 64), ErrorCode::kContextOverflow);
  EXPECT_EQ(generate("Hello", 0), ErrorCode::kInvalidArgument);
  EXPECT_EQ(
      code_of(
          model.generate_stream("Hello", {.max_tokens = 3, .top_p = 2}, asio::use_future).get()),
      ErrorCode::kInvalidArgument);
  config.max_concurrent = 0;
  EXPECT_EQ(code_of(AsyncModel::load_with_config(runtime, config, asio::use_future).get()),
            ErrorCode::kInvalidArgument);
  ASSERT_TRUE(model.generate("Hello", 5, asio::use_future).get());
}

TEST(AsyncModel, ACancellationTokenStopsTheWork) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const CancellationToken token;
  auto text = model.generate("Hello", kEndless, token, asio::use_future);
  EXPECT_TRUE(eventually([&] { return model.stats().generated_tokens > 2; }));
  token.cancel();
  const auto result = text.get();
  EXPECT_EQ(code_of(result), ErrorCode::kCancelled);
  EXPECT_TRUE(eventually([&] { return is_idle(model.stats()); }));
  // A token that was cancelled before: nothing is computed.
  const uint64_t steps = model.stats().steps;
  EXPECT_EQ(code_of(model.generate("Hello", 5, token, asio::use_future).get()),
            ErrorCode::kCancelled);
  EXPECT_EQ(model.stats().steps, steps);
}

TEST(AsyncModel, ACancellationSlotStopsTheWork) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  asio::io_context context;
  asio::cancellation_signal signal;
  std::optional<Result<std::string>> result;
  model.generate("Hello", kEndless,
                 asio::bind_executor(context, asio::bind_cancellation_slot(
                                                  signal.slot(), [&](Result<std::string> text) {
                                                    result = std::move(text);
                                                  })));
  asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
  context.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(code_of(*result), ErrorCode::kCancelled);
  EXPECT_TRUE(eventually([&] { return is_idle(model.stats()); }));
}

TEST(AsyncModel, TheFirstOfTwoWinsAndTheOtherIsStopped) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const auto winner = runtime.block_on([&]() -> Awaitable<size_t> {
    auto result = co_await (model.generate("Hello", kEndless) || model.generate("Hello", 3));
    co_return result.index();
  });
  EXPECT_EQ(winner.value(), 1U);
  EXPECT_TRUE(eventually([&] { return is_idle(model.stats()) && model.stats().cancelled == 1; }));
}

TEST(AsyncModel, ARaceAgainstATimerIsATimeout) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const auto index = runtime.block_on([&]() -> Awaitable<size_t> {
    auto result = co_await (model.generate("Hello", kEndless) || sleep_for(milliseconds(5)));
    co_return result.index();
  });
  EXPECT_EQ(index.value(), 1U);
  EXPECT_TRUE(eventually([&] { return is_idle(model.stats()); }));
}

TEST(AsyncModel, AllOfThreeAreWovenTogether) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const auto all = runtime.block_on([&]() -> Awaitable<std::vector<std::string>> {
    auto [a, b, c] = co_await (model.generate("One", 20) && model.generate("Two", 20) &&
                               model.generate("Three", 20));
    co_return std::vector{a.value(), b.value(), c.value()};
  });
  ASSERT_TRUE(all);
  EXPECT_EQ((*all)[0], sync_text(model, "One", 20));
  EXPECT_EQ((*all)[1], sync_text(model, "Two", 20));
  EXPECT_EQ((*all)[2], sync_text(model, "Three", 20));
}

TEST(AsyncModel, ACallKeepsItsModelAndALastCopyMayGoAnywhere) {
  const NoThreadLeftBehind guard;
  // The callback holds the last copy, on the runtime of the model's own.
  std::promise<std::string> first, second;
  AsyncModel::load_with_config(endless_config(), [&](Result<AsyncModel> model) {
    model->generate("Hello", 12,
                    [&, model](Result<std::string> text) { first.set_value(text.value()); });
  });
  // Nobody holds one but the call itself.
  AsyncModel::load_with_config(endless_config(), [&](Result<AsyncModel> model) {
    model->generate("Hello", 12, [&](Result<std::string> text) { second.set_value(text.value()); });
  });
  EXPECT_EQ(first.get_future().get(), second.get_future().get());
}

TEST(AsyncModel, WhoeverDestroysTheContextEndsWhatWaitsOnIt) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  bool called = false;
  auto held = std::make_shared<int>(1);
  {
    asio::io_context context;
    model.generate("Hello", 200,
                   asio::bind_executor(context, [&, held](Result<std::string>) { called = true; }));
    asio::co_spawn(
        context, [&, held]() -> Awaitable<void> { co_await model.generate("Hello", kEndless); },
        asio::detached);
    context.poll();
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(called);
  EXPECT_TRUE(model.generate("Hello", 5, asio::use_future).get());
}

TEST(AsyncModel, ShutdownOfTheRuntimeResolvesEveryCall) {
  const NoThreadLeftBehind guard;
  Runtime runtime = make_runtime();
  AsyncConfig config = endless_config();
  config.max_concurrent = 1;
  const AsyncModel model = load_model(runtime, config);
  asio::io_context context;
  auto work = asio::make_work_guard(context);
  std::thread thread([&] { context.run(); });
  std::vector<std::future<Result<std::string>>> texts;
  for (int i = 0; i < 4; ++i) {
    texts.push_back(
        model.generate("Hello", kEndless, asio::bind_executor(context, asio::use_future)));
  }
  EXPECT_EQ(code_of(runtime.shutdown(milliseconds(1))), ErrorCode::kTimedOut);
  for (auto& text : texts) EXPECT_EQ(code_of(text.get()), ErrorCode::kShutDown);
  work.reset();
  thread.join();
}

}  // namespace
}  // namespace weft::async
