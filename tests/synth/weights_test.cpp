#include "tools/synth/weights.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace weft::synth {
namespace {

std::vector<float> weights(uint64_t seed, uint32_t tensor, const WeightLaw& law, size_t size) {
  std::vector<float> out(size);
  random_weights(seed, tensor, law, 0, out);
  return out;
}

TEST(SynthWeights, FollowTheirLaw) {
  constexpr size_t kSize = 1 << 18;
  const auto values = weights(1, 2, {.mean = 3.0f, .deviation = 0.5f}, kSize);
  double mean = 0.0;
  for (const float v : values) mean += v;
  mean /= kSize;
  double variance = 0.0;
  for (const float v : values) variance += (v - mean) * (v - mean);
  variance /= kSize;
  // Five deviations of the estimates: 0.5 / √n and 0.5 / √(2n).
  EXPECT_NEAR(mean, 3.0, 5 * 0.5 / std::sqrt(kSize));
  EXPECT_NEAR(std::sqrt(variance), 0.5, 5 * 0.5 / std::sqrt(2.0 * kSize));
}

TEST(SynthWeights, AnyPartIsThatPartOfTheWhole) {
  const auto whole = weights(7, 3, {}, 64);
  for (size_t first = 0; first < 9; ++first) {
    std::vector<float> part(17);
    random_weights(7, 3, {}, first, part);
    for (size_t i = 0; i < part.size(); ++i) ASSERT_EQ(part[i], whole[first + i]) << first;
  }
}

TEST(SynthWeights, DifferBySeedAndByTensor) {
  const auto values = weights(7, 3, {}, 16);
  EXPECT_NE(values, weights(8, 3, {}, 16));
  EXPECT_NE(values, weights(7 + (uint64_t{1} << 32), 3, {}, 16));
  EXPECT_NE(values, weights(7, 4, {}, 16));
}

TEST(SynthWeights, RandomSignsAreHalfNegative) {
  constexpr int kSize = 4096;
  const auto values = weights(1, 0, {.mean = 1.0f, .deviation = 0.1f, .random_sign = true}, kSize);
  int negative = 0;
  for (const float v : values) {
    EXPECT_GT(std::abs(v), 0.5f);
    negative += v < 0 ? 1 : 0;
  }
  EXPECT_NEAR(negative, kSize / 2, 5 * std::sqrt(kSize) / 2);
}

}  // namespace
}  // namespace weft::synth
