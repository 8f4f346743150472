// TokenStream: tokens one at a time, back-pressure, ends and errors; CancellationToken.
#include "api/async/token_stream.h"

#include <cmath>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "api/async/combine.h"
#include "core/text/tokenizer.h"
#include "core/text/utf8.h"
#include "tests/async/async_support.h"

namespace weft::async {
namespace {

using namespace asio::experimental::awaitable_operators;
using std::chrono::milliseconds;

constexpr int kEndless = 1900;

Awaitable<void> sleep_for(milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

struct Read {
  std::vector<TokenData> tokens;
  std::string text;
  std::optional<ErrorCode> error;

  int finals() const {
    return static_cast<int>(std::ranges::count_if(tokens, &TokenData::is_final));
  }
};

// Reads to the end by futures.
Read read_all(TokenStream& stream) {
  Read read;
  for (;;) {
    auto token = stream.next(asio::use_future).get();
    if (!token) {
      read.error = token.error().code;
      break;
    }
    if (!*token) break;
    read.text += (*token)->text;
    read.tokens.push_back(std::move(**token));
  }
  EXPECT_TRUE(stream.is_finished());
  return read;
}

class TokenStreamTest : public ::testing::Test {
 protected:
  TokenStream open(StreamConfig config, const std::string& prompt = "Hello") {
    auto stream = model_.generate_stream(prompt, std::move(config), asio::use_future).get();
    EXPECT_TRUE(stream) << stream.error().message;
    return std::move(*stream);
  }
  const NoThreadLeftBehind guard_;
  Runtime runtime_ = make_runtime();
  AsyncModel model_ = load_model(runtime_);
};

TEST_F(TokenStreamTest, GivesWhatGenerateGivesTokenByToken) {
  const std::string whole = model_.generate("Hello", 40, asio::use_future).get().value();
  const auto text = runtime_.block_on([&]() -> Awaitable<std::string> {
    auto stream = co_await model_.generate_stream("Hello", {.max_tokens = 40});
    std::string all;
    int count = 0;
    while (auto token = co_await stream->next()) {
      if (!*token) break;
      all += (*token)->text;
      EXPECT_EQ(stream->tokens_generated(), ++count);
      EXPECT_EQ((*token)->is_final, count == 40);
    }
    EXPECT_TRUE(stream->is_finished());
    EXPECT_EQ(stream->config().max_tokens, 40);
    co_return all;
  });
  EXPECT_EQ(text.value(), whole);
}

TEST_F(TokenStreamTest, LogprobsAreThoseOfTheModel) {
  TokenStream stream = open({.max_tokens = 6});
  const Read read = read_all(stream);
  std::vector<int32_t> ids = model_.model()->tokenize("Hello").value();
  const size_t first = ids.size();
  for (const TokenData& token : read.tokens) ids.push_back(token.token_id);
  auto context = Context::create(model_.model(), {.n_ctx = 64, .max_logit_rows = 64});
  ASSERT_TRUE((*context)->evaluate(ids, 0, [&](int64_t row, std::span<const float> logits) {
    const auto next = static_cast<size_t>(row) + 1;
    if (next < first || next >= ids.size()) return;
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    EXPECT_NEAR(read.tokens[next - first].logprob, logits[ids[next]] - std::log(sum), 1e-4);
  }));
}

TEST_F(TokenStreamTest, ExactlyOneTokenIsFinalHoweverItEnds) {
  AsyncConfig config = mini_config();  // this one meets its stop token
  const AsyncModel mini = load_model(runtime_, config);
  int stopped = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    auto stream =
        mini.generate_stream("Hello", {.max_tokens = 60, .temperature = 1.5f, .seed = seed},
                             asio::use_future)
            .get();
    ASSERT_TRUE(stream);
    const Read read = read_all(*stream);
    EXPECT_FALSE(read.error);
    EXPECT_EQ(read.finals(), 1);
    EXPECT_TRUE(read.tokens.back().is_final);
    if (mini.model()->tokenizer().is_stop(read.tokens.back().token_id)) {
      ++stopped;
      EXPECT_LT(read.tokens.back().logprob, 0);
    } else {
      EXPECT_EQ(read.tokens.size(), 60U);
    }
    for (const TokenData& token : read.tokens) EXPECT_TRUE(utf8_valid(token.text));
  }
  EXPECT_GT(stopped, 0);
  // A stop sequence.
  TokenStream whole = open({.max_tokens = 60});
  const std::string text = read_all(whole).text;
  const std::string stop = text.substr(text.size() / 2, 3);
  TokenStream cut = open({.max_tokens = 60, .stop_sequences = {"not there", stop}});
  const Read read = read_all(cut);
  EXPECT_EQ(read.text, text.substr(0, text.find(stop)));
  EXPECT_EQ(read.finals(), 1);
  EXPECT_TRUE(read.tokens.back().is_final);
  // What is cancelled has none.
  TokenStream cancelled = open({.max_tokens = kEndless});
  cancelled.cancel();
  const Read rest = read_all(cancelled);
  EXPECT_EQ(rest.error, ErrorCode::kCancelled);
  EXPECT_EQ(rest.finals(), 0);
}

TEST_F(TokenStreamTest, TryNextNeverWaits) {
  TokenStream stream = open({.max_tokens = 10});
  int given = 0;
  EXPECT_TRUE(eventually([&] {
    while (const auto token = stream.try_next()) {
      if (!token->value()) return true;
      ++given;
    }
    return false;
  }));
  EXPECT_EQ(given, 10);
}

TEST_F(TokenStreamTest, ASlowReaderHoldsOnlyItself) {
  TokenStream slow = open({.max_tokens = 100, .buffer = 4});
  TokenStream quick = open({.max_tokens = 100, .buffer = 4}, "Another");
  EXPECT_EQ(read_all(quick).tokens.size(), 100U);
  EXPECT_TRUE(eventually([&] { return model_.stats().paused == 1; }));
  EXPECT_LE(model_.stats().generated_tokens, 104U);
  const Read read = read_all(slow);
  EXPECT_EQ(read.tokens.size(), 100U);
  EXPECT_FALSE(read.error);
}

TEST_F(TokenStreamTest, DroppingItCancels) {
  { TokenStream stream = open({.max_tokens = kEndless, .buffer = 4}); }
  EXPECT_TRUE(eventually([&] { return is_idle(model_.stats()) && model_.stats().cancelled == 1; }));
  TokenStream stream = open({.max_tokens = kEndless, .buffer = 4});
  stream = open({.max_tokens = 3});  // so does another in its place
  EXPECT_EQ(read_all(stream).tokens.size(), 3U);
  EXPECT_TRUE(eventually([&] { return model_.stats().cancelled == 2; }));
}

TEST_F(TokenStreamTest, DroppedWhileItsNextWaits) {
  auto stream = std::make_unique<TokenStream>(open({.max_tokens = kEndless, .delay_ms = 60000}));
  ASSERT_TRUE(stream->next(asio::use_future).get());
  auto waiting = stream->next(asio::use_future);  // for a minute
  stream.reset();
  EXPECT_EQ(code_of(waiting.get()), ErrorCode::kCancelled);
}

TEST_F(TokenStreamTest, ATimeoutKeepsWhatWasMade) {
  TokenStream stream = open({.max_tokens = kEndless, .buffer = 0, .timeout_ms = 15});
  const Read read = read_all(stream);
  EXPECT_EQ(read.error, ErrorCode::kTimedOut);
  EXPECT_EQ(code_of(stream.next(asio::use_future).get()), ErrorCode::kTimedOut);
  EXPECT_TRUE(eventually([&] { return is_idle(model_.stats()); }));
  EXPECT_LT(model_.stats().generated_tokens, 1900U);
}

TEST_F(TokenStreamTest, ADelayIsKeptBetweenTokens) {
  TokenStream stream = open({.max_tokens = 4, .delay_ms = 15});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(read_all(stream).tokens.size(), 4U);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(45));
}

TEST_F(TokenStreamTest, CancellingAWaitLosesNoToken) {
  const std::string whole = model_.generate("Hello", 40, asio::use_future).get().value();
  const auto text = runtime_.block_on([&]() -> Awaitable<std::string> {
    auto stream = co_await model_.generate_stream("Hello", {.max_tokens = 40, .delay_ms = 1});
    std::string all;
    int cancelled = 0;
    for (;;) {
      auto first = co_await (stream->next() || sleep_for(milliseconds(0)));
      if (first.index() == 1) {
        ++cancelled;
        continue;
      }
      auto& token = std::get<0>(first);
      if (!token.value()) break;
      all += (*token)->text;
    }
    EXPECT_GT(cancelled, 0);
    co_return all;
  });
  EXPECT_EQ(text.value(), whole);
}

TEST_F(TokenStreamTest, OneNextAtATime) {
  TokenStream stream = open({.max_tokens = 50, .delay_ms = 30});
  ASSERT_TRUE(stream.next(asio::use_future).get());
  auto first = stream.next(asio::use_future), second = stream.next(asio::use_future);
  EXPECT_EQ(code_of(second.get()), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(first.get());
}

TEST_F(TokenStreamTest, ReadOnAContextOfTheCallersOwn) {
  asio::io_context context;
  std::string text;
  asio::co_spawn(
      context,
      [&]() -> Awaitable<void> {
        auto stream = co_await model_.generate_stream("Hello", {.max_tokens = 30});
        while (auto token = co_await stream->next()) {
          if (!*token) break;
          text += (*token)->text;
        }
      },
      asio::detached);
  context.run();
  EXPECT_EQ(text, model_.generate("Hello", 30, asio::use_future).get().value());
}

TEST_F(TokenStreamTest, KeepsItsModel) {
  std::optional<TokenStream> stream;
  {
    const AsyncModel other = load_model(runtime_);
    stream = other.generate_stream("Hello", {.max_tokens = 30, .buffer = 4}, asio::use_future)
                 .get()
                 .value();
  }
  EXPECT_EQ(read_all(*stream).tokens.size(), 30U);
}

TEST_F(TokenStreamTest, EndsWithItsRuntime) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  auto stream =
      model.generate_stream("Hello", {.max_tokens = kEndless, .buffer = 4}, asio::use_future).get();
  ASSERT_TRUE(stream);
  ASSERT_FALSE(runtime.shutdown(milliseconds(1)));
  for (;;) {
    const auto token = stream->try_next();
    if (!token) continue;
    if (*token) continue;
    EXPECT_EQ(token->error().code, ErrorCode::kShutDown);
    break;
  }
}

TEST(CancellationToken, CopiesShareOneWish) {
  Runtime runtime = make_runtime();
  const CancellationToken token;
  const CancellationToken copy = token;  // NOLINT: the copy is the point
  EXPECT_FALSE(copy.is_cancelled());
  const auto waits =
      runtime.spawn([&]() -> Awaitable<Result<void>> { co_return co_await copy.cancelled(); });
  token.cancel();
  token.cancel();
  EXPECT_TRUE(copy.is_cancelled());
  EXPECT_TRUE(waits.get());
  EXPECT_TRUE(
      runtime.block_on([&]() -> Awaitable<Result<void>> { co_return co_await token.cancelled(); }));
}

TEST(CancellationToken, ItsWaitCanBeCancelledAndForgotten) {
  Runtime runtime = make_runtime();
  const CancellationToken token;
  const auto index = runtime.block_on([&]() -> Awaitable<size_t> {
    auto first = co_await (token.cancelled() || sleep_for(milliseconds(1)));
    co_return first.index();
  });
  EXPECT_EQ(index.value(), 1U);
  token.cancel();
}

TEST(Combine, ADeadlineIsAnErrorOfItsOwn) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const auto late = runtime.block_on([&]() -> Awaitable<Result<std::string>> {
    co_return co_await with_timeout(milliseconds(10), model.generate("Hello", kEndless));
  });
  EXPECT_EQ(code_of(late), ErrorCode::kTimedOut);
  EXPECT_TRUE(eventually([&] { return is_idle(model.stats()); }));
  const auto early = runtime.block_on([&]() -> Awaitable<Result<std::string>> {
    co_return co_await with_timeout(milliseconds(60000), model.generate("Hello", 5));
  });
  EXPECT_TRUE(early);
}

