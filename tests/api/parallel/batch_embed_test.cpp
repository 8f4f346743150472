// batch_embed: the order of the texts, the bits of each alone, and one that fails by itself.
#include "tests/api/parallel/support.h"

namespace weft::parallel {
namespace {

std::vector<float> embedded_alone(const std::string& text, const EmbedOptions& options) {
  auto engine = Engine::create(mini_model()).value();
  return engine->embed({&text, 1}, options)->front();
}

TEST(BatchEmbed, GivesEachTextsOwnEmbeddingInOrder) {
  auto processor = mini(8);
  const auto texts = numbered(20);
  for (const std::optional<Pooling> pooling :
       {std::optional<Pooling>(), std::optional(Pooling::kMean), std::optional(Pooling::kMax)}) {
    const auto results = processor.batch_embed(texts, {.pooling = pooling});
    ASSERT_TRUE(results) << results.error().message;
    ASSERT_EQ(results->size(), texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      const EmbeddingResult& result = (*results)[i];
      EXPECT_TRUE(result.success);
      EXPECT_FALSE(result.error);
      EXPECT_EQ(result.embedding, embedded_alone(texts[i], {.pooling = pooling}));
      EXPECT_EQ(result.tokens, std::ssize(mini_model()->tokenize(texts[i]).value()));
    }
  }
  EXPECT_EQ(processor.batch_embed(texts, {.normalize = false})->front().embedding,
            embedded_alone(texts[0], {.normalize = false}));
  EXPECT_TRUE(processor.batch_embed({})->empty());
}

TEST(BatchEmbed, MoreThanABatchAreSuccessiveBatches) {
  auto processor = mini(32);
  EXPECT_EQ(processor.batch_embed(numbered(100))->size(), 100u);
  EXPECT_EQ(processor.stats().batches_processed, 4u);
  EXPECT_EQ(processor.stats().items_processed, 100u);
}

TEST(BatchEmbed, OneThatFailsLeavesTheOthersAlone) {
  auto processor = mini();
  auto texts = numbered(6);
  texts[2] = too_long();
  const auto results = processor.batch_embed(texts).value();
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(results[i].success, i != 2);
    if (i == 2) continue;
    EXPECT_EQ(results[i].embedding, embedded_alone(texts[i], {}));
  }
  ASSERT_TRUE(results[2].error);
  EXPECT_EQ(results[2].error->code, ErrorCode::kContextOverflow);
  EXPECT_TRUE(results[2].embedding.empty());
  expect_idle(processor.engine());
}

TEST(BatchEmbed, ATimeoutIsOfEachTextAndStopsItsWork) {
  auto processor = mini();
  std::vector<std::string> texts(3, std::string(20000, 'x'));
  const auto results = processor.batch_embed(texts, {.timeout_ms = 0}).value();
  for (const EmbeddingResult& result : results) {
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->code, ErrorCode::kTimedOut);
  }
  expect_idle(processor.engine());
  EXPECT_TRUE(processor.batch_embed(numbered(1), {.timeout_ms = 3'600'000})->front().success);
  EXPECT_EQ(processor.batch_embed(texts, {.timeout_ms = -1}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(BatchEmbed, RunsBesideGenerations) {
  auto processor = mini();
  std::vector<GenerationResult> generated;
  std::jthread other(
      [&] { generated = processor.batch_generate(numbered(8), {.max_tokens = 30}).value(); });
  const auto results = processor.batch_embed(numbered(8)).value();
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(results[i].embedding, embedded_alone("Prompt " + std::to_string(i), {}));
  }
  other.join();
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(generated[i].text, alone("Prompt " + std::to_string(i), {.max_tokens = 30}));
  }
}

}  // namespace
}  // namespace weft::parallel
