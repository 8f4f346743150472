#include "scheduler/cost_model.h"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace weft {
namespace {

double truth(const StepShape& shape) {
  return 0.02 + 0.0003 * shape.decodes + 0.001 * shape.prompt_tokens +
         2e-8 * static_cast<double>(shape.context_tokens);
}

// Steps as they come: mostly decodes, some with a chunk. `noise` multiplies the time.
template <typename Noise>
void teach(CostModel& costs, int num_steps, Noise noise, uint32_t seed = 1) {
  std::mt19937 random(seed);
  for (int i = 0; i < num_steps; ++i) {
    StepShape shape;
    const auto decodes = static_cast<int>(random() % 32);
    for (int d = 0; d < decodes; ++d) shape.add_decode(random() % 2000);
    if (decodes == 0 || i % 3 == 0) {
      shape.add_prompt(random() % 2000, 1 + static_cast<int32_t>(random() % 512));
    }
    costs.observe(shape, truth(shape) * noise(random));
  }
}

void expect_close(const CostModel& costs, double tolerance) {
  for (const int32_t decodes : {1, 8, 32}) {
    for (const int32_t prompt : {0, 10, 100, 500}) {
      StepShape shape;
      for (int d = 0; d < decodes; ++d) shape.add_decode(1000);
      if (prompt > 0) shape.add_prompt(1000, prompt);
      EXPECT_NEAR(costs.estimate(shape) / truth(shape), 1.0, tolerance)
          << decodes << " decodes, " << prompt << " prompt tokens";
    }
  }
}

TEST(CostModel, KnowsNothingBeforeItHasSeenAStep) {
  const CostModel costs;
  EXPECT_EQ(costs.estimate({.decodes = 3}), 0.0);
  EXPECT_FALSE(costs.calibrated());
}

TEST(CostModel, LearnsALinearMachine) {
  CostModel costs;
  teach(costs, 300, [](auto&) { return 1.0; });
  EXPECT_TRUE(costs.calibrated());
  expect_close(costs, 0.02);
}

TEST(CostModel, AveragesNoise) {
  CostModel costs;
  teach(costs, 600,
        [](auto& random) { return std::uniform_real_distribution<double>(0.9, 1.1)(random); });
  expect_close(costs, 0.1);
}

TEST(CostModel, SpreadIsTheDeviationOfTheTimesFromTheirEstimates) {
  CostModel steady, scattering;
  EXPECT_EQ(steady.spread(), 0.0);
  teach(steady, 3000, [](auto&) { return 1.0; });
  EXPECT_LT(steady.spread(), 0.001);
  teach(scattering, 3000,
        [](auto& random) { return std::normal_distribution<double>(1, 0.06)(random); });
  EXPECT_NEAR(scattering.spread(), 0.06, 0.015);
  // One that takes ten times as long is one of many.
  StepShape shape;
  shape.add_decode(100);
  shape.add_prompt(0, 64);
  steady.observe(shape, 10 * truth(shape));
  EXPECT_LT(steady.spread(), 0.06);
}

TEST(CostModel, AStepHeldUpByTheMachineHardlyMovesIt) {
  CostModel costs;
  teach(costs, 300, [](auto&) { return 1.0; });
  StepShape shape;
  shape.add_decode(100);
  costs.observe(shape, 100.0);  // seconds
  StepShape chunk = shape;
  chunk.add_prompt(0, 256);
  costs.observe(chunk, 100.0);
  expect_close(costs, 0.1);
}

TEST(CostModel, RareOutliersHardlyMoveIt) {
  CostModel costs;
  teach(costs, 600, [](auto& random) { return random() % 20 == 0 ? 50.0 : 1.0; });
  expect_close(costs, 0.2);
}

TEST(CostModel, FollowsAMachineThatSlowsDown) {
  CostModel costs;
  teach(costs, 300, [](auto&) { return 1.0; });
  teach(costs, 300, [](auto&) { return 5.0; });
  StepShape shape;
  for (int d = 0; d < 8; ++d) shape.add_decode(1000);
  shape.add_prompt(1000, 100);
  EXPECT_NEAR(costs.estimate(shape) / truth(shape), 5.0, 0.5);
}

TEST(CostModel, ManyDecodesDoNotMakeItForgetPrompts) {
  CostModel costs;
  teach(costs, 300, [](auto&) { return 1.0; });
  for (int i = 0; i < 10000; ++i) {
    StepShape shape;
    for (int d = 0; d < 8; ++d) shape.add_decode(1000 + i % 100);
    costs.observe(shape, truth(shape));
  }
  StepShape shape;
  for (int d = 0; d < 8; ++d) shape.add_decode(1000);
  shape.add_prompt(1000, 400);
  EXPECT_NEAR(costs.estimate(shape) / truth(shape), 1.0, 0.1);
}

TEST(CostModel, CoefficientsAreNeverNegativeOrInfinite) {
  std::mt19937 random(3);
  CostModel costs;
  for (int i = 0; i < 3000; ++i) {
    StepShape shape;
    for (uint32_t d = random() % 5; d > 0; --d) shape.add_decode(random() % 100000);
    if (random() % 2) shape.add_prompt(random() % 1000, 1 + static_cast<int32_t>(random() % 512));
    // Times that have nothing to do with the shapes, over twelve orders of magnitude.
    costs.observe(shape, std::exp2(static_cast<double>(random() % 40) - 30));
    for (const double c : costs.coefficients()) {
      ASSERT_GE(c, 0.0);
      ASSERT_TRUE(std::isfinite(c));
    }
  }
}

TEST(CostModel, TimesThatAreNoneAreIgnored) {
  CostModel costs;
  const double kInf = std::numeric_limits<double>::infinity();
  for (const double seconds : {0.0, -1.0, std::nan(""), kInf})
    costs.observe({.decodes = 1}, seconds);
  EXPECT_EQ(costs.estimate({.decodes = 1}), 0.0);
  EXPECT_FALSE(costs.calibrated());
}

TEST(CostModel, AChunkIsTheLargestThatStaysWithinTheTime) {
  CostModel costs;
  teach(costs, 300, [](auto&) { return 1.0; });
  StepShape decodes;
  for (int d = 0; d < 8; ++d) decodes.add_decode(1000);
  const auto with = [&](int32_t n) {
    StepShape shape = decodes;
    shape.add_prompt(500, n);
    return costs.estimate(shape);
  };
  for (const double seconds : {0.03, 0.05, 0.1, 0.3}) {
    const int32_t chunk = costs.chunk_within(decodes, 500, seconds, 512);
    if (chunk > 0) {
      EXPECT_LE(with(chunk), seconds);
    }
    if (chunk < 512) {
      EXPECT_GT(with(chunk + 1), seconds);
    }
  }
  EXPECT_EQ(costs.chunk_within(decodes, 500, 0.001, 512), 0);
  EXPECT_EQ(costs.chunk_within(decodes, 500, 100, 512), 512);
}

}  // namespace
}  // namespace weft
