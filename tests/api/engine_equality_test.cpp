// Whatever a request shares the engine with, and however its blocks came to be: its tokens and
// their probabilities have the bits of the request alone, on every device.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/engine.h"
#include "tests/api/engine_variants.h"
#include "tests/api/fixture_model.h"
#include "tests/support/temp_folder.h"

namespace weft {
namespace {

using test::EngineVariant;

struct Output {
  std::vector<int32_t> ids;
  std::vector<float> logprobs;
  std::optional<FinishReason> reason;

  bool operator==(const Output&) const = default;
};

Output drain(TokenStream& stream) {
  Output out;
  for (;;) {
    auto token = stream.next();
    EXPECT_TRUE(token) << token.error().message;
    if (!token || !*token) break;
    out.ids.push_back((*token)->id);
    out.logprobs.push_back((*token)->logprob.value_or(1.0f));
  }
  out.reason = stream.finish_reason();
  return out;
}

std::vector<int32_t> prompt(int32_t i, int32_t n) {
  std::vector<int32_t> ids = {1};
  for (int32_t j = 1; j < n; ++j) ids.push_back(3 + (i * 31 + j * 17 + i * j) % 90);
  return ids;
}

class EngineEquality : public testing::TestWithParam<EngineVariant> {
 protected:
  std::unique_ptr<Engine> engine(const EngineConfig& config = {.num_blocks = 64}) const {
    auto made = Engine::create(model_, config);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  Request request(int32_t i) const {
    return {.prompt_ids = prompt(i, emulated() ? 3 + i * 3 : 3 + (i * 7) % 40),
            .max_tokens = emulated() ? 4 : 16,
            .sampling = {.temperature = 1,
                         .top_k = 0,
                         .top_p = 0.95f,
                         .seed = 100 + static_cast<uint64_t>(i)},
            .ignore_eos = true,
            .logprobs = 0};
  }
  Output solo(const Request& r) const {
    const auto e = engine();
    auto stream = e->submit(r);
    EXPECT_TRUE(stream) << stream.error().message;
    return drain(*stream);
  }
  // Between two steps, so that all are there before the next.
  static std::vector<TokenStream> submit_together(Engine& e, const std::vector<Request>& requests) {
    std::vector<TokenStream> streams;
    EXPECT_TRUE(e.run_between_steps([&] {
      for (const Request& r : requests) streams.push_back(*e.submit(r));
    }));
    return streams;
  }
  bool emulated() const { return GetParam().emulated; }
  int32_t num_requests() const { return emulated() ? 3 : 12; }

  const std::shared_ptr<const Model> model_ =
      test::load_fixture(GetParam().fixture, GetParam().options);
};

TEST_P(EngineEquality, InterleavedIsSolo) {
  std::vector<Request> requests;
  std::vector<Output> alone;
  for (int32_t i = 0; i < num_requests(); ++i) {
    requests.push_back(request(i));
    alone.push_back(solo(requests.back()));
  }
  const EngineConfig configs[] = {
      {.num_blocks = 64},
      {.max_sequences = 2, .max_batch_tokens = 3, .num_blocks = 64},
      {.max_batch_tokens = 7, .block_size = 8, .num_blocks = 64, .prefix_cache = false}};
  for (const EngineConfig& config : configs) {
    const auto e = engine(config);
    auto streams = submit_together(*e, requests);
    for (size_t i = 0; i < streams.size(); ++i) EXPECT_EQ(drain(streams[i]), alone[i]) << i;
  }
}

TEST_P(EngineEquality, SoItIsAfterAPreemption) {
  // Two sequences start; the pool does not hold the ends of both.
  const EngineConfig tight = {.block_size = 2, .num_blocks = 9, .prefix_cache = false};
  Request one = request(1), two = request(2);
  one.prompt_ids = prompt(1, 7);
  two.prompt_ids = prompt(2, 7);
  one.max_tokens = two.max_tokens = 7;
  const Output alone[] = {solo(one), solo(two)};
  const auto e = engine(tight);
  auto streams = submit_together(*e, {one, two});
  EXPECT_EQ(drain(streams[0]), alone[0]);
  EXPECT_EQ(drain(streams[1]), alone[1]);
  EXPECT_GT(e->stats().preemptions, 0U);
}

TEST_P(EngineEquality, SoItIsAfterAHitInThePrefixCache) {
  const auto e = engine({.block_size = 4, .num_blocks = 64});
  Request r = request(1);
  r.prompt_ids = prompt(1, 11);
  auto cold = *e->submit(r);
  const Output expected = drain(cold);
  auto warm = *e->submit(r);
  EXPECT_EQ(drain(warm), expected);
  EXPECT_EQ(warm.usage().cached_tokens, 8);
  Request partly = r;
  partly.prompt_ids[5] ^= 1;
  auto part = *e->submit(partly);
  EXPECT_EQ(drain(part), solo(partly));
  EXPECT_EQ(part.usage().cached_tokens, 4);
}

TEST_P(EngineEquality, SoAreSamplesOfOnePrompt) {
  Request r = request(1);
  r.prompt_ids = prompt(1, 6);  // they part within a block
  r.n = 3;
  const auto e = engine({.block_size = 4, .num_blocks = 64});
  auto streams = e->submit_all(r);
  ASSERT_TRUE(streams) << streams.error().message;
  for (uint32_t i = 0; i < 3; ++i) {
    Request one = r;
    one.n = 1;
    one.sampling.sample_index = i;
    EXPECT_EQ(drain((*streams)[i]), solo(one)) << i;
  }
  EXPECT_EQ(e->stats().prompt_tokens, 6U);
}

TEST_P(EngineEquality, SoIsAGenerationThatWasSavedAndGoesOn) {
  const test::TempFolder folder;
  const ContextParams params{.n_ctx = 32, .block_size = 4};
  const GenerateOptions half{.max_tokens = 3, .ignore_eos = true};
  const GenerateOptions whole{.max_tokens = 6, .ignore_eos = true};
  const auto ids = prompt(3, 9);
  const auto fresh = [&] { return std::move(*Context::create(model_, params)); };
  const auto expected = fresh()->generate(ids, whole);
  ASSERT_TRUE(expected) << expected.error().message;
  const auto first = fresh();
  auto start = first->generate(ids, half);
  ASSERT_TRUE(start);
  ASSERT_TRUE(first->save(folder.path("session")));
  const auto second = fresh();
  ASSERT_TRUE(second->load(folder.path("session")));
  EXPECT_GE(second->num_computed(), 8);  // its blocks came with it
  const auto rest = second->resume({}, half);
  ASSERT_TRUE(rest) << rest.error().message;
  start->ids.insert(start->ids.end(), rest->ids.begin(), rest->ids.end());
  EXPECT_EQ(start->ids, expected->ids);
}

INSTANTIATE_TEST_SUITE_P(On, EngineEquality, testing::ValuesIn(test::engine_variants()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace weft