TEST(Combine, FirstOfManyAndAllOfMany) {
  Runtime runtime = make_runtime();
  const AsyncModel model = load_model(runtime);
  const auto first = runtime.block_on([&]() -> Awaitable<size_t> {
    std::vector<Awaitable<Result<std::string>>> all;
    for (const int n : {kEndless, 2, kEndless}) all.push_back(model.generate("Hello", n));
    const auto won = co_await first_of(std::move(all));
    EXPECT_TRUE(won.value);
    co_return won.index;
  });
  EXPECT_EQ(first.value(), 1U);
  EXPECT_TRUE(eventually([&] { return is_idle(model.stats()) && model.stats().cancelled == 2; }));
  const auto every = runtime.block_on([&]() -> Awaitable<std::vector<Result<std::string>>> {
    std::vector<Awaitable<Result<std::string>>> all;
    for (const int n : {3, 0, 2}) all.push_back(model.generate("Hello", n));
    co_return co_await all_of(std::move(all));
  });
  ASSERT_TRUE(every);
  EXPECT_EQ((*every)[0], model.generate("Hello", 3, asio::use_future).get().value());
  EXPECT_EQ(code_of((*every)[1]), ErrorCode::kInvalidArgument);
  EXPECT_EQ((*every)[2], model.generate("Hello", 2, asio::use_future).get().value());
}

}  // namespace
}  // namespace weft::async
