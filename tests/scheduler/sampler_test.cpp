#include "scheduler/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <gtest/gtest.h>

#include "core/fixed_exp.h"
#include "core/philox.h"
#include "tests/support/random.h"
#include "tests/support/reference_draw.h"

namespace weft {
namespace {

// Logits whose softmax is the given probabilities.
std::vector<float> logits_of(std::initializer_list<double> probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

Sampler make(const SamplingParams& params, int32_t n_vocab) {
  auto sampler = Sampler::create(params, n_vocab);
  EXPECT_TRUE(sampler) << sampler.error().message;
  return std::move(*sampler);
}

// How often each id is drawn over `n` positions.
std::map<int32_t, int> histogram(const SamplingParams& params, const std::vector<float>& logits,
                                 int n) {
  Sampler sampler = make(params, static_cast<int32_t>(logits.size()));
  std::map<int32_t, int> counts;
  for (int position = 0; position < n; ++position) {
    std::vector<float> scratch = logits;
    ++counts[sampler.sample(scratch, {}, {}, position).value()];
  }
  return counts;
}

// The known answers that the authors of Philox publish with their library (kat_vectors).
TEST(Philox, GivesThePublishedKnownAnswers) {
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ((Philox4x32{{0, 0, 0, 0}, {0, 0}}.draw()),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ((Philox4x32{{kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}}.draw()),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ((Philox4x32{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}}
                 .draw()),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(FixedExp, IsWithinAFewUnitsOfTheTrueValue) {
  for (double x = 0; x >= -28; x -= 0.00137) {
    const double truth = std::exp(x) * static_cast<double>(kFixedExpOne);
    // Rounding to an integer, plus the polynomial's and the reduction's relative error.
    ASSERT_NEAR(static_cast<double>(fixed_exp(x)), truth, 0.5 + truth * 0x1p-45) << x;
  }
  EXPECT_EQ(fixed_exp(0), kFixedExpOne);
  EXPECT_EQ(fixed_exp(-29), 0u);
  EXPECT_EQ(fixed_exp(-std::numeric_limits<double>::infinity()), 0u);
}

TEST(Sampler, TemperatureZeroTakesTheMostLikelyAndTiesGoToTheLowestId) {
  Sampler sampler = make({.temperature = 0}, 4);
  std::vector<float> logits = {1, 3, 3, 2};
  EXPECT_EQ(sampler.sample(logits, {}, {}, 0).value(), 1);
}

TEST(Sampler, TheLeastTemperatureTakesTheMostLikelyToo) {
  Sampler sampler = make({.temperature = std::numeric_limits<float>::denorm_min(), .top_k = 0}, 4);
  std::vector<float> logits = {1, 2, 3, 2};
  EXPECT_EQ(sampler.sample(logits, {}, {}, 0).value(), 2);
}

TEST(Sampler, DrawsFollowTheProbabilities) {
  const auto counts = histogram({.temperature = 1, .top_k = 0, .top_p = 1},
                                logits_of({0.5, 0.3, 0.15, 0.05}), 20000);
  // Within five standard deviations of a binomial count.
  const double expected[] = {0.5, 0.3, 0.15, 0.05};
  for (int id = 0; id < 4; ++id) {
    const double p = expected[id];
    EXPECT_NEAR(counts.at(id), 20000 * p, 5 * std::sqrt(20000 * p * (1 - p))) << id;
  }
}

TEST(Sampler, TopPKeepsTheTokenThatCrossesIt) {
  // 0.5 + 0.3 crosses 0.7: two ids are kept. Exactly 0.5 is reached by the first alone.
  const auto logits = logits_of({0.3, 0.5, 0.2});
  EXPECT_EQ(histogram({.temperature = 1, .top_k = 0, .top_p = 0.7f}, logits, 500).size(), 2u);
  EXPECT_EQ(histogram({.temperature = 1, .top_k = 0, .top_p = 0.49f}, logits, 500).size(), 1u);
  EXPECT_EQ(histogram({.temperature = 1, .top_k = 0, .top_p = 1.0f}, logits, 500).size(), 3u);
}

TEST(Sampler, TopKKeepsTheLowestIdsOfATie) {
  const auto counts = histogram({.temperature = 1, .top_k = 2, .top_p = 1}, {1, 1, 1, 1}, 500);
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_TRUE(counts.contains(0) && counts.contains(1));
}

TEST(Sampler, TopPCountsOnlyWhatTopKKept) {
  // Of the two kept, the first has 0.4 / 0.7 = 0.57 of the mass: it alone reaches 0.55.
  const auto counts = histogram({.temperature = 1, .top_k = 2, .top_p = 0.55f},
                                logits_of({0.4, 0.3, 0.2, 0.1}), 500);
  EXPECT_EQ(counts.size(), 1u);
}

TEST(Sampler, MinPDropsWhatIsFarBelowTheBest) {
  const auto counts = histogram({.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0.25f},
                                logits_of({0.6, 0.2, 0.14, 0.06}), 2000);
  EXPECT_EQ(counts.size(), 2u);  // 0.2 ≥ 0.15 > 0.14
}

TEST(Sampler, DrawsDependOnSeedSampleAndPositionAlone) {
  const std::vector<float> logits(64, 0.0f);
  const auto ids = [&](uint64_t seed, uint32_t sample, int64_t first) {
    Sampler sampler =
        make({.temperature = 1, .top_k = 0, .top_p = 1, .seed = seed, .sample_index = sample}, 64);
    std::vector<int32_t> drawn;
    for (int64_t position = first; position < first + 16; ++position) {
      std::vector<float> scratch = logits;
      drawn.push_back(sampler.sample(scratch, {}, {}, position).value());
    }
    return drawn;
  };
  EXPECT_EQ(ids(7, 0, 0), ids(7, 0, 0));
  EXPECT_NE(ids(7, 0, 0), ids(8, 0, 0));
  EXPECT_NE(ids(7, 0, 0), ids(7, 1, 0));
  EXPECT_NE(ids(7, 0, 0), ids(7, 0, int64_t{1} << 32));
  const auto early = ids(7, 0, 0), late = ids(7, 0, 8);
  EXPECT_TRUE(std::equal(early.begin() + 8, early.end(), late.begin()));
}

TEST(Sampler, DrawsWhatSortingAllWouldDraw) {
  test::Random random(17);
  for (const float width : {0.0f, 0.001f, 1.0f, 5.0f, 60.0f}) {
    for (const int32_t n_vocab : {1, 2, 100, 20000}) {
      std::vector<float> logits(static_cast<size_t>(n_vocab));
      for (float& logit : logits) {
        logit = width * static_cast<float>(2 * random.uniform() - 1);
        // Ties, and what may not be drawn.
        if (random.below(4) == 0) logit = std::round(logit);
        if (random.below(50) == 0) logit = -INFINITY;
      }
      logits.back() = 0.25f;
      for (const SamplingParams& params : std::initializer_list<SamplingParams>{
               {.temperature = 1, .top_k = 0, .top_p = 1},
               {.temperature = 0.7f, .top_k = 0, .top_p = 0.9f},
               {.temperature = 0.7f, .top_k = 40, .top_p = 0.95f},
               {.temperature = 2, .top_k = 300, .top_p = 1, .min_p = 0.3f},
               {.temperature = 0.1f, .top_k = 0, .top_p = 0.5f, .min_p = 0.01f},
               {.temperature = 1, .top_k = 0, .top_p = 1e-9f},
               {.temperature = 1, .top_k = 1, .top_p = 1}}) {
        Sampler sampler = make(params, n_vocab);
        for (int64_t position = 0; position < 10; ++position) {
          std::vector<float> scratch = logits;
          ASSERT_EQ(sampler.sample(scratch, {}, {}, position).value(),
                    test::reference_id(logits, *sampler.row_draw({}, {}, position)))
              << "width " << width << ", " << n_vocab << " ids, top_k " << params.top_k
              << ", top_p " << params.top_p << ", min_p " << params.min_p << ", position "
              << position;
        }
      }
    }
  }
}

TEST(Sampler, PenaltiesLowerWhatWasSeen) {
  Sampler repetition = make({.temperature = 0, .repetition_penalty = 2}, 3);
  std::vector<float> logits = {4, 3, -1};
  const std::vector<int32_t> prompt = {0}, generated = {2};
  EXPECT_EQ(repetition.sample(logits, prompt, generated, 0).value(), 1);
  EXPECT_EQ(logits, (std::vector<float>{2, 3, -2}));

  Sampler frequency = make({.temperature = 0, .presence_penalty = 0.5f, .frequency_penalty = 1}, 3);
  logits = {4, 3, 3};
  const std::vector<int32_t> twice = {1, 1};
  // The prompt does not count for these two, as OpenAI's API defines them.
  EXPECT_EQ(frequency.sample(logits, prompt, twice, 0).value(), 0);
  EXPECT_EQ(logits, (std::vector<float>{4, 0.5f, 3}));
}

TEST(TokenCounts, EachIdOnceWithHowOftenItWasGenerated) {
  using Counts = std::vector<TokenCount>;
  TokenCounts counts;
  const auto of = [&](const std::vector<int32_t>& prompt, const std::vector<int32_t>& generated) {
    const auto found = counts.of(prompt, generated);
    return Counts(found.begin(), found.end());
  };
  EXPECT_EQ(of({}, {}), Counts());
  EXPECT_EQ(of({5, 2, 5}, {}), (Counts{{5, 0}, {2, 0}}));
  EXPECT_EQ(of({5, 2, 5}, {2, 7}), (Counts{{5, 0}, {2, 1}, {7, 1}}));
  EXPECT_EQ(of({5, 2, 5}, {2, 7, 7}), (Counts{{5, 0}, {2, 1}, {7, 2}}));
  // Ids that are not the last call's and some more: fewer, another, another prompt.
  EXPECT_EQ(of({5, 2, 5}, {2}), (Counts{{5, 0}, {2, 1}}));
  EXPECT_EQ(of({5, 2, 5}, {7, 2}), (Counts{{5, 0}, {2, 1}, {7, 1}}));
  EXPECT_EQ(of({5, 5}, {7, 2}), (Counts{{5, 0}, {7, 1}, {2, 1}}));
}

TEST(Sampler, BackendsMayDrawAllButBiasedRows) {
  EXPECT_FALSE(make({.logit_bias = {{0, 1.0f}}}, 3).row_draw({}, {}, 0));
  const std::vector<int32_t> prompt = {0}, generated = {1, 1};
  Sampler plain = make(
      {.temperature = 0.5f, .top_k = 7, .top_p = 0.5f, .min_p = 0.1f, .seed = 7, .sample_index = 2},
      3);
  const RowDraw draw = plain.row_draw(prompt, generated, (int64_t{1} << 32) + 4).value();
  EXPECT_EQ(draw.temperature, 0.5f);
  EXPECT_EQ(draw.top_k, 7);
  EXPECT_EQ(draw.top_p, 0.5f);
  EXPECT_EQ(draw.min_p, 0.1f);
  EXPECT_TRUE(draw.seen.empty());
  const auto words = Philox4x32::keyed(7, {2, 4, 1, 0}).draw();
  EXPECT_EQ(draw.random, static_cast<uint64_t>(words[0]) << 32 | words[1]);
  // Only what a penalty is for is sent.
  Sampler repetition = make({.repetition_penalty = 2}, 3);
  EXPECT_EQ(repetition.row_draw(prompt, generated, 4)->seen.size(), 2u);
  Sampler presence = make({.presence_penalty = 2}, 3);
  EXPECT_EQ(presence.row_draw(prompt, generated, 4)->seen.size(), 1u);
}

TEST(Sampler, BiasCanForbidAndForceAToken) {
  Sampler sampler = make({.temperature = 0, .logit_bias = {{0, -INFINITY}, {2, 10.0f}}}, 3);
  std::vector<float> logits = {9, 1, 0};
  EXPECT_EQ(sampler.sample(logits, {}, {}, 0).value(), 2);
}

TEST(Sampler, NonFiniteLogitsAreAnErrorThatNamesThem) {
  Sampler sampler = make({}, 2);
  const float kInf = INFINITY;
  const std::vector<std::vector<float>> rows = {{0, NAN}, {kInf, 0}, {-kInf, -kInf}};
  for (std::vector<float> logits : rows) {
    const auto result = sampler.sample(logits, {}, {}, 12);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kNonFiniteLogits);
    EXPECT_NE(result.error().message.find("position 12"), std::string::npos);
  }
}

TEST(Sampler, ParametersOutsideTheirRangeAreRefusedByName) {
  const float kNan = std::nanf("");
  const std::pair<SamplingParams, const char*> cases[] = {
      {{.temperature = -1}, "temperature"},
      {{.temperature = kNan}, "temperature"},
      {{.temperature = INFINITY}, "temperature"},
      {{.top_p = 0}, "top_p"},
      {{.top_p = 1.5f}, "top_p"},
      {{.top_p = kNan}, "top_p"},
      {{.min_p = -0.1f}, "min_p"},
      {{.repetition_penalty = 0}, "repetition_penalty"},
      {{.presence_penalty = kNan}, "presence_penalty"},
      {{.frequency_penalty = INFINITY}, "frequency_penalty"},
      {{.logit_bias = {{5, 1.0f}}}, "logit_bias"},
      {{.logit_bias = {{0, kNan}}}, "logit_bias"},
  };
  for (const auto& [params, field] : cases) {
    const auto result = Sampler::create(params, 5);
    ASSERT_FALSE(result) << field;
    EXPECT_TRUE(result.error().message.starts_with(field)) << result.error().message;
  }
}

}  // namespace
}  // namespace weft
