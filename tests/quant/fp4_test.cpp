// Hand-derived blocks of the 4-bit float formats.
#include "core/quant/fp4.h"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/quant/block_bytes.h"

namespace weft::test {
namespace {

constexpr float kE2M1[16] = {0.0f, 0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                             0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

// x = 2^(e - 127) · element
TEST(MXFP4, AllElementsAtScaleOne) {
  BlockBytes block;
  block.u8(127);
  for (int j = 0; j < 16; ++j) block.u8(j | (15 - j) << 4);
  std::vector<float> expected(kE2M1, kE2M1 + 16);
  for (int j = 0; j < 16; ++j) expected.push_back(kE2M1[15 - j]);
  EXPECT_EQ(block.decode(DType::kMXFP4), expected);
}

TEST(MXFP4, SmallestScalesAreSubnormal) {
  EXPECT_EQ(BlockBytes().u8(0).u8(0x11, 16).decode(DType::kMXFP4), repeated(0x1p-128f, 32));
  EXPECT_EQ(BlockBytes().u8(1).u8(0x11, 16).decode(DType::kMXFP4), repeated(0x1p-127f, 32));
  EXPECT_EQ(BlockBytes().u8(2).u8(0x99, 16).decode(DType::kMXFP4), repeated(-0x1p-126f, 32));
}

// Code 255 is no NaN here: 2^128, of which only the element 0.5 fits a float.
TEST(MXFP4, LargestScale) {
  const std::vector<float> values = BlockBytes().u8(255).u8(0x71, 16).decode(DType::kMXFP4);
  EXPECT_EQ(values[0], 0x1p127f);
  EXPECT_EQ(values[16], INFINITY);
  EXPECT_EQ(BlockBytes().u8(255).u8(0x08, 16).decode(DType::kMXFP4), repeated(0.0f, 32));
}

TEST(MXFP4, MinusZeroDecodesAsPlusZero) {
  for (const float value : BlockBytes().u8(127).u8(0x88, 16).decode(DType::kMXFP4))
    EXPECT_FALSE(std::signbit(value));
}

// Group g of 16: scale g, bytes 8g + j hold values 16g + j and 16g + 8 + j.
TEST(NVFP4, GroupsHaveTheirOwnScales) {
  BlockBytes block;
  block.list({0x38, 0x40, 0x30, 0x3c});  // 1, 2, 0.5, 1.5
  block.u8(0x71, 8).u8(0x71, 8).u8(0xf2, 8).u8(0x94, 8);
  const std::vector<float> values = block.decode(DType::kNVFP4);
  ASSERT_EQ(values.size(), 64u);
  EXPECT_EQ(values[0], 0.5f);
  EXPECT_EQ(values[15], 6.0f);
  EXPECT_EQ(values[16], 1.0f);
  EXPECT_EQ(values[31], 12.0f);
  EXPECT_EQ(values[32], 0.5f);
  EXPECT_EQ(values[40], -3.0f);
  EXPECT_EQ(values[48], 3.0f);
  EXPECT_EQ(values[63], -0.75f);
}

TEST(NVFP4, ExtremeScales) {
  EXPECT_EQ(BlockBytes().u8(0x7e, 4).u8(0x77, 32).decode(DType::kNVFP4), repeated(6 * 448.0f, 64));
  EXPECT_EQ(BlockBytes().u8(0x01, 4).u8(0x11, 32).decode(DType::kNVFP4), repeated(0x1p-10f, 64));
  EXPECT_EQ(BlockBytes().u8(0x07, 4).u8(0x22, 32).decode(DType::kNVFP4), repeated(7 * 0x1p-9f, 64));
  EXPECT_EQ(BlockBytes().u8(0x08, 4).u8(0x22, 32).decode(DType::kNVFP4), repeated(0x1p-6f, 64));
  EXPECT_EQ(BlockBytes().u8(0x7f, 4).u8(0x77, 32).decode(DType::kNVFP4), repeated(0.0f, 64));
}

TEST(Fp4Scales, Ue4m3CodesAscend) {
  for (int code = 1; code < 0x7f; ++code)
    EXPECT_GT(half_scale_from_ue4m3(static_cast<uint8_t>(code)),
              half_scale_from_ue4m3(static_cast<uint8_t>(code - 1)));
  EXPECT_EQ(half_scale_from_ue4m3(0x80), 0.0f);
  EXPECT_EQ(half_scale_from_ue4m3(0xff), 240.0f);
}

}  // namespace
}  // namespace weft::test
