#include "core/model/pooling.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace weft {
namespace {

using Vector = std::vector<float>;

Vector pooled(Pooling pooling, const std::vector<Vector>& states) {
  Pooler pooler(pooling, std::ssize(states));
  for (auto i = pooler.first_needed(); i < std::ssize(states); ++i) {
    pooler.add(i, states[static_cast<size_t>(i)]);
  }
  return pooler.take();
}

TEST(Pooling, TakesTheStateOrCombinesThemElementByElement) {
  const std::vector<Vector> states = {{1, -5, 3}, {4, -7, 0}, {1, -3, -9}};
  EXPECT_EQ(pooled(Pooling::kLast, states), (Vector{1, -3, -9}));
  EXPECT_EQ(pooled(Pooling::kFirst, states), (Vector{1, -5, 3}));
  EXPECT_EQ(pooled(Pooling::kMean, states), (Vector{2, -5, -2}));
  EXPECT_EQ(pooled(Pooling::kMax, states), (Vector{4, -3, 3}));
  for (const Pooling p : {Pooling::kLast, Pooling::kFirst, Pooling::kMean, Pooling::kMax}) {
    EXPECT_EQ(pooled(p, {{2, -4}}), (Vector{2, -4}));
  }
}

TEST(Pooling, OnlyTheLastNeedsNothingOfWhatIsBefore) {
  EXPECT_EQ(Pooler(Pooling::kLast, 9).first_needed(), 8);
  for (const Pooling p : {Pooling::kFirst, Pooling::kMean, Pooling::kMax}) {
    EXPECT_EQ(Pooler(p, 9).first_needed(), 0);
  }
}

// In float32 the ones would be lost beside 2^25.
TEST(Pooling, MeansAreSummedInDoublePrecision) {
  EXPECT_EQ(pooled(Pooling::kMean, {{0x1p25f}, {1}, {1}, {-0x1p25f}}), Vector{0.5f});
}

TEST(Pooling, ANanIsNotLostInTheLargest) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(pooled(Pooling::kMax, {{1}, {nan}, {2}})[0]));
  EXPECT_TRUE(std::isnan(pooled(Pooling::kMax, {{nan}, {1}})[0]));
}

TEST(Pooling, NamesAreFoundAgain) {
  for (const Pooling p : {Pooling::kLast, Pooling::kFirst, Pooling::kMean, Pooling::kMax}) {
    EXPECT_EQ(find_pooling(pooling_name(p)), p);
  }
  EXPECT_EQ(find_pooling("cls"), std::nullopt);
}

TEST(Normalize, GivesLengthOneWithoutOverflowAndKeepsZeros) {
  Vector v = {3, 4};
  normalize(v);
  EXPECT_EQ(v, (Vector{0.6f, 0.8f}));
  Vector large = {3e38f, 3e38f};
  normalize(large);
  EXPECT_FLOAT_EQ(large[0], std::sqrt(0.5f));
  Vector small = {1e-44f, 0};
  normalize(small);
  EXPECT_EQ(small, (Vector{1, 0}));
  Vector zero = {0, 0};
  normalize(zero);
  EXPECT_EQ(zero, (Vector{0, 0}));
}

}  // namespace
}  // namespace weft
