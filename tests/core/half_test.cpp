#include "core/half.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace weft {
namespace {

// binary16 by its definition: (-1)^s × 2^(e-15) × 1.m, or 2^-14 × 0.m.
double half_by_definition(uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const double mantissa = half & 0x3ff;
  const double sign = (half & 0x8000) ? -1 : 1;
  if (exponent == 0) return sign * std::ldexp(mantissa / 1024, -14);
  return sign * std::ldexp(1 + mantissa / 1024, exponent - 15);
}

TEST(Half, EveryFiniteValueConvertsExactlyAndBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    if (((half >> 10) & 0x1f) == 0x1f) continue;
    const float value = float_from_half(half);
    ASSERT_EQ(static_cast<double>(value), half_by_definition(half)) << bits;
    ASSERT_EQ(half_from_float(value), half) << bits;
  }
}

TEST(Half, RoundsToNearestWithTiesToEven) {
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const double low = half_by_definition(static_cast<uint16_t>(bits));
    const double high = half_by_definition(static_cast<uint16_t>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact: one more mantissa bit
    const uint16_t even = static_cast<uint16_t>(bits + (bits & 1));
    ASSERT_EQ(half_from_float(middle), even) << bits;
    ASSERT_EQ(half_from_float(std::nextafter(middle, 0.0f)), bits) << bits;
    ASSERT_EQ(half_from_float(std::nextafter(middle, 1e9f)), bits + 1) << bits;
  }
}

TEST(Half, OverflowIsInfinityAndNanStaysNan) {
  EXPECT_EQ(half_from_float(65519.0f), 0x7bff);
  EXPECT_EQ(half_from_float(65520.0f), 0x7c00);
  EXPECT_EQ(half_from_float(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_TRUE(std::isnan(float_from_half(half_from_float(std::nanf("")))));
  EXPECT_TRUE(std::isnan(float_from_half(0x7c01)));
  EXPECT_TRUE(std::isnan(float_from_half(half_from_float(float_from_bits(0x7f800001)))));
}

TEST(Bf16, RoundsToNearestWithTiesToEvenAndKeepsNan) {
  EXPECT_EQ(bf16_from_float(1.0f), 0x3f80);
  EXPECT_EQ(bf16_from_float(float_from_bits(0x3f808000)), 0x3f80);
  EXPECT_EQ(bf16_from_float(float_from_bits(0x3f818000)), 0x3f82);
  EXPECT_EQ(bf16_from_float(float_from_bits(0x3f808001)), 0x3f81);
  EXPECT_TRUE(std::isnan(float_from_bf16(bf16_from_float(float_from_bits(0x7f800001)))));
}

}  // namespace
}  // namespace weft
