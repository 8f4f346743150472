// batch_generate: order, isolation, timeouts, retries, batches, figures.
#include "core/platform/thread.h"
#include "tests/api/parallel/support.h"

namespace weft::parallel {
namespace {

// Meets no stop token with this model after "Hello", and goes on for much longer than a test needs
// to catch it in its middle.
constexpr BatchGenerationConfig kEndless = {.max_tokens = 30000, .temperature = 0};

TEST(BatchGenerate, DefaultsAreTheOnesCallersKnow) {
  const BatchGenerationConfig config;
  EXPECT_EQ(config.max_tokens, 100);
  EXPECT_EQ(config.temperature, 1.0f);
  EXPECT_EQ(config.top_k, 40);
  EXPECT_EQ(config.top_p, 0.9f);
  EXPECT_FALSE(config.timeout_ms);
  EXPECT_EQ(config.retry_attempts, 0);
  // max_batch_size: 33 prompts are two batches, 32 are one.
  auto processor = built(ParallelProcessor::builder(mini_model()).enable_metrics());
  ASSERT_TRUE(processor.batch_generate(numbered(32), {.max_tokens = 1}));
  EXPECT_EQ(processor.stats().batches_processed, 1u);
  ASSERT_TRUE(processor.batch_generate(numbered(33), {.max_tokens = 1}));
  EXPECT_EQ(processor.stats().batches_processed, 3u);
}

TEST(BatchGenerate, ResultsComeInTheOrderOfThePromptsEachAsItIsAlone) {
  auto processor = mini();
  const auto prompts = numbered(20);
  const BatchGenerationConfig config = {.max_tokens = 15};
  const auto results = processor.batch_generate(prompts, config);
  ASSERT_TRUE(results) << results.error().message;
  ASSERT_EQ(results->size(), prompts.size());
  for (size_t i = 0; i < prompts.size(); ++i) {
    const GenerationResult& result = (*results)[i];
    EXPECT_TRUE(result.success);
    EXPECT_FALSE(result.error);
    EXPECT_EQ(result.text, alone(prompts[i], config));
    EXPECT_LE(result.tokens_generated, 15);
    EXPECT_EQ(result.attempts, 1);
  }
}

TEST(BatchGenerate, EverySamplingParameterReachesTheEngine) {
  auto processor = mini();
  const std::vector<std::string> prompt = {"Hello"};
  for (const BatchGenerationConfig& config :
       {BatchGenerationConfig{}, BatchGenerationConfig{.max_tokens = 7},
        BatchGenerationConfig{.temperature = 0}, BatchGenerationConfig{.top_k = 2},
        BatchGenerationConfig{.top_p = 0.3f}, BatchGenerationConfig{.seed = 5}}) {
    EXPECT_EQ(processor.batch_generate(prompt, config).value().front().text,
              alone("Hello", config));
  }
  EXPECT_NE(alone("Hello", {}), alone("Hello", {.seed = 5}));
}

TEST(BatchGenerate, AHundredPromptsAreFourBatches) {
  auto processor = mini(32);
  const auto results = processor.batch_generate(numbered(100), {.max_tokens = 3});
  ASSERT_TRUE(results);
  EXPECT_EQ(results->size(), 100u);
  const ParallelStats stats = processor.stats();
  EXPECT_EQ(stats.batches_processed, 4u);
  EXPECT_EQ(stats.items_processed, 100u);
  EXPECT_GT(stats.avg_batch_time.count(), 0);
  EXPECT_NEAR(stats.items_per_second * stats.avg_batch_time.count(), 25, 1e-6);
}

TEST(BatchGenerate, BatchesAreSuccessive) {
  auto processor = mini(3);
  auto hold = processor.engine().hold();
  ASSERT_TRUE(hold);
  std::jthread caller([&] {
    const auto results = processor.batch_generate(numbered(7), {.max_tokens = 2});
    EXPECT_EQ(results->size(), 7u);
  });
  EXPECT_TRUE(eventually([&] { return processor.engine().num_waiting() == 3; }));
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(processor.engine().num_waiting(), 3);
  EXPECT_EQ(processor.stats().batches_processed, 0u);
  { const EngineHold released = std::move(*hold); }
  caller.join();
  EXPECT_EQ(processor.stats().batches_processed, 3u);
}

TEST(BatchGenerate, FiguresAreZeroUnlessMetricsAreEnabled) {
  auto processor = built(ParallelProcessor::builder(mini_model()).thread_pool({.num_threads = 1}));
  ASSERT_TRUE(processor.batch_generate(numbered(3), {.max_tokens = 2}));
  const ParallelStats stats = processor.stats();
  EXPECT_EQ(stats.batches_processed, 0u);
  EXPECT_EQ(stats.items_processed, 0u);
  EXPECT_EQ(stats.avg_batch_time.count(), 0);
  EXPECT_EQ(stats.items_per_second, 0);
}

TEST(BatchGenerate, FiguresOfSeveralThreadsAddUp) {
  auto processor = mini(4);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        EXPECT_EQ(processor.batch_generate(numbered(10), {.max_tokens = 3}).value().size(), 10u);
      });
    }
  }
  EXPECT_EQ(processor.stats().batches_processed, 12u);
  EXPECT_EQ(processor.stats().items_processed, 40u);
  expect_idle(processor.engine());
}

