// What AsyncLLM's calls give: one answer, a batch of them, a number to ask with later.
#include "tests/api/async_llm/support.h"

namespace weft::llm {
namespace {

TEST(AsyncLLM, GenerateGivesTheAnswerAndWhatItTook) {
  AsyncLLM llm = mini();
  const SamplingParams params{.temperature = 0, .max_tokens = 40};
  const auto output = llm.generate("Hello", params).get();
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->request_id, 1u);
  EXPECT_EQ(output->prompt, "Hello");
  EXPECT_EQ(output->generated_text, alone("Hello", params));
  EXPECT_EQ(output->tokens_generated, 40);
  const auto prompt = static_cast<int32_t>(mini_model()->tokenize("Hello").value().size());
  EXPECT_EQ(output->total_tokens, prompt + 40);
  EXPECT_EQ(output->finish_reason, FinishReason::kLength);
  // The last token's KV is never needed.
  EXPECT_EQ(std::ssize(output->block_indices), (prompt + 40 - 1 - 1) / 16 + 1);
  for (const int32_t block : output->block_indices) EXPECT_TRUE(block >= 0 && block < 1024);
  expect_idle(llm);
}

TEST(AsyncLLM, EverySamplingParameterReachesTheEngine) {
  AsyncLLM llm = mini();
  const std::string greedy = alone("Hello", {.temperature = 0, .max_tokens = 60});
  const int32_t some_id = mini_model()->tokenize(greedy.substr(30, 1), false).value().back();
  for (const SamplingParams& params :
       {SamplingParams{.max_tokens = 60}, SamplingParams{.top_p = 0.5f, .max_tokens = 60},
        SamplingParams{.top_k = 3, .max_tokens = 60}, SamplingParams{.max_tokens = 60, .seed = 7},
        SamplingParams{.temperature = 0.3f, .max_tokens = 60},
        SamplingParams{
            .temperature = 0, .max_tokens = 60, .stop_sequences = {greedy.substr(20, 3)}},
        SamplingParams{.temperature = 0, .max_tokens = 60, .stop_token_ids = {some_id}},
        SamplingParams{
            .temperature = 0, .max_tokens = 60, .min_tokens = 50, .stop_token_ids = {some_id}},
        SamplingParams{.temperature = 0, .max_tokens = 60, .repetition_penalty = 1.5f},
        SamplingParams::greedy(), SamplingParams::creative(), SamplingParams::balanced()}) {
    EXPECT_EQ(text_of(llm.generate("Hello", params)), alone("Hello", params));
  }
  // And they make a difference.
  EXPECT_NE(alone("Hello", {.max_tokens = 60, .seed = 7}), alone("Hello", {.max_tokens = 60}));
  EXPECT_LT(
      alone("Hello", {.temperature = 0, .max_tokens = 60, .stop_token_ids = {some_id}}).size(),
      greedy.size());
}

TEST(AsyncLLM, AStopSequenceEndsTheTextBeforeIt) {
  AsyncLLM llm = mini();
  const std::string whole = alone("Hello", {.temperature = 0, .max_tokens = 60});
  const std::string stop = whole.substr(25, 4);
  const auto output =
      llm.generate("Hello", {.temperature = 0, .max_tokens = 60, .stop_sequences = {stop}}).get();
  ASSERT_TRUE(output);
  EXPECT_EQ(output->generated_text, whole.substr(0, whole.find(stop)));
  EXPECT_EQ(output->finish_reason, FinishReason::kStopString);
  EXPECT_FALSE(output->block_indices.empty());
  expect_idle(llm);
}

TEST(AsyncLLM, ConcurrentRequestsGetWhatEachGetsAlone) {
  AsyncLLM llm = mini();
  std::vector<std::future<Result<GenerationOutput>>> answers;
  const auto params = [](uint64_t i) { return SamplingParams{.max_tokens = 30, .seed = i}; };
  for (uint64_t i = 0; i < 40; ++i) {
    answers.push_back(llm.generate("Prompt " + std::to_string(i), params(i)));
  }
  for (uint64_t i = 0; i < 40; ++i) {
    EXPECT_EQ(text_of(std::move(answers[i])), alone("Prompt " + std::to_string(i), params(i)));
  }
}

TEST(AsyncLLM, ACallbackIsCalledOnceWithTheAnswer) {
  AsyncLLM llm = mini();
  std::promise<Result<GenerationOutput>> called;  // a second call would throw
  llm.generate("Hello", SamplingParams::greedy(), {},
               [&](Result<GenerationOutput> output) { called.set_value(std::move(output)); });
  EXPECT_EQ(text_of(called.get_future()), alone("Hello", SamplingParams::greedy()));
}

TEST(AsyncLLM, WhatACallbackThrowsIsContained) {
  AsyncLLM llm = mini({.worker_count = 1});
  for (int i = 0; i < 3; ++i) {
    llm.generate("Hello", {.max_tokens = 3}, {},
                 [](const Result<GenerationOutput>&) { throw std::runtime_error("mine"); });
  }
  EXPECT_TRUE(llm.generate("Hello", {.max_tokens = 3}).get());
  expect_idle(llm);
  EXPECT_EQ(llm.get_stats().completed, 4u);
}

TEST(AsyncLLM, ACallbackMayAskForMore) {
  AsyncLLM llm = mini({.max_queue_size = 1, .worker_count = 1});
  std::promise<int> done;
  std::function<void(int)> ask = [&](int left) {
    llm.generate("Hello", {.max_tokens = 2}, {}, [&, left](const Result<GenerationOutput>& output) {
      EXPECT_TRUE(output);
      if (left == 0) return done.set_value(1);
      ask(left - 1);
    });
  };
  ask(20);
  EXPECT_EQ(done.get_future().get(), 1);
  expect_idle(llm);
}

TEST(AsyncLLM, ABadRequestIsItsOwnAnswer) {
  AsyncLLM llm = mini();
  EXPECT_EQ(error_of(llm.generate("a", {.temperature = -1})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(llm.generate("a", {.max_tokens = 0})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(llm.generate("a", {.stop_token_ids = {100000}})), ErrorCode::kTokenOutOfRange);
  EXPECT_EQ(error_of(llm.generate("a", {.max_tokens = 5000})), ErrorCode::kContextOverflow);
  EXPECT_TRUE(llm.generate("a").get());
  expect_idle(llm);
  EXPECT_EQ(llm.get_stats().failed, 4u);
}

// ------------------------------------------------------------------ batches

TEST(AsyncLLMBatch, AnswersComeInTheOrderOfThePromptsEachItsOwn) {
  AsyncLLM llm = mini();
  std::vector<std::string> prompts;
  for (int i = 0; i < 30; ++i) prompts.push_back("Prompt " + std::to_string(i));
  prompts[7] = std::string(5000, 'x');  // fails
  const SamplingParams params{.max_tokens = 12};
  const auto answers = llm.generate_batch(prompts, params).get();
  ASSERT_EQ(answers.size(), 30u);
  for (size_t i = 0; i < 30; ++i) {
    if (i == 7) {
      ASSERT_FALSE(answers[i]);
      EXPECT_EQ(answers[i].error().code, ErrorCode::kContextOverflow);
      continue;
    }
    ASSERT_TRUE(answers[i]) << answers[i].error().message;
    EXPECT_EQ(answers[i]->prompt, prompts[i]);
    EXPECT_EQ(answers[i]->generated_text, alone(prompts[i], params));
  }
}

TEST(AsyncLLMBatch, NeverMoreThanItsSizeAreUnderWay) {
  AsyncLLM llm = mini(long_config());
  const std::vector<std::string> prompts(11, "Hello");
  auto hold = llm.engine().hold();
  ASSERT_TRUE(hold);
  auto answers = llm.generate_batch(prompts, endless(), 3);
  RequestId first = 1;
  // While nothing can run, exactly three wait; each that ends makes room for one.
  for (int32_t left = 11; left > 0; --left, ++first) {
    const int32_t expected = std::min(left, 3);
    EXPECT_TRUE(eventually([&] {
      return llm.get_stats().submitted == first - 1 + expected &&
             llm.engine().num_waiting() == expected;
    }));
    EXPECT_EQ(llm.get_stats().waiting, expected);
    EXPECT_TRUE(llm.cancel(first));
  }
  EXPECT_EQ(answers.get().size(), 11u);
  EXPECT_EQ(llm.get_stats().cancelled, 11u);
}

TEST(AsyncLLMBatch, DefaultsToFour) {
  AsyncLLM llm = mini();
  auto hold = llm.engine().hold();
  ASSERT_TRUE(hold);
  auto answers = llm.generate_batch(std::vector<std::string>(9, "Hello"), {.max_tokens = 2});
  EXPECT_TRUE(eventually([&] { return llm.engine().num_waiting() == 4; }));
  EXPECT_EQ(llm.get_stats().submitted, 4u);
  { const EngineHold released = std::move(*hold); }
  EXPECT_EQ(answers.get().size(), 9u);
}

TEST(AsyncLLMBatch, NothingAndNonsense) {
  AsyncLLM llm = mini();
  EXPECT_TRUE(llm.generate_batch({}).get().empty());
  const auto refused = llm.generate_batch({"a", "b"}, {}, 0).get();
  ASSERT_EQ(refused.size(), 2u);
  EXPECT_EQ(refused[1].error().code, ErrorCode::kInvalidArgument);
}

// ------------------------------------------------------------------ numbers

TEST(AsyncLLMResults, ANumberIsExchangedForItsAnswerOnce) {
  AsyncLLM llm = mini();
  const auto id = llm.submit_request("Hello", SamplingParams::greedy());
  ASSERT_TRUE(id);
  const auto output = llm.get_result(*id).get();
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->request_id, *id);
  EXPECT_EQ(output->generated_text, alone("Hello", SamplingParams::greedy()));
  EXPECT_EQ(error_of(llm.get_result(*id)), ErrorCode::kNotFound);
}

TEST(AsyncLLMResults, PollingTellsReadyFromNotReadyFromUnknown) {
  AsyncLLM llm = mini();
  auto hold = llm.engine().hold();
  const auto id = llm.submit_request("Hello", {.max_tokens = 3}).value();
  EXPECT_EQ(llm.try_get_result(id).state, Polled::State::kNotReady);
  EXPECT_EQ(llm.try_get_result(id + 1).state, Polled::State::kUnknown);
  { const EngineHold released = std::move(*hold); }
  Polled polled;
  EXPECT_TRUE(eventually([&] {
    polled = llm.try_get_result(id);
    return polled.state != Polled::State::kNotReady;
  }));
  EXPECT_EQ(polled.state, Polled::State::kReady);
  EXPECT_TRUE(polled.result->value().tokens_generated == 3);
  EXPECT_EQ(llm.try_get_result(id).state, Polled::State::kUnknown);
}

TEST(AsyncLLMResults, AnswersAreKeptUntilTheyAreFetched) {
  AsyncLLM llm = mini();
  std::vector<RequestId> ids;
  for (int i = 0; i < 20; ++i)
    ids.push_back(llm.submit_request("Hello", {.max_tokens = 2}).value());
  EXPECT_TRUE(eventually([&] { return llm.get_stats().results_kept == 20; }));
  for (const RequestId id : ids) EXPECT_TRUE(llm.get_result(id).get());
  EXPECT_EQ(llm.get_stats().results_kept, 0);
}

TEST(AsyncLLMResults, AnswersThatNobodyFetchesExpire) {
  AsyncLLM llm = mini({.keep_results = milliseconds(1)});
  const auto id = llm.submit_request("Hello", {.max_tokens = 2}).value();
  EXPECT_TRUE(eventually([&] { return llm.get_stats().results_expired == 1; }));
  EXPECT_EQ(llm.try_get_result(id).state, Polled::State::kUnknown);
  const auto late = llm.get_result(id).get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kNotFound);
  EXPECT_NE(late.error().message.find("expired"), std::string::npos);
  EXPECT_EQ(llm.get_stats().results_kept, 0);
}

TEST(AsyncLLMResults, WhoWaitsGetsTheAnswerHoweverManyDo) {
  AsyncLLM llm = mini();
  auto hold = llm.engine().hold();
  const auto id = llm.submit_request("Hello", {.max_tokens = 3}).value();
  auto one = llm.get_result(id), two = llm.get_result(id);
  { const EngineHold released = std::move(*hold); }
  EXPECT_EQ(text_of(std::move(one)), text_of(std::move(two)));
  EXPECT_EQ(llm.try_get_result(id).state, Polled::State::kUnknown);
}

}  // namespace
}  // namespace weft::llm
