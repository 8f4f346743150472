// AsyncContext: one sequence that goes on; calls in line; sessions in files.
#include "api/async/context.h"

#include <fstream>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>

#include "api/session/session_file.h"
#include "core/model/decoder.h"
#include "tests/async/async_support.h"
#include "tests/support/temp_folder.h"

namespace weft::async {
namespace {

constexpr int kEndless = 1900;

class AsyncContextTest : public ::testing::Test {
 protected:
  AsyncContext context(ContextParams params = {}) {
    auto made = AsyncContext::create(model_, std::move(params), asio::use_future).get();
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  static std::string generate(const AsyncContext& context, const std::string& prompt, int n) {
    auto text = context.generate(prompt, n, asio::use_future).get();
    EXPECT_TRUE(text) << text.error().message;
    return text.value_or("");
  }
  // Goes on from where the context is.
  static std::string go_on(const AsyncContext& context, std::vector<int32_t> ids, int n) {
    auto stream =
        context.generate_stream(std::move(ids), {.max_tokens = n}, asio::use_future).get();
    EXPECT_TRUE(stream) << stream.error().message;
    std::string text;
    while (auto token = stream->next(asio::use_future).get().value()) text += token->text;
    return text;
  }
  const NoThreadLeftBehind guard_;
  Runtime runtime_ = make_runtime();
  AsyncModel model_ = load_model(runtime_);
};

TEST_F(AsyncContextTest, GeneratesFromAnEmptySequenceAndLeavesItsResult) {
  const AsyncContext c = context();
  EXPECT_EQ(c.params().n_ctx, 2048);
  EXPECT_TRUE(c.tokens().empty());
  const std::string expected = model_.generate("Hello", 20, asio::use_future).get().value();
  EXPECT_EQ(generate(c, "Hello", 20), expected);
  const size_t prompt = model_.model()->tokenize("Hello")->size();
  EXPECT_EQ(c.tokens().size(), prompt + 20);
  EXPECT_EQ(generate(c, "Hello", 20), expected);  // not from what was left
  EXPECT_EQ(c.tokens().size(), prompt + 20);
}

TEST_F(AsyncContextTest, AStreamGoesOnFromTheSequence) {
  const AsyncContext c = context(), whole = context();
  const std::string all = generate(whole, "Hello", 50);
  const std::string begin = generate(c, "Hello", 20);
  EXPECT_EQ(begin + go_on(c, {}, 30), all);
  EXPECT_EQ(c.tokens(), whole.tokens());
  // Ids in between.
  const auto before = c.tokens();
  go_on(c, {5, 6, 7}, 4);
  const auto after = c.tokens();
  ASSERT_EQ(after.size(), before.size() + 7);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));
  EXPECT_EQ(after[before.size()], 5);
}

TEST_F(AsyncContextTest, ABatchGoesOnFromTheOneBeforeIt) {
  const AsyncContext c = context(), other = context();
  generate(c, "Hello", 5);
  generate(other, "Hello", 5);
  const auto ids =
      c.process_batch({{.ids = {5, 6}, .max_tokens = 4}, {.ids = {9}, .max_tokens = 3}},
                      asio::use_future)
          .get();
  ASSERT_TRUE(ids) << ids.error().message;
  ASSERT_EQ(ids->size(), 2U);
  EXPECT_EQ((*ids)[0].size(), 4U);
  EXPECT_EQ((*ids)[1].size(), 3U);
  go_on(other, {5, 6}, 4);
  go_on(other, {9}, 3);
  EXPECT_EQ(c.tokens(), other.tokens());
  EXPECT_EQ(c.process_batch({}, asio::use_future).get()->size(), 0U);
  // The first failure ends the call and keeps what came before.
  const auto failed =
      c.process_batch({{.ids = {5}, .max_tokens = 2}, {.ids = {-1}, .max_tokens = 2}},
                      asio::use_future)
          .get();
  EXPECT_EQ(code_of(failed), ErrorCode::kTokenOutOfRange);
  EXPECT_EQ(c.tokens().size(), other.tokens().size() + 3);
}

TEST_F(AsyncContextTest, ClearEmptiesIt) {
  const AsyncContext c = context();
  generate(c, "Hello", 5);
  ASSERT_TRUE(c.clear(asio::use_future).get());
  EXPECT_TRUE(c.tokens().empty());
  const auto nothing = c.generate_stream({}, {}, asio::use_future).get();
  EXPECT_EQ(code_of(nothing), ErrorCode::kInvalidArgument);
}

TEST_F(AsyncContextTest, CallsAreQueuedAndNeverMixed) {
  const AsyncContext c = context();
  std::vector<std::string> alone;
  for (int i = 0; i < 6; ++i) alone.push_back(generate(c, "Hello " + std::to_string(i), 12));
  std::vector<std::future<Result<std::string>>> texts;
  for (int i = 0; i < 6; ++i) {
    texts.push_back(c.generate("Hello " + std::to_string(i), 12, asio::use_future));
  }
  auto cleared = c.clear(asio::use_future);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(texts[i].get(), alone[i]);
  EXPECT_TRUE(cleared.get());
  EXPECT_TRUE(c.tokens().empty());
}

TEST_F(AsyncContextTest, AStreamKeepsTheContextUntilItIsReadOrDropped) {
  const AsyncContext c = context();
  generate(c, "Hello", 3);
  std::future<Result<std::string>> after;
  {
    auto stream = c.generate_stream({}, {.max_tokens = 8}, asio::use_future).get();
    ASSERT_TRUE(stream);
    ASSERT_TRUE(stream->next(asio::use_future).get());
    after = c.generate("Another", 4, asio::use_future);
    EXPECT_EQ(after.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  }
  EXPECT_TRUE(after.get());
}

TEST_F(AsyncContextTest, TheSequenceHoldsWhatTheReaderWasGiven) {
  const AsyncContext c = context();
  generate(c, "Hello", 3);
  const size_t before = c.tokens().size();
  {
    auto stream = c.generate_stream({}, {.max_tokens = 100}, asio::use_future).get();
    ASSERT_TRUE(stream);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(stream->next(asio::use_future).get());
  }
  ASSERT_TRUE(c.save_state("/dev/null/nowhere", asio::use_future).get().error().code !=
              ErrorCode::kShutDown);  // in line behind the stream
  EXPECT_EQ(c.tokens().size(), before + 5);
}

TEST_F(AsyncContextTest, ACancelledCallLeavesALineThatGoesOn) {
  const AsyncContext c = context();
  const CancellationToken stop;
  auto first = c.generate("Hello", kEndless, stop, asio::use_future);
  auto second = c.generate("Hello", 5, stop, asio::use_future);
  auto third = c.generate("Hello", 5, asio::use_future);
  stop.cancel();
  EXPECT_EQ(code_of(first.get()), ErrorCode::kCancelled);
  EXPECT_EQ(code_of(second.get()), ErrorCode::kCancelled);
  EXPECT_TRUE(third.get());
}

TEST_F(AsyncContextTest, LimitsAreThoseOfNCtx) {
  const AsyncContext c = context({.n_ctx = 40});
  EXPECT_EQ(code_of(c.generate("Hello", 40, asio::use_future).get()), ErrorCode::kContextOverflow);
  generate(c, "Hello", 20);
  EXPECT_EQ(code_of(c.generate_stream({}, {.max_tokens = 20}, asio::use_future).get()),
            ErrorCode::kContextOverflow);
  EXPECT_EQ(c.memory().kv_bytes * 2,
            context({.n_ctx = 96}).memory().kv_bytes);  // 3 blocks of 16 against 6
  EXPECT_EQ(code_of(AsyncContext::create(model_, {.n_ctx = 0}, asio::use_future).get()),
            ErrorCode::kInvalidArgument);
}

TEST_F(AsyncContextTest, ASavedSessionGoesOnElsewhereAsIfItHadNeverStopped) {
  const test::TempFolder folder;
  const std::string path = folder.path("session.weft");
  const AsyncContext whole = context(), first = context();
  const std::string all = generate(whole, "Once upon a time", 60);
  const std::string begin = generate(first, "Once upon a time", 25);
  ASSERT_TRUE(first.save_state(path, asio::use_future).get());
  // Another runtime, model and context: nothing but the file is shared.
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const auto second = AsyncContext::create(model, {}, asio::use_future).get();
  ASSERT_TRUE(second);
  ASSERT_TRUE(second->load_state(path, asio::use_future).get());
  EXPECT_EQ(second->tokens(), first.tokens());
  EXPECT_EQ(begin + go_on(*second, {}, 35), all);
  EXPECT_EQ(second->tokens(), whole.tokens());
}

TEST_F(AsyncContextTest, GoesOnFromASessionOfASynchronousContextAndBack) {
  const test::TempFolder folder;
  const AsyncContext whole = context(), c = context();
  const std::string all = generate(whole, "Once upon a time", 60);
  const auto plain = weft::Context::create(model_.model(), {.n_ctx = 256}).value();
  const GenerateOptions options{.max_tokens = 25};
  std::string text = plain->generate("Once upon a time", options)->text;
  ASSERT_TRUE(plain->save(folder.path("plain")));
  ASSERT_TRUE(c.load_state(folder.path("plain"), asio::use_future).get());
  text += go_on(c, {}, 10);
  ASSERT_TRUE(c.save_state(folder.path("async"), asio::use_future).get());
  ASSERT_TRUE(plain->load(folder.path("async")));
  text += plain->resume({}, options)->text;
  EXPECT_EQ(text, all);
}

TEST_F(AsyncContextTest, ASessionThatDoesNotFitIsRefusedAndChangesNothing) {
  const test::TempFolder folder;
  const std::string path = folder.path("session.weft");
  const AsyncContext c = context();
  generate(c, "Hello", 30);
  ASSERT_TRUE(c.save_state(path, asio::use_future).get());
  const AsyncContext small = context({.n_ctx = 16});
  generate(small, "Hi", 2);
  const auto before = small.tokens();
  EXPECT_EQ(code_of(small.load_state(path, asio::use_future).get()), ErrorCode::kLimitExceeded);
  EXPECT_EQ(code_of(small.load_state(folder.path("none"), asio::use_future).get()),
            ErrorCode::kNotFound);
  const AsyncModel mini = load_model(runtime_, mini_config());
  const auto other = AsyncContext::create(mini, {}, asio::use_future).get();
  const auto refused = other->load_state(path, asio::use_future).get();
  EXPECT_EQ(code_of(refused), ErrorCode::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("another model"), std::string::npos);
  ASSERT_TRUE(write_session(path, {.model = model_.model_info().fingerprint, .ids = {1, 96}}, {}));
  EXPECT_EQ(code_of(small.load_state(path, asio::use_future).get()), ErrorCode::kTokenOutOfRange);
  EXPECT_EQ(small.tokens(), before);
}

}  // namespace
}  // namespace weft::async
