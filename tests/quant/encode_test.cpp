// Encoders: what comes back lies within the step of the format, whatever goes in.
#include "gguf/quantize/encode.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/quant/decode.h"
#include "tests/quant/type_names.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

using Values = std::vector<float>;

std::vector<std::byte> encoded(DType type, const Values& values) {
  const auto elements = static_cast<int64_t>(values.size());
  std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(type, elements).value()));
  encode_row_function(type)(values.data(), bytes.data(), elements);
  return bytes;
}

Values round_trip(DType type, const Values& values) {
  Values result(values.size());
  decode_row(type, encoded(type, values).data(), result.data(),
             static_cast<int64_t>(values.size()));
  return result;
}

// What the bounds are made of: the largest magnitude, and the width of the range with zero in it.
struct Spread {
  double largest = 0.0;
  double width = 0.0;
};

Spread spread_of(const float* x, int count) {
  double low = 0.0;
  double high = 0.0;
  for (int i = 0; i < count; ++i) {
    low = std::min(low, double{x[i]});
    high = std::max(high, double{x[i]});
  }
  return {std::max(-low, high), high - low};
}

// A scale as a half is off by this much at most: 11 bits, or half the smallest subnormal.
double half_error(double scale) { return scale * 0x1p-11 + 0x1p-25; }

// x = d·q, |q| ≤ top, where one extreme may be cut by up to `cut` steps.
double one_scale(double largest, double top, double cut) {
  const double d = largest / top;
  return cut * d + top * half_error(d);
}

// x = d·q + m, q < levels.
double scale_and_minimum(const Spread& spread, double levels) {
  const double d = spread.width / (levels - 1);
  return d / 2 + (levels - 1) * half_error(d) + half_error(spread.largest);
}

// Integer scales below `scales` times half scales d and dmin; both integers are rounded.
double affine_groups(const Spread& spread, double levels, double scales) {
  const double widest = spread.width / (levels - 1);  // no group's step is larger
  const double d = widest / (scales - 1);
  const double dmin = spread.largest / (scales - 1);
  const double scale_error = d / 2 + (scales - 1) * half_error(d);
  const double min_error = dmin / 2 + (scales - 1) * half_error(dmin);
  return widest / 2 + levels * scale_error + min_error;
}

// Signed levels up to `top` and integer scales up to `scales`; an extreme of the other sign may be
// cut by `cut` steps, a scale of the other sign by one.
double signed_groups(double largest, double top, double scales, double cut) {
  const double widest = largest / top;
  const double d = widest / scales;
  return cut * (widest + d) + top * (d + scales * half_error(d));
}

// The largest error that rounding to this format may leave in a block.
double error_bound(DType type, const float* block, int count) {
  const Spread spread = spread_of(block, count);
  const double largest = spread.largest;
  switch (type) {
    case DType::kF32:
      return 0.0;
    case DType::kF16:
      return half_error(largest);
    case DType::kBF16:
      return largest * 0x1p-8;
    case DType::kQ4_0:
      return one_scale(largest, 8, 1);
    case DType::kQ5_0:
      return one_scale(largest, 16, 1);
    case DType::kQ8_0:
    case DType::kQ8_1:
      return one_scale(largest, 127, 0.5);
    case DType::kQ8_K:
      return largest / 127 * 0.5001;
    case DType::kQ4_1:
      return scale_and_minimum(spread, 16);
    case DType::kQ5_1:
      return scale_and_minimum(spread, 32);
    case DType::kQ2_K:
      return affine_groups(spread, 4, 16);
    case DType::kQ4_K:
      return affine_groups(spread, 16, 64);
    case DType::kQ5_K:
      return affine_groups(spread, 32, 64);
    case DType::kQ3_K:
      return signed_groups(largest, 4, 32, 1);
    case DType::kQ6_K:
      return signed_groups(largest, 32, 128, 1);
    case DType::kIQ4_NL:  // levels up to 24 apart; +127 is cut to 113
      return one_scale(largest, 127, 14);
    case DType::kIQ4_XS:
      return signed_groups(largest, 127, 32, 14);
    case DType::kMXFP4:  // with the largest in [4, 8) steps: 4 and 6 are two apart, 8 is cut to 6
      return largest / 4 + 0x1p-128;
    case DType::kNVFP4:  // 4 and 6 are two apart; the scale has 3 bits or is a multiple of 2^-9
      return largest / 6 * (1 + 0x1p-4) + 6 * (largest / 6 * 0x1p-4 + 0x1p-10);
    case DType::kTQ1_0:
    case DType::kTQ2_0:
    case DType::kQ2_0:
      return largest / 2 + half_error(largest);
    case DType::kQ1_0:
      return largest + half_error(largest);
    default:
      return -1.0;
  }
}

