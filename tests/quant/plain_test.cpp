// Types without blocks.
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "tests/quant/block_bytes.h"

namespace weft::test {
namespace {

template <typename T>
BlockBytes bytes_of(std::initializer_list<T> values) {
  BlockBytes bytes;
  for (const T& value : values) {
    unsigned char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    for (const unsigned char byte : raw) bytes.u8(byte);
  }
  return bytes;
}

TEST(PlainTypes, FloatsPassUnchanged) {
  const float largest = std::numeric_limits<float>::max();
  const std::vector<float> values = {0.0f, -1.5f, largest, 1e-45f};
  EXPECT_EQ(bytes_of({0.0f, -1.5f, largest, 1e-45f}).decode(DType::kF32), values);
}

TEST(PlainTypes, HalvesAreExact) {
  const std::vector<float> values = {1.0f, 65504.0f, 0x1p-24f, -1.0f, INFINITY};
  BlockBytes bytes;
  bytes.u16(kHalfOne).u16(kHalfMax).u16(kHalfSmallest).u16(kHalfMinusOne).u16(0x7c00);
  EXPECT_EQ(bytes.decode(DType::kF16), values);
}

TEST(PlainTypes, Bfloat16IsTheUpperHalfOfAFloat) {
  const std::vector<float> values = {1.0f, -2.0f, 0x1p-133f, INFINITY};
  EXPECT_EQ(BlockBytes().u16(0x3f80).u16(0xc000).u16(0x0001).u16(0x7f80).decode(DType::kBF16),
            values);
}

TEST(PlainTypes, SmallIntegersAreExact) {
  EXPECT_EQ(bytes_of<int8_t>({-128, 0, 127}).decode(DType::kI8),
            (std::vector<float>{-128.0f, 0.0f, 127.0f}));
  EXPECT_EQ(bytes_of<int16_t>({-32768, 1, 32767}).decode(DType::kI16),
            (std::vector<float>{-32768.0f, 1.0f, 32767.0f}));
}

// Floats have 24 bits: above 2^24, odd numbers lie half way and go to the even neighbour.
TEST(PlainTypes, LargeIntegersRoundToNearestEven) {
  EXPECT_EQ(
      bytes_of<int32_t>({16777217, 16777219, -16777217, INT32_MIN, INT32_MAX}).decode(DType::kI32),
      (std::vector<float>{16777216.0f, 16777220.0f, -16777216.0f, -0x1p31f, 0x1p31f}));
  // Half a step above 2^54 and one more: through double it would be rounded twice, to 2^54.
  const int64_t just_above_half = (int64_t{1} << 54) + (int64_t{1} << 30) + 1;
  EXPECT_EQ(bytes_of<int64_t>({just_above_half, INT64_MIN, 16777217}).decode(DType::kI64),
            (std::vector<float>{0x1p54f + 0x1p31f, -0x1p63f, 16777216.0f}));
}

TEST(PlainTypes, DoublesRoundOnce) {
  const double just_above_half = 1.0 + 0x1p-24 + 0x1p-50;
  EXPECT_EQ(bytes_of<double>({1.0 + 0x1p-24, just_above_half, 0x1p-149, 0x1p-151, -0.1})
                .decode(DType::kF64),
            (std::vector<float>{1.0f, 1.0f + 0x1p-23f, 0x1p-149f, 0.0f, -0.1f}));
}

}  // namespace
}  // namespace weft::test