// ------------------------------------------------------------------ failures

TEST(BatchGenerate, OneFailureLeavesTheOthersAlone) {
  auto processor = mini(4);
  auto prompts = numbered(6);
  prompts[2] = too_long();
  const BatchGenerationConfig config = {.max_tokens = 8};
  const auto results = processor.batch_generate(prompts, config).value();
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (i == 2) continue;
    EXPECT_TRUE(results[i].success) << i;
    EXPECT_EQ(results[i].text, alone(prompts[i], config));
  }
  EXPECT_FALSE(results[2].success);
  EXPECT_EQ(results[2].error->code, ErrorCode::kContextOverflow);
  EXPECT_EQ(results[2].text, "");
  EXPECT_EQ(results[2].tokens_generated, 0);
  EXPECT_EQ(processor.stats().items_processed, 6u);
}

TEST(BatchGenerate, AFailureIsTriedAgainExactlyAsOftenAsAsked) {
  auto processor = mini();
  const std::vector<std::string> prompts = {"fine", too_long(), "also fine"};
  for (const int32_t retries : {0, 1, 3}) {
    const auto results =
        processor.batch_generate(prompts, {.max_tokens = 4, .retry_attempts = retries}).value();
    EXPECT_EQ(results[0].attempts, 1);
    EXPECT_EQ(results[1].attempts, retries + 1);
    EXPECT_FALSE(results[1].success);
    EXPECT_EQ(results[2].attempts, 1);
  }
}

TEST(BatchGenerate, ARetryThatSucceedsIsASuccess) {
  auto processor = mini();
  std::optional<Result<EngineHold>> hold = processor.engine().hold();
  std::vector<GenerationResult> results;
  std::jthread caller([&] {
    results = processor
                  .batch_generate(std::vector<std::string>{"Hello"},
                                  {.max_tokens = 4, .timeout_ms = 200, .retry_attempts = 100000})
                  .value();
  });
  // While the engine is held the first attempt cannot end: it is stopped by its timeout.
  EXPECT_TRUE(eventually([&] { return processor.engine().stats().cancelled >= 1; }));
  hold.reset();
  caller.join();
  EXPECT_TRUE(results[0].success);
  EXPECT_FALSE(results[0].error);
  EXPECT_GE(results[0].attempts, 2);
  EXPECT_GE(results[0].processing_time_ms, 200u);  // all attempts together
  EXPECT_EQ(results[0].text, alone("Hello", {.max_tokens = 4}));
}

