#include "tools/synth/shapes.h"

#include <gtest/gtest.h>

namespace weft::synth {
namespace {

struct Published {
  const char* name;
  int64_t parameters;
};

// The counts that the models' makers state.
TEST(SynthShapes, HaveTheParametersOfTheGenuineModels) {
  for (const Published& model : {Published{"llama3.2-1b", 1'235'814'400},
                                 {"llama3.2-3b", 3'212'749'824},
                                 {"llama3.1-8b", 8'030'261'248},
                                 {"qwen2.5-0.5b", 494'032'768},
                                 {"qwen3-0.6b", 596'049'920}}) {
    const auto shape = find_shape(model.name);
    ASSERT_TRUE(shape) << shape.error().message;
    EXPECT_EQ(parameter_count(*shape), model.parameters) << model.name;
  }
}

TEST(SynthShapes, TinyStaysTiny) {
  EXPECT_LT(parameter_count(find_shape("tiny").value()), 1'000'000);
}

TEST(SynthShapes, AnUnknownNameIsRefusedWithTheKnownOnes) {
  const auto shape = find_shape("llama9-1t");
  ASSERT_FALSE(shape);
  EXPECT_EQ(shape.error().code, ErrorCode::kNotFound);
  EXPECT_NE(shape.error().message.find("llama3.2-1b"), std::string::npos);
}

TEST(SynthShapes, RopeFactorsKeepFastPairsAndStretchSlowOnes) {
  const Shape shape = find_shape("llama3.2-1b").value();
  const std::vector<float> factors = rope_factors(shape);
  ASSERT_EQ(factors.size(), 32u);
  EXPECT_EQ(factors.front(), 1.0f);
  EXPECT_EQ(factors.back(), 32.0f);
  // Pair 15: frequency 500000^(-30/64) turns 2.7785 times in 8192 tokens: keeps
  // (2.7785 - 1) / 3 = 0.5928 of itself: 1 / (0.5928 + 0.4072 / 32) = 1.6513.
  EXPECT_NEAR(factors[15], 1.6513f, 1e-4f);
  EXPECT_TRUE(rope_factors(find_shape("qwen3-0.6b").value()).empty());
}

}  // namespace
}  // namespace weft::synth