struct Distribution {
  const char* name;
  float (*draw)(Random&);
};

constexpr Distribution kDistributions[] = {
    {"bell", [](Random& r) { return static_cast<float>(r.bell()); }},
    {"small", [](Random& r) { return static_cast<float>(r.bell() * 0.02); }},
    {"positive", [](Random& r) { return static_cast<float>(5.0 + r.uniform()); }},
    {"negative", [](Random& r) { return static_cast<float>(-5.0 - r.uniform()); }},
    {"outliers",
     [](Random& r) { return static_cast<float>(r.below(50) == 0 ? 30 * r.bell() : r.bell()); }},
    {"subnormal halves", [](Random& r) { return static_cast<float>(r.bell() * 1e-6); }},
};

class EveryEncoder : public testing::TestWithParam<DTypeInfo> {
 protected:
  DType type() const { return GetParam().type; }
  int block_size() const { return static_cast<int>(GetParam().block_size); }
};

// Those with blocks: plain types keep NaN and infinity.
class EveryBlockEncoder : public EveryEncoder {};

TEST_P(EveryEncoder, ErrorStaysWithinTheStepOfTheFormat) {
  for (const Distribution& distribution : kDistributions) {
    Random random(7, distribution.name);
    Values values(256 * 64);
    for (float& value : values) value = distribution.draw(random);
    const Values result = round_trip(type(), values);
    for (size_t first = 0; first < values.size(); first += block_size()) {
      // The decoder's own roundings to float: a few parts in 2^24.
      const double bound = error_bound(type(), &values[first], block_size()) * (1 + 1e-6) +
                           spread_of(&values[first], block_size()).largest * 0x1p-22;
      for (size_t i = first; i < first + block_size(); ++i)
        ASSERT_LE(std::fabs(double{values[i]} - result[i]), bound)
            << distribution.name << ", value " << i << ": " << values[i] << " came back as "
            << result[i];
    }
  }
}

TEST_P(EveryEncoder, ZerosStayZeros) {
  for (const float zero : {0.0f, -0.0f}) {
    for (const float value : round_trip(type(), Values(512, zero))) EXPECT_EQ(value, 0.0f);
  }
}

TEST_P(EveryEncoder, SameInputSameBytesAtAnyAddress) {
  Random random(8);
  Values values(512);
  for (float& value : values) value = static_cast<float>(random.bell());
  const std::vector<std::byte> bytes = encoded(type(), values);
  std::vector<std::byte> shifted(bytes.size() + 1);
  encode_row_function(type())(values.data(), shifted.data() + 1, 512);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), shifted.begin() + 1));
}

TEST_P(EveryBlockEncoder, AnyInputDecodesToFiniteValues) {
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kTiny = std::numeric_limits<float>::denorm_min();
  const std::vector<Values> patterns = {{kMax},
                                        {-kMax},
                                        {kMax, -kMax},
                                        {kInf},
                                        {-kInf},
                                        {kInf, -kInf},
                                        {kNan},
                                        {kNan, 1.0f},
                                        {kTiny},
                                        {-kTiny, kTiny},
                                        {kMax, kTiny},
                                        {0x1p-126f, -0x1p-140f},
                                        {kInf, kNan, 0.0f, -1.0f},
                                        {1e30f, 1e-30f, -1e30f},
                                        {65504.0f, -70000.0f},
                                        {0x1.8p127f, 0x1p127f}};
  for (const Values& pattern : patterns) {
    Values values(512);
    for (size_t i = 0; i < values.size(); ++i) values[i] = pattern[i % pattern.size()];
    for (const float value : round_trip(type(), values))
      ASSERT_TRUE(std::isfinite(value)) << "pattern starting with " << pattern[0];
  }
}