TEST(BatchGenerate, TimeoutsAreEachPromptsOwnAndStopItsWork) {
  auto processor = mini();
  // The first is stopped in its middle; the second, an error, and the third are not concerned.
  auto config = kEndless;
  config.timeout_ms = 30;
  const auto results =
      processor.batch_generate(std::vector<std::string>{"Hello", too_long()}, config);
  ASSERT_TRUE(results);
  EXPECT_EQ((*results)[0].error->code, ErrorCode::kTimedOut);
  EXPECT_GE((*results)[0].processing_time_ms, 30u);
  EXPECT_EQ((*results)[1].error->code, ErrorCode::kContextOverflow);
  // Within one step: between the next two the ledger is whole.
  ASSERT_TRUE(processor.engine().run_between_steps([] {}));
  ASSERT_TRUE(processor.engine().run_between_steps([] {}));
  const EngineStats stats = processor.engine().stats();
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.blocks_owned, 0);
  EXPECT_GT(stats.steps, 0u);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(processor.engine().stats().steps, stats.steps);
}

TEST(BatchGenerate, ATimeoutIsTriedAgainAsOftenAsAsked) {
  auto processor = mini();
  auto config = kEndless;
  config.timeout_ms = 5;
  config.retry_attempts = 2;
  const auto results = processor.batch_generate(std::vector<std::string>{"Hello"}, config).value();
  EXPECT_EQ(results[0].error->code, ErrorCode::kTimedOut);
  EXPECT_EQ(results[0].attempts, 3);
  EXPECT_TRUE(eventually([&] { return processor.engine().stats().cancelled == 3; }));
  expect_idle(processor.engine());
  EXPECT_EQ(processor.engine().stats().cancelled, 3u);
}

TEST(BatchGenerate, WhatCannotBeIsRefusedAsAWhole) {
  auto processor = mini();
  for (const BatchGenerationConfig& config :
       {BatchGenerationConfig{.max_tokens = 0}, BatchGenerationConfig{.temperature = -1},
        BatchGenerationConfig{.top_p = 0}, BatchGenerationConfig{.timeout_ms = -1},
        BatchGenerationConfig{.retry_attempts = -1}}) {
    const auto results = processor.batch_generate(numbered(2), config);
    ASSERT_FALSE(results);
    EXPECT_EQ(results.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(processor.batch_generate({}).value().empty());
}

TEST(BatchGenerate, AnEngineThatWasShutDownFailsEveryPrompt) {
  auto processor = mini();
  std::jthread later([&] {
    EXPECT_TRUE(eventually([&] { return processor.engine().stats().running > 0; }));
    processor.engine().shutdown(Engine::Shutdown::kNow);
  });
  const std::vector<std::string> prompts(3, "Hello");
  const auto results = processor.batch_generate(prompts, kEndless).value();
  for (const auto& result : results) {
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->code, ErrorCode::kShutDown);
  }
}

TEST(ParallelProcessor, NoThreadIsLeftBehind) {
  const test::ThreadCount count;
  for (const int threads : {1, 2, 4}) {
    {
      auto processor =
          built(ParallelProcessor::builder(mini_model()).thread_pool({.num_threads = threads}));
      EXPECT_EQ(processor.num_threads(), threads);
      // The engine's, of which its step thread is one, and as many for everything else.
      EXPECT_TRUE(count.becomes(2 * threads));
      ASSERT_TRUE(processor.batch_generate(numbered(3), {.max_tokens = 2}));
    }
    EXPECT_TRUE(count.becomes(0));
  }
}

TEST(ParallelProcessor, WeightsAreSharedAndMayOutliveTheirModelsHandle) {
  auto model = mini_model();
  auto one = built(ParallelProcessor::builder(model).thread_pool({.num_threads = 1}));
  auto two = built(ParallelProcessor::builder(model).thread_pool({.num_threads = 1}));
  EXPECT_EQ(&one.engine().model(), &two.engine().model());
  model.reset();
  one = std::move(two);
  EXPECT_TRUE(one.batch_generate(numbered(1), {.max_tokens = 2}).value()[0].success);
}

}  // namespace
}  // namespace weft::parallel
