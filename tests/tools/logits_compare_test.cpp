#include "tools/logits_compare.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace weft::tools {
namespace {

void add(LogitsComparison& comparison, const std::vector<float>& reference,
         const std::vector<float>& ours) {
  comparison.add_row(std::as_bytes(std::span(reference)), ours);
}

TEST(LogitsComparison, EqualLogitsAreNoDistanceApart) {
  LogitsComparison comparison;
  add(comparison, {1, 2, 3}, {1, 2, 3});
  EXPECT_EQ(comparison.mean_kl(), 0);
  EXPECT_EQ(comparison.max_difference(), 0);
  EXPECT_EQ(comparison.top1_agreement(), 1);
}

TEST(LogitsComparison, AConstantShiftIsNoDivergence) {
  LogitsComparison comparison;
  add(comparison, {1, 2, 3}, {11, 12, 13});
  EXPECT_NEAR(comparison.mean_kl(), 0, 1e-12);
}

TEST(LogitsComparison, DivergenceIsTheTextbooksSum) {
  // p = (1/2, 1/2), q = (3/4, 1/4): D = 1/2 ln(2/3) + 1/2 ln 2.
  LogitsComparison comparison;
  add(comparison, {0, 0}, {std::log(3.0f), 0});
  EXPECT_NEAR(comparison.mean_kl(), 0.5 * std::log(2.0 / 3) + 0.5 * std::log(2.0), 1e-7);
  // Far from the mean there is a maximum: a second, equal row halves only the mean.
  add(comparison, {0, 0}, {0, 0});
  EXPECT_NEAR(comparison.mean_kl(), comparison.max_kl() / 2, 1e-12);
}

TEST(LogitsComparison, TheLargestDifferenceIsRelativeToTheLargestReference) {
  LogitsComparison comparison;
  add(comparison, {-8, 1}, {-8, 3});
  EXPECT_DOUBLE_EQ(comparison.max_difference(), 2.0 / 8);
  EXPECT_EQ(comparison.top1_agreement(), 1);
}

TEST(LogitsComparison, NanIsNeverHidden) {
  LogitsComparison comparison;
  add(comparison, {1, 2}, {1, std::numeric_limits<float>::quiet_NaN()});
  add(comparison, {1, 2}, {1, 2});
  EXPECT_TRUE(std::isnan(comparison.mean_kl()));
  EXPECT_TRUE(std::isnan(comparison.max_difference()));
}

}  // namespace
}  // namespace weft::tools