TEST_P(EveryBlockEncoder, NaNCountsAsZero) {
  Random random(9);
  Values with_nan(512);
  for (float& value : with_nan) value = static_cast<float>(random.bell());
  Values with_zero = with_nan;
  for (const size_t at : {0, 100, 300, 511}) {
    with_nan[at] = std::numeric_limits<float>::quiet_NaN();
    with_zero[at] = 0.0f;
  }
  EXPECT_EQ(encoded(type(), with_nan), encoded(type(), with_zero));
}

// Whatever decodes to finite values can be encoded again.
TEST_P(EveryEncoder, RandomBlocksSurviveEncodingAgain) {
  Random random(10, GetParam().name);
  std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(type(), 256 * 40).value()));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
  Values values(256 * 40);
  decode_row(type(), bytes.data(), values.data(), static_cast<int64_t>(values.size()));
  EXPECT_EQ(round_trip(type(), values).size(), values.size());
}

std::vector<DTypeInfo> encodable(uint32_t smallest_block) {
  std::vector<DTypeInfo> types;
  for (const DTypeInfo& info : all_dtypes())
    if (info.block_size >= smallest_block && encode_row_function(info.type) != nullptr)
      types.push_back(info);
  return types;
}

INSTANTIATE_TEST_SUITE_P(Types, EveryEncoder, testing::ValuesIn(encodable(1)), name_of_type);
INSTANTIATE_TEST_SUITE_P(Types, EveryBlockEncoder, testing::ValuesIn(encodable(2)), name_of_type);

TEST(Encoders, IntegersAndLatticesHaveNone) {
  std::vector<std::string> without;
  for (const DTypeInfo& info : all_dtypes())
    if (encode_row_function(info.type) == nullptr) without.emplace_back(info.name);
  const std::vector<std::string> expected = {"IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S",
                                             "IQ3_S",   "IQ2_S",  "I8",      "I16",
                                             "I32",     "I64",    "F64",     "IQ1_M"};
  EXPECT_EQ(without, expected);
}

TEST(Encoders, PlainFloatsKeepNaNAndInfinity) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    const Values result = round_trip(type, {nan, INFINITY, -INFINITY, 1.0f});
    EXPECT_TRUE(std::isnan(result[0]));
    EXPECT_EQ(result[1], INFINITY);
    EXPECT_EQ(result[2], -INFINITY);
    EXPECT_EQ(result[3], 1.0f);
  }
}

TEST(Encoders, TernaryWeightsAreExact) {
  for (const DType type : {DType::kTQ1_0, DType::kTQ2_0, DType::kQ2_0}) {
    Random random(11);
    Values values(256 * 20);
    for (float& value : values) value = 0.375f * static_cast<float>(random.below(3) - 1);
    EXPECT_EQ(round_trip(type, values), values) << dtype_name(type);
  }
}

TEST(Encoders, LevelsOfTheFormatAreExact) {
  const float e2m1[16] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  const float iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  Values fp4_values(256);
  Values iq4_values(256);
  Values bytes(256);
  for (int i = 0; i < 256; ++i) {
    fp4_values[i] = 0.25f * e2m1[i % 16];
    iq4_values[i] = 0.5f * iq4[i % 16];
    bytes[i] = 2.0f * static_cast<float>(i % 32 == 31 ? -127 : i % 32 * 4);
  }
  EXPECT_EQ(round_trip(DType::kMXFP4, fp4_values), fp4_values);
  EXPECT_EQ(round_trip(DType::kNVFP4, fp4_values), fp4_values);
  EXPECT_EQ(round_trip(DType::kIQ4_NL, iq4_values), iq4_values);
  EXPECT_EQ(round_trip(DType::kIQ4_XS, iq4_values), iq4_values);
  EXPECT_EQ(round_trip(DType::kQ8_0, bytes), bytes);
}

// d·Σq for dot products: 32 times 127 at d = 1.
TEST(Encoders, Q8_1StoresTheScaledSum) {
  const std::vector<std::byte> bytes = encoded(DType::kQ8_1, Values(32, 127.0f));
  EXPECT_EQ(bytes[2], std::byte{0xf0});  // 4064 = 0x6bf0
  EXPECT_EQ(bytes[3], std::byte{0x6b});
}

}  // namespace
}  // namespace weft::test
