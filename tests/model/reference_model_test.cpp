// Facts about the oracle that can be told without another implementation. That its logits are
// right is held by the reference files (reference_files_test.cpp).
#include "tests/support/reference_model.h"

#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/random.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

TEST(ReferenceRope, NormalOrderTurnsNeighbours) {
  const RopeConfig rope{.kind = RopeKind::kNormal, .dims = 4};
  const std::array turns = {RopeTurn{0.0, 1.0}, RopeTurn{-1.0, 0.0}};  // a quarter, a half
  std::array head = {1.0, 2.0, 3.0, 4.0, 5.0};
  reference_rope(rope, turns, head);
  EXPECT_EQ(head, (std::array{-2.0, 1.0, -3.0, -4.0, 5.0}));
}

TEST(ReferenceRope, NeoxOrderTurnsHalves) {
  const RopeConfig rope{.kind = RopeKind::kNeox, .dims = 4};
  const std::array turns = {RopeTurn{0.0, 1.0}, RopeTurn{-1.0, 0.0}};
  std::array head = {1.0, 2.0, 3.0, 4.0, 5.0};
  reference_rope(rope, turns, head);
  EXPECT_EQ(head, (std::array{-3.0, -2.0, 1.0, -4.0, 5.0}));
}

TEST(ReferenceRope, PairsTurnSlowerAndSlower) {
  const RopeConfig rope{.dims = 4, .freq_base = 100.0};
  const auto turns = reference_rope_turns(rope, {}, 3);
  EXPECT_DOUBLE_EQ(turns[0].cosine, std::cos(3.0));
  EXPECT_DOUBLE_EQ(turns[0].sine, std::sin(3.0));
  EXPECT_DOUBLE_EQ(turns[1].cosine, std::cos(0.3));
  EXPECT_DOUBLE_EQ(turns[1].sine, std::sin(0.3));
}

TEST(ReferenceRope, LinearScalingStretchesPositions) {
  const RopeConfig plain{.dims = 16};
  RopeConfig linear = plain;
  linear.scaling = RopeScaling::kLinear;
  linear.factor = 4.0;
  const auto expected = reference_rope_turns(plain, {}, 25);
  const auto actual = reference_rope_turns(linear, {}, 100);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_DOUBLE_EQ(actual[i].sine, expected[i].sine);
}

// The paper's own example: Llama 2 stretched 16 times. By its formula r(i) = context / wavelength:
// pairs with r above beta_fast keep their frequency, pairs with r below beta_slow are stretched.
TEST(ReferenceRope, YarnKeepsFastPairsAndStretchesSlowOnes) {
  const RopeConfig yarn{
      .dims = 128, .scaling = RopeScaling::kYarn, .factor = 16.0, .original_context = 4096};
  RopeConfig plain = yarn;
  plain.scaling = RopeScaling::kNone;
  const double magnitude = 0.1 * std::log(16.0) + 1.0;
  const auto stretched = reference_rope_turns(yarn, {}, 16);
  const auto at_16 = reference_rope_turns(plain, {}, 16);
  const auto at_1 = reference_rope_turns(plain, {}, 1);
  int kept = 0, slowed = 0;
  for (int i = 0; i < 64; ++i) {
    const double wavelength = 2.0 * std::numbers::pi * std::pow(10000.0, i / 64.0);
    const double rotations = 4096 / wavelength;
    if (rotations > 32.0 * 1.16) {  // the ramp's end is rounded outwards, by one pair at most
      EXPECT_NEAR(stretched[i].sine, magnitude * at_16[i].sine, 1e-12) << i;
      ++kept;
    } else if (rotations < 1.0 / 1.16) {
      EXPECT_NEAR(stretched[i].sine, magnitude * at_1[i].sine, 1e-12) << i;
      ++slowed;
    }
  }
  EXPECT_GT(kept, 15);
  EXPECT_GT(slowed, 15);
}

TEST(ReferenceLogits, APrefixIsUnaffectedByWhatFollows) {
  const TestModel model = make_test_model({.qkv_bias = true, .qk_norm = true});
  const std::vector<int32_t> ids = Random(1).ids(12, model.config.n_vocab);
  const DoubleMatrix all = reference_logits(model.config, model.tensors, ids);
  const DoubleMatrix some = reference_logits(model.config, model.tensors, std::span(ids).first(5));
  EXPECT_LT((all.topRows(5) - some).cwiseAbs().maxCoeff(), 1e-12);
}

TEST(ReferenceLogits, AWindowOfOneSeesOnlyTheTokenItself) {
  const TestModel model = make_test_model({.windows = {1}});
  const std::vector<int32_t> ids = {3, 14, 15, 92};
  const DoubleMatrix together = reference_logits(model.config, model.tensors, ids);
  // Alone, each token stands at position 0: scores do not matter where there is only one.
  for (size_t t = 0; t < ids.size(); ++t) {
    const DoubleMatrix alone =
        reference_logits(model.config, model.tensors, std::span(ids).subspan(t, 1));
    EXPECT_LT((together.row(t) - alone).cwiseAbs().maxCoeff(), 1e-12) << t;
  }
}

TEST(ReferenceLogits, EveryFeatureChangesThem) {
  const TestModelSpec plain{};
  const auto logits = [](const TestModelSpec& spec) {
    const TestModel model = make_test_model(spec);
    return reference_logits(model.config, model.tensors, Random(2).ids(8, spec.n_vocab));
  };
  const DoubleMatrix base = logits(plain);
  std::vector<TestModelSpec> others(9, plain);
  others[0].tied_head = true;
  others[1].qkv_bias = true;
  others[2].output_bias = true;
  others[3].qk_norm = true;
  others[4].rope.kind = RopeKind::kNeox;
  others[5].rope_factors = true;
  others[6].windows = {4};
  others[7].activation = Activation::kGelu;
  others[8].rope.dims = 8;
  for (size_t i = 0; i < others.size(); ++i) {
    EXPECT_GT((logits(others[i]) - base).cwiseAbs().maxCoeff(), 1e-3) << "feature " << i;
  }
}

TEST(TestModel, IsTheSameForTheSameSeedAndOtherForAnother) {
  const auto bytes = [](uint64_t seed) {
    const TestModel model = make_test_model({.seed = seed});
    const auto span = model.tensors.layers[1].down.bytes;
    return std::vector(span.begin(), span.end());
  };
  EXPECT_EQ(bytes(5), bytes(5));
  EXPECT_NE(bytes(5), bytes(6));
}

TEST(TestModel, LogitsAreOfOrderOne) {
  for (const bool tied : {false, true}) {
    const TestModel model = make_test_model({.tied_head = tied});
    const DoubleMatrix logits =
        reference_logits(model.config, model.tensors, Random(3).ids(32, model.config.n_vocab));
    const double deviation = std::sqrt(logits.squaredNorm() / static_cast<double>(logits.size()));
    EXPECT_GT(deviation, 0.5);
    EXPECT_LT(deviation, 5.0);
  }
}

}  // namespace
}  // namespace weft::test
