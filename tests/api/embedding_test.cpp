// Embeddings: against the double-precision reference, and the same bits whatever else runs.
#include "api/embedding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <gtest/gtest.h>

#include "api/engine.h"
#include "api/engine/embedder.h"
#include "tests/api/fixture_model.h"
#include "tests/support/compare.h"
#include "tests/support/eventually.h"
#include "tests/support/random.h"
#include "tests/support/reference_model.h"

namespace weft {
namespace {

using std::chrono::milliseconds;

constexpr Pooling kPoolings[] = {Pooling::kLast, Pooling::kMean, Pooling::kFirst, Pooling::kMax};

// What a request is for: one vector by a pooling, or (nothing) one for each token.
using What = std::optional<Pooling>;
constexpr What kAllOfThem[] = {Pooling::kLast, Pooling::kMean, Pooling::kFirst, Pooling::kMax,
                               std::nullopt};

EmbedRequest request(std::vector<int32_t> ids, What what, bool normalize = true) {
  return {.prompt_ids = std::move(ids),
          .tokens = !what,
          .options = {.pooling = what, .normalize = normalize}};
}

// A prompt of `n` ids; equal first halves for `i` of one kind, so that prefixes are shared.
std::vector<int32_t> prompt(int32_t i, int32_t n) {
  std::vector<int32_t> ids = {1};
  for (int32_t j = 1; j < n; ++j) {
    const int32_t k = j < n / 2 ? i % 2 : i;
    ids.push_back(3 + (k * 31 + j * 17 + k * j) % 90);
  }
  return ids;
}

std::unique_ptr<Engine> engine(const EngineConfig& config = {.num_blocks = 256},
                               const std::shared_ptr<const Model>& model = test::mini_fixture()) {
  auto made = Engine::create(model, config);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

PendingEmbedding submit(Engine& e, const EmbedRequest& r) {
  auto pending = e.submit_embedding(r);
  EXPECT_TRUE(pending) << pending.error().message;
  return std::move(*pending);
}

std::vector<float> values(Result<Embedding> embedding) {
  EXPECT_TRUE(embedding) << embedding.error().message;
  return embedding ? std::move(embedding->values) : std::vector<float>();
}

// By an engine of its own, all at once, with nobody else there.
std::vector<float> alone(const EmbedRequest& r) {
  auto e = engine({.num_blocks = 256, .prefix_cache = false});
  return values(submit(*e, r).get());
}

void expect_idle(Engine& e) {
  EXPECT_TRUE(test::eventually([&] {
    const EngineStats stats = e.stats();
    return stats.running == 0 && e.num_waiting() == 0 && stats.blocks_owned == 0;
  }));
}

test::DoubleMatrix pooled(const test::DoubleMatrix& states, What what) {
  if (!what) return states;
  switch (*what) {
    case Pooling::kLast:
      return states.bottomRows(1);
    case Pooling::kMean:
      return states.colwise().mean();
    case Pooling::kFirst:
      return states.topRows(1);
    case Pooling::kMax:
      return states.colwise().maxCoeff();
  }
  return {};
}

void expect_near(const test::DoubleMatrix& truth, std::span<const float> measured) {
  ASSERT_EQ(std::ssize(measured), truth.size());
  double worst = 0;
  for (Eigen::Index i = 0; i < truth.size(); ++i) {
    worst = std::max(worst, std::abs(truth.data()[i] - measured[static_cast<size_t>(i)]));
  }
  EXPECT_LE(worst, test::kMaxRelative * truth.cwiseAbs().maxCoeff());
}

TEST(Embedding, IsThatOfTheDoublePrecisionReference) {
  for (const test::Fixture& fixture : test::fixtures()) {
    SCOPED_TRACE(fixture.name);
    const auto model = test::load_fixture(fixture.name, {.threads = 1, .activations = "f32"});
    auto e = engine({.num_blocks = 64}, model);
    const test::TestModel same = test::make_test_model(fixture.spec);
    const std::vector<int32_t> ids = test::fixture_ids();
    const test::DoubleMatrix states = test::reference_hidden(same.config, same.tensors, ids);
    for (const What what : kAllOfThem) {
      SCOPED_TRACE(what ? pooling_name(*what) : "tokens");
      test::DoubleMatrix truth = pooled(states, what);
      expect_near(truth, values(submit(*e, request(ids, what, false)).get()));
      truth.rowwise().normalize();
      expect_near(truth, values(submit(*e, request(ids, what)).get()));
    }
  }
}

TEST(Embedding, HasLengthOneUnlessAskedOtherwise) {
  auto e = engine();
  const std::vector<std::string> texts = {"Once upon a time", "x"};
  const auto length = [](std::span<const float> v) {
    double sum = 0;
    for (const float x : v) sum += static_cast<double>(x) * x;
    return std::sqrt(sum);
  };
  const auto normalized = e->embed(texts).value();
  const auto as_they_are = e->embed(texts, {.normalize = false}).value();
  const auto of_tokens = e->embed_tokens(texts).value();
  for (const auto& vector : normalized) EXPECT_NEAR(length(vector), 1, 1e-6);
  for (const auto& vector : as_they_are) EXPECT_GT(std::abs(length(vector) - 1), 1e-3);
  for (const Embedding& text : of_tokens) {
    EXPECT_EQ(text.rows(), std::ssize(text.ids));
    for (int64_t i = 0; i < text.rows(); ++i) EXPECT_NEAR(length(text.row(i)), 1, 1e-6);
  }
}

TEST(Embedding, TheModelsOwnPoolingIsTheDefault) {
  auto e = engine();
  EXPECT_EQ(test::mini_fixture()->info().pooling, Pooling::kLast);
  const std::vector<std::string> texts = {"Once upon a time"};
  const auto by_default = e->embed(texts).value();
  EXPECT_EQ(by_default, e->embed(texts, {.pooling = Pooling::kLast}).value());
  EXPECT_NE(by_default, e->embed(texts, {.pooling = Pooling::kMean}).value());
}

TEST(Embedding, BatchEqualsSingleForAnyBatchChunkAndCache) {
  std::vector<EmbedRequest> requests;
  std::vector<std::vector<float>> singles;
  for (int32_t i = 0; i < 30; ++i) {
    requests.push_back(request(prompt(i, 1 + (i * 29) % 150), kAllOfThem[i % 5]));
    singles.push_back(alone(requests.back()));
  }
  const EngineConfig configs[] = {
      {.num_blocks = 512},
      {.num_blocks = 512, .prefix_cache = false},
      {.max_sequences = 1, .num_blocks = 64},
      {.max_sequences = 4, .max_batch_tokens = 1, .num_blocks = 256},
      {.max_sequences = 5, .max_batch_tokens = 7, .block_size = 8, .num_blocks = 512},
      {.max_batch_tokens = 33, .block_size = 64, .num_blocks = 64, .prefix_cache = false},
      {.num_blocks = 12, .threads = 2},
  };
  for (const EngineConfig& config : configs) {
    SCOPED_TRACE(&config - configs);
    auto e = engine(config);
    for (int round = 0; round < 2; ++round) {  // the second finds the first in the cache
      std::vector<PendingEmbedding> pending;
      for (const EmbedRequest& r : requests) pending.push_back(submit(*e, r));
      for (size_t i = 0; i < pending.size(); ++i) {
        EXPECT_EQ(values(pending[i].get()), singles[i]) << i << ", round " << round;
      }
    }
    expect_idle(*e);
  }
}

// A pool so small that growing generations take the blocks of prompts that are being computed.
TEST(Embedding, IsTheSameBesideGenerationsThatPreemptIt) {
  std::vector<std::vector<float>> singles;
  const auto nth = [](int32_t i) { return request(prompt(i, 100), kAllOfThem[i % 5]); };
  for (int32_t i = 0; i < 10; ++i) singles.push_back(alone(nth(i)));
  const Request generation{.prompt_ids = prompt(3, 20),
                           .max_tokens = 170,
                           .sampling = {.temperature = 1},
                           .ignore_eos = true};
  auto solo_engine = engine();
  std::vector<int32_t> solo;
  auto solo_stream = solo_engine->submit(generation).value();
  while (auto token = solo_stream.next().value()) solo.push_back(token->id);

  auto e = engine({.max_sequences = 12, .max_batch_tokens = 2, .num_blocks = 26});
  std::vector<TokenStream> streams;
  for (int i = 0; i < 3; ++i) streams.push_back(e->submit(generation).value());
  std::vector<PendingEmbedding> pending;
  for (int32_t i = 0; i < 10; ++i) pending.push_back(submit(*e, nth(i)));
  for (size_t i = 0; i < pending.size(); ++i) EXPECT_EQ(values(pending[i].get()), singles[i]) << i;
  for (TokenStream& stream : streams) {
    std::vector<int32_t> ids;
    while (auto token = stream.next().value()) ids.push_back(token->id);
    EXPECT_EQ(ids, solo);
  }
  EXPECT_GT(e->stats().preemptions, 0U);
  expect_idle(*e);
}

TEST(Embedding, OnlyTheLastTokensStateIsTakenWithACachedPrefix) {
  const std::vector<int32_t> ids = prompt(1, 100);
  for (const What what : kAllOfThem) {
    auto e = engine();
    const auto first = submit(*e, request(ids, what)).get();
    const auto again = submit(*e, request(ids, what)).get();
    ASSERT_TRUE(first && again);
    EXPECT_EQ(first->cached_tokens, 0);
    EXPECT_EQ(again->cached_tokens, what == Pooling::kLast ? 96 : 0);
    EXPECT_EQ(first->values, again->values);
    // And a generation finds what an embedding has computed.
    auto stream = e->submit({.prompt_ids = ids, .max_tokens = 1}).value();
    while (stream.next().value()) {
    }
    EXPECT_EQ(stream.usage().cached_tokens, 96);
  }
}

TEST(Embedding, FillsThePoolToItsLastToken) {
  auto e = engine({.num_blocks = 4});
  EXPECT_EQ(values(submit(*e, request(prompt(1, 64), Pooling::kMean)).get()),
            alone(request(prompt(1, 64), Pooling::kMean)));
  const auto refused = e->submit_embedding(request(prompt(1, 65), Pooling::kMean));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kContextOverflow);
}

// More tokens than any test waits for, and a pool that holds them.
constexpr int32_t kEndless = 30000;
constexpr int32_t kLargePool = 2048;

TEST(Embedding, CancelledOrDroppedItsBlocksAreBackAndOthersGoOn) {
  auto e = engine({.max_batch_tokens = 1, .num_blocks = kLargePool});
  auto cancelled = submit(*e, request(prompt(1, kEndless), Pooling::kMean));
  auto other = submit(*e, request(prompt(2, 40), Pooling::kMean));
  { const auto dropped = submit(*e, request(prompt(1, 1000), std::nullopt)); }
  EXPECT_TRUE(test::eventually([&] { return e->stats().prompt_tokens > 40; }));
  EXPECT_FALSE(cancelled.is_ready());
  EXPECT_EQ(cancelled.get_until(std::chrono::steady_clock::now() + milliseconds(1)).error().code,
            ErrorCode::kTimedOut);
  cancelled.cancel();
  EXPECT_EQ(cancelled.get().error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(cancelled.is_ready());
  EXPECT_EQ(values(other.get()), alone(request(prompt(2, 40), Pooling::kMean)));
  expect_idle(*e);
  EXPECT_EQ(e->stats().cancelled, 2U);
}

TEST(Embedding, ShuttingDownResolvesWhatIsPending) {
  auto e = engine({.max_batch_tokens = 1, .num_blocks = kLargePool});
  auto slow = submit(*e, request(prompt(1, kEndless), Pooling::kMean));
  e->shutdown(Engine::Shutdown::kNow);
  EXPECT_EQ(slow.get().error().code, ErrorCode::kShutDown);
  EXPECT_EQ(e->submit_embedding(request({1}, Pooling::kLast)).error().code, ErrorCode::kShutDown);
  auto draining = engine();
  auto drained = submit(*draining, request(prompt(1, 50), Pooling::kMax));
  draining->shutdown(Engine::Shutdown::kDrain);
  EXPECT_EQ(values(drained.get()), alone(request(prompt(1, 50), Pooling::kMax)));
}

TEST(Embedding, MayOutliveItsEngine) {
  auto e = engine();
  auto pending = submit(*e, request(prompt(1, 50), Pooling::kMean));
  EXPECT_TRUE(test::eventually([&] { return pending.is_ready(); }));
  e.reset();
  EXPECT_EQ(values(pending.get()), alone(request(prompt(1, 50), Pooling::kMean)));
  EXPECT_EQ(pending.get().error().code, ErrorCode::kInvalidArgument);  // taken already
}

TEST(Embedding, ManyTextsComeInOrderThroughAShortQueue) {
  auto e = engine({.max_sequences = 3, .max_queue = 2, .num_blocks = 64});
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back("Text " + std::to_string(i));
  const auto all = e->embed(texts, {.pooling = Pooling::kMean});
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ((*all)[i], e->embed({&texts[i], 1}, {.pooling = Pooling::kMean})->front());
  }
  EXPECT_TRUE(e->embed({})->empty());
}

TEST(Embedding, WhatIsWrongIsSaid) {
  auto e = engine();
  const std::vector<std::string> texts = {"a", "", "b"};
  const auto empty = e->embed(texts, {.add_bos = false});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(empty.error().message, "text 1: prompt: empty, expected a token");
  EXPECT_EQ(e->submit_embedding({.prompt_ids = {1, 4096}}).error().code,
            ErrorCode::kTokenOutOfRange);
  expect_idle(*e);
}

TEST(Embedder, ANumberThatIsNoneIsAnErrorThatNamesIt) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Pooling pooling : kPoolings) {
    for (const float bad : {nan, std::numeric_limits<float>::infinity()}) {
      engine::Embedder embedder(false, pooling, true, 1);
      embedder.add(0, std::vector<float>{1, bad});
      const auto taken = embedder.take();
      ASSERT_FALSE(taken);
      EXPECT_EQ(taken.error().code, ErrorCode::kNonFiniteLogits);
      EXPECT_NE(taken.error().message.find("element 1"), std::string::npos);
    }
  }
  engine::Embedder tokens(true, Pooling::kLast, true, 2);
  tokens.add(0, std::vector<float>{1, 2});
  tokens.add(1, std::vector<float>{nan, 2});
  EXPECT_NE(tokens.take().error().message.find("token 1, element 0"), std::string::npos);
}

}  // namespace
}  // namespace weft
