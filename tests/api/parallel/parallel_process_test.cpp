// batch_tokenize and parallel_process.
#include <numeric>
#include <set>
#include <stdexcept>

#include "tests/api/parallel/support.h"

namespace weft::parallel {
namespace {

TEST(BatchTokenize, GivesWhatTheModelGivesInOrder) {
  auto processor = mini(32);
  auto texts = numbered(100);
  texts[5] = "";
  for (const bool add_bos : {true, false}) {
    const auto ids = processor.batch_tokenize(texts, add_bos);
    ASSERT_TRUE(ids);
    ASSERT_EQ(ids->size(), 100u);
    for (size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ((*ids)[i], mini_model()->tokenize(texts[i], add_bos).value());
    }
  }
  EXPECT_EQ(processor.stats().batches_processed, 8u);
  EXPECT_EQ(processor.stats().items_processed, 200u);
}

TEST(ParallelProcess, ResultsComeInTheOrderOfTheItems) {
  auto processor = mini();
  std::vector<int> items(1000);
  std::iota(items.begin(), items.end(), 0);
  const auto results = processor.parallel_process(items, [](int i) { return i * i; });
  ASSERT_TRUE(results);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ((*results)[static_cast<size_t>(i)], i * i);
  EXPECT_TRUE(processor.parallel_process(std::vector<int>{}, [](int i) { return i; })->empty());
}

TEST(ParallelProcess, TheFirstItemsErrorIsTheResult) {
  auto processor = mini();
  std::vector<int> items(200);
  std::iota(items.begin(), items.end(), 0);
  for (int round = 0; round < 20; ++round) {
    const auto results = processor.parallel_process(items, [](int i) -> Result<int> {
      if (i >= 7 && i % 3 == 1) {
        return fail(ErrorCode::kInvalidArgument, "item " + std::to_string(i));
      }
      return i;
    });
    ASSERT_FALSE(results);
    EXPECT_EQ(results.error().message, "item 7");
  }
}

TEST(ParallelProcess, WhatAnItemThrowsIsItsError) {
  auto processor = mini();
  const auto thrown = processor.parallel_process(std::vector<int>{1, 2, 3}, [](int i) {
    if (i == 2) throw std::runtime_error("two");
    return i;
  });
  ASSERT_FALSE(thrown);
  EXPECT_EQ(thrown.error().code, ErrorCode::kGenerationFailed);
  EXPECT_NE(thrown.error().message.find("two"), std::string::npos);
  const auto odd = processor.parallel_process(std::vector<int>{1}, [](int i) {
    if (i == 1) throw 1;
    return i;
  });
  EXPECT_EQ(odd.error().code, ErrorCode::kGenerationFailed);
  // And the processor goes on.
  EXPECT_TRUE(processor.parallel_process(std::vector<int>{1}, [](int i) { return i; }));
}

TEST(ParallelProcess, AnItemMayHaveAContextOfItsOwn) {
  auto processor = mini();
  const auto texts =
      processor.parallel_process(numbered(6), [](const std::string& prompt) -> Result<std::string> {
        WEFT_TRY_ASSIGN(auto context, Context::create(mini_model(), {.n_ctx = 64}));
        WEFT_TRY_ASSIGN(auto generation, context->generate(prompt, {.max_tokens = 10}));
        return generation.text;
      });
  ASSERT_TRUE(texts) << texts.error().message;
  EXPECT_EQ(texts->size(), 6u);
  EXPECT_NE((*texts)[0], (*texts)[1]);
}

TEST(ParallelProcess, AnItemMayUseTheProcessor) {
  auto processor = mini();
  const auto results = processor.parallel_process(
      numbered(5), [&](const std::string& prompt) -> Result<std::string> {
        WEFT_TRY_ASSIGN(
            auto nested,
            processor.batch_generate(std::vector<std::string>{prompt, prompt}, {.max_tokens = 5}));
        WEFT_TRY(processor.batch_tokenize(std::vector<std::string>{prompt}));
        return nested[1].text;
      });
  ASSERT_TRUE(results);
  EXPECT_EQ((*results)[3], alone("Prompt 3", {.max_tokens = 5}));
}

TEST(ParallelProcess, SeveralThreadsMayCallAtOnce) {
  auto processor = mini();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 50; ++round) {
        const auto results =
            processor.parallel_process(std::vector<int>(20, t), [](int i) { return i; });
        EXPECT_EQ(*results, std::vector<int>(20, t));
      }
    });
  }
}

}  // namespace
}  // namespace weft::parallel
