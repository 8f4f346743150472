// What a facade hears of a stream without waiting for it.
#include "api/engine/stream_hooks.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace weft {
namespace {

using engine::StreamHooks;

class StreamHooksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = test::fixtures_folder() / "weft-mini-llama-F32.gguf";
    auto model = Model::load(path.string(), {.threads = 1});
    ASSERT_TRUE(model) << model.error().message;
    auto engine = Engine::create(*model, {.num_blocks = 64});
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = std::move(*engine);
  }
  TokenStream submit(int32_t max_tokens, int32_t buffer = 0) {
    auto stream = engine_->submit(
        {.prompt_ids = {1, 5, 17}, .max_tokens = max_tokens, .ignore_eos = true, .buffer = buffer});
    EXPECT_TRUE(stream) << stream.error().message;
    return std::move(*stream);
  }
  std::unique_ptr<Engine> engine_;
};

TEST_F(StreamHooksTest, AReaderThatNeverWaitsGetsEveryToken) {
  TokenStream waited = submit(30), told = submit(30);
  std::string expected, text;
  while (auto token = waited.next().value()) expected += token->text;
  bool more = true;
  while (more) {
    std::promise<void> ready;
    StreamHooks::when_ready(told, [&ready] { ready.set_value(); });
    ready.get_future().wait();
    while (auto token = told.try_next()) {
      if (more = token->value().has_value(); !more) break;
      text += token->value()->text;
    }
  }
  EXPECT_EQ(text, expected);
}

TEST_F(StreamHooksTest, AHookIsCalledOnceAndCanBeTakenBack) {
  std::atomic<int> calls = 0;
  TokenStream stream = submit(10, 2);
  StreamHooks::when_ready(stream, [&] { calls += 100; });
  StreamHooks::when_ready(stream, nullptr);
  const int taken_back = calls;  // it may have been there already
  EXPECT_TRUE(taken_back == 0 || taken_back == 100);
  ASSERT_TRUE(stream.next());
  StreamHooks::when_ready(stream, [&] { ++calls; });
  while (stream.next().value()) {
  }
  EXPECT_EQ(calls, taken_back + 1);
}

TEST_F(StreamHooksTest, TheEndIsToldAlsoWhenTheStreamHasGone) {
  std::promise<bool> ended;
  {
    TokenStream stream = submit(500, 2);  // pauses, so that it cannot end by itself
    StreamHooks::when_ended(stream, [&ended](bool finished) { ended.set_value(finished); });
  }
  EXPECT_FALSE(ended.get_future().get());
  ASSERT_TRUE(engine_->run_between_steps([] {}));
  EXPECT_EQ(engine_->stats().cancelled, 1U);
}

TEST_F(StreamHooksTest, AnEndThatIsThereIsToldAtOnce) {
  TokenStream stream = submit(3);
  while (stream.next().value()) {
  }
  int calls = 0;
  StreamHooks::when_ended(stream, [&](bool finished) { calls += finished; });
  StreamHooks::when_ready(stream, [&] { ++calls; });
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace weft
