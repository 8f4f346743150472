// AsyncLLM's streams: every token once, the last one included.
#include <thread>

#include "core/text/tokenizer.h"
#include "tests/api/async_llm/support.h"

namespace weft::llm {
namespace {

std::vector<StreamOutput> read_all(Stream& stream) {
  std::vector<StreamOutput> outputs;
  for (;;) {
    auto output = stream.next();
    EXPECT_TRUE(output) << output.error().message;
    if (!output || !*output) return outputs;
    outputs.push_back(std::move(**output));
  }
}

// What holds for every stream that came to its end; gives its text.
std::string check(const std::vector<StreamOutput>& outputs) {
  std::string text;
  int32_t tokens = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const StreamOutput& output = outputs[i];
    text += output.token;
    EXPECT_EQ(output.text, text);
    EXPECT_EQ(output.finished, i + 1 == outputs.size());
    if (output.token_id >= 0) ++tokens;
    EXPECT_EQ(output.tokens_generated, tokens);
    EXPECT_EQ(output.request_id, outputs[0].request_id);
  }
  return text;
}

TEST(AsyncLLMStream, GivesEveryTokenTheLastIncluded) {
  AsyncLLM llm = mini();
  for (const int32_t max_tokens : {1, 2, 30}) {
    const SamplingParams params{.temperature = 0, .max_tokens = max_tokens};
    Stream stream = llm.generate_stream("Hello", params);
    const auto outputs = read_all(stream);
    EXPECT_EQ(std::ssize(outputs), max_tokens);
    EXPECT_EQ(check(outputs), alone("Hello", params));
    EXPECT_FALSE(stream.next().value().has_value());
  }
  expect_idle(llm);
}

TEST(AsyncLLMStream, AStopTokenEndsItWithAnOutputOfItsOwn) {
  AsyncLLM llm = mini();
  SamplingParams params{.temperature = 0, .max_tokens = 60};
  const std::string whole = alone("Hello", params);
  params.stop_token_ids = {mini_model()->tokenize(whole.substr(30, 1), false).value().back()};
  Stream stream = llm.generate_stream("Hello", params);
  const auto outputs = read_all(stream);
  EXPECT_EQ(check(outputs), alone("Hello", params));
  ASSERT_GT(outputs.size(), 1u);
  EXPECT_EQ(outputs.back().token_id, -1);
  EXPECT_EQ(outputs.back().token, "");
}

TEST(AsyncLLMStream, AStopSequenceIsNotGiven) {
  AsyncLLM llm = mini();
  SamplingParams params{.temperature = 0, .max_tokens = 60};
  params.stop_sequences = {alone("Hello", params).substr(20, 3)};
  Stream stream = llm.generate_stream("Hello", params);
  EXPECT_EQ(check(read_all(stream)), alone("Hello", params));
  expect_idle(llm);
}

TEST(AsyncLLMStream, ManyAtOnceGetWhatEachGetsAlone) {
  AsyncLLM llm = mini();
  std::vector<Stream> streams;
  for (uint64_t i = 0; i < 12; ++i) {
    streams.push_back(llm.generate_stream("Hello", {.max_tokens = 25, .seed = i}));
  }
  for (uint64_t i = 0; i < 12; ++i) {
    EXPECT_EQ(check(read_all(streams[i])), alone("Hello", {.max_tokens = 25, .seed = i}));
  }
}

TEST(AsyncLLMStream, ABadRequestFailsWithItsError) {
  AsyncLLM llm = mini();
  Stream stream = llm.generate_stream("Hello", {.max_tokens = 0});
  for (int i = 0; i < 2; ++i) {
    const auto output = stream.next();
    ASSERT_FALSE(output);
    EXPECT_EQ(output.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(llm.get_stats().failed, 1u);
}

TEST(AsyncLLMStream, OneThatWasNotTakenInIsDoneWithItsError) {
  AsyncLLM llm = mini();
  Stream stream = llm.generate_stream("Hello", {}, {.priority = static_cast<Priority>(9)});
  EXPECT_EQ(stream.next().error().code, ErrorCode::kInvalidArgument);
  {
    const Stream unread = llm.generate_stream("Hello", {}, {.priority = static_cast<Priority>(9)});
  }
  EXPECT_TRUE(llm.generate("Hello").get());
  EXPECT_EQ(llm.get_stats().submitted, 1u);
  expect_idle(llm);
}

TEST(AsyncLLMStream, CancellingEndsItAndDroppingItCancels) {
  AsyncLLM llm = mini(long_config());
  Stream stream = llm.generate_stream("Hello", endless());
  ASSERT_TRUE(stream.next());
  std::jthread([&] { stream.cancel(); }).join();
  Result<std::optional<StreamOutput>> output = stream.next();
  while (output) output = stream.next();
  EXPECT_EQ(output.error().code, ErrorCode::kCancelled);
  { const Stream dropped = llm.generate_stream("Hello", endless()); }  // perhaps not prepared yet
  {
    Stream read = llm.generate_stream("Hello", endless());
    ASSERT_TRUE(read.next());
  }
  expect_idle(llm);
  EXPECT_EQ(llm.get_stats().cancelled, 3u);
}

TEST(AsyncLLMStream, ATimeoutIsToldFromACancellation) {
  AsyncLLM llm = mini(long_config());
  Stream stream = llm.generate_stream("Hello", endless(), {.timeout = milliseconds(20)});
  Result<std::optional<StreamOutput>> output = stream.next();
  while (output) output = stream.next();
  EXPECT_EQ(output.error().code, ErrorCode::kTimedOut);
  expect_idle(llm);
  EXPECT_EQ(llm.get_stats().timed_out, 1u);
}

TEST(AsyncLLMStream, MayBeMovedWhileItIsRead) {
  AsyncLLM llm = mini();
  const SamplingParams params{.temperature = 0, .max_tokens = 10};
  Stream stream = llm.generate_stream("Hello", params);
  std::string text = stream.next().value()->token;
  Stream moved = std::move(stream);
  Stream other = llm.generate_stream("Other", params);
  other = std::move(moved);
  while (auto output = other.next().value()) text += output->token;
  EXPECT_EQ(text, alone("Hello", params));
}

}  // namespace
}  // namespace weft::llm
