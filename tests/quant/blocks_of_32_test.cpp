// Hand-derived blocks of the formats with one scale for 32 values.
#include <cmath>

#include <gtest/gtest.h>

#include "tests/quant/block_bytes.h"

namespace weft::test {
namespace {

// x = d·(q - 8); low nibbles are values 0..15, high nibbles 16..31.
TEST(Q4_0, NibblesAreOffsetByEight) {
  std::vector<float> expected = repeated(0.0f, 32);  // nibble 8
  expected[0] = -16.0f;                              // 2·(0 - 8)
  expected[16] = 14.0f;                              // 2·(15 - 8)
  expected[15] = 2.0f;                               // 2·(9 - 8)
  EXPECT_EQ(BlockBytes().u16(kHalfTwo).u8(0xf0).u8(0x88, 14).u8(0x89).decode(DType::kQ4_0),
            expected);
}

TEST(Q4_0, ExtremeScales) {
  EXPECT_EQ(BlockBytes().u16(kHalfMax).u8(0xff, 16).decode(DType::kQ4_0),
            repeated(7 * 65504.0f, 32));
  EXPECT_EQ(BlockBytes().u16(kHalfSmallest).u8(0x00, 16).decode(DType::kQ4_0),
            repeated(-0x1p-21f, 32));
}

TEST(Q4_0, NegativeScaleGivesMinusZero) {
  const std::vector<float> values =
      BlockBytes().u16(kHalfMinusOne).u8(0x88, 16).decode(DType::kQ4_0);
  for (const float value : values) EXPECT_TRUE(value == 0.0f && std::signbit(value));
}

TEST(Q4_0, InfiniteScaleGivesInfinitiesAndNaN) {
  const std::vector<float> values = BlockBytes().u16(0x7c00).u8(0x80, 16).decode(DType::kQ4_0);
  EXPECT_EQ(values[0], -INFINITY);
  EXPECT_TRUE(std::isnan(values[16]));
}

// x = d·q + m
TEST(Q4_1, MinimumIsAdded) {
  std::vector<float> expected = repeated(-1.0f, 32);
  expected[1] = 14.0f;
  expected[17] = 4.0f;
  EXPECT_EQ(
      BlockBytes().u16(kHalfOne).u16(kHalfMinusOne).u8(0).u8(0x5f).u8(0, 14).decode(DType::kQ4_1),
      expected);
}

// 15·65504 + 2^-24 rounds to 15·65504; 0·65504 + 2^-24 stays.
TEST(Q4_1, SumIsRoundedToFloat) {
  const std::vector<float> values =
      BlockBytes().u16(kHalfMax).u16(kHalfSmallest).u8(0x0f, 16).decode(DType::kQ4_1);
  EXPECT_EQ(values[0], 982560.0f);
  EXPECT_EQ(values[16], 0x1p-24f);
}

// x = d·(q - 16); bit i of qh is the fifth bit of value i.
TEST(Q5_0, FifthBitsComeFromTheWord) {
  std::vector<float> expected = repeated(-16.0f, 32);
  expected[0] = 0.0f;   // bit 0: q = 16
  expected[31] = 0.0f;  // bit 31
  expected[12] = 3.0f;  // bit 12 and nibble 3
  BlockBytes block;
  block.u16(kHalfOne).u32(0x80001001).u8(0, 12).u8(0x03).u8(0, 3);
  EXPECT_EQ(block.decode(DType::kQ5_0), expected);
}

TEST(Q5_0, AllBitsSetIsTheLargestLevel) {
  EXPECT_EQ(BlockBytes().u16(kHalfMax).u8(0xff, 20).decode(DType::kQ5_0),
            repeated(15 * 65504.0f, 32));
}

TEST(Q5_1, FifthBitsAndMinimum) {
  std::vector<float> expected = repeated(-1.0f, 32);
  expected[16] = 2 * 31.0f - 1.0f;
  BlockBytes block;
  block.u16(kHalfTwo).u16(kHalfMinusOne).u32(0x00010000).u8(0xf0).u8(0, 15);
  EXPECT_EQ(block.decode(DType::kQ5_1), expected);
}

TEST(Q8_0, BytesAreSigned) {
  std::vector<float> expected = repeated(0.0f, 32);
  expected[0] = -256.0f;
  expected[31] = 254.0f;
  EXPECT_EQ(BlockBytes().u16(kHalfTwo).u8(0x80).u8(0, 30).u8(0x7f).decode(DType::kQ8_0), expected);
}

TEST(Q8_1, StoredSumIsIgnored) {
  EXPECT_EQ(BlockBytes().u16(kHalfTwo).u16(kHalfMax).u8(0xff, 32).decode(DType::kQ8_1),
            repeated(-2.0f, 32));
}

// x = d·table[q], the table -127 -104 -83 -65 -49 -35 -22 -10 1 13 25 38 53 69 89 113.
TEST(IQ4_NL, NibblesIndexTheTable) {
  const std::vector<float> levels = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};
  BlockBytes block;
  block.u16(kHalfTwo);
  for (int j = 0; j < 16; ++j) block.u8(j | (15 - j) << 4);
  std::vector<float> expected;
  for (int j = 0; j < 16; ++j) expected.push_back(2 * levels[j]);
  for (int j = 0; j < 16; ++j) expected.push_back(2 * levels[15 - j]);
  EXPECT_EQ(block.decode(DType::kIQ4_NL), expected);
}

}  // namespace
}  // namespace weft::test
