// Hand-derived blocks of the lattice formats. Point 0 of a lattice is its smallest coordinate
// everywhere (8, 4, 1 or -1); point 1 differs from it in the first coordinate only.
#include <bit>

#include <gtest/gtest.h>

#include "core/quant/iq1_grid.h"
#include "core/quant/iq2_grids.h"
#include "core/quant/iq3_grids.h"
#include "tests/quant/block_bytes.h"

namespace weft::test {
namespace {

TEST(Lattice, SevenSignsImplyAnEvenNumber) {
  for (uint32_t low = 0; low < 128; ++low) {
    EXPECT_EQ(even_signs(low) & 127, low);
    EXPECT_EQ(std::popcount(even_signs(low)) % 2, 0);
    EXPECT_EQ(even_signs(low | 128), even_signs(low)) << "higher bits belong to others";
  }
}

TEST(Lattice, PointsAreDistinctAndAscend) {
  for (int i = 1; i < 256; ++i) EXPECT_LT(iq2_xxs_grid()[i - 1], iq2_xxs_grid()[i]);
  for (int i = 1; i < 512; ++i) EXPECT_LT(iq2_xs_grid()[i - 1], iq2_xs_grid()[i]);
  for (int i = 1; i < 1024; ++i) EXPECT_LT(iq2_s_grid()[i - 1], iq2_s_grid()[i]);
  for (int i = 1; i < 256; ++i) EXPECT_LT(iq3_xxs_grid()[i - 1], iq3_xxs_grid()[i]);
  for (int i = 1; i < 512; ++i) EXPECT_LT(iq3_s_grid()[i - 1], iq3_s_grid()[i]);
}

// x = d·(0.5 + scale)·0.25·±point
TEST(IQ2_XXS, PointSignsAndScale) {
  BlockBytes block;
  block.u16(kHalfFour);
  block.u8(0, 8);                                       // group 0: scale 0.5: all 0.5·8
  block.list({0, 1, 0, 0}).u32(0xf0000000u | 3u << 7);  // group 1: point 1 second, scale 15.5
  block.u8(0, 48);
  std::vector<float> expected = repeated(4.0f, 256);
  for (int i = 32; i < 64; ++i) expected[i] = 15.5f * 8;
  expected[40] = 15.5f * -43;  // signs 3: the first two; even already
  expected[41] = 15.5f * -8;
  EXPECT_EQ(block.decode(DType::kIQ2_XXS), expected);
}

TEST(IQ2_XXS, LastPointAndImpliedSign) {
  BlockBytes block;
  block.u16(kHalfMax).u8(0, 56);
  block.list({0, 0, 0, 255})
      .u32(1u << 21);  // sign of the first value of point 3, hence of the last
  const std::vector<float> values = block.decode(DType::kIQ2_XXS);
  ASSERT_EQ(values.size(), 256u);
  const float unit = 65504.0f * 0.125f;
  const std::vector<float> tail(values.end() - 8, values.end());
  EXPECT_EQ(tail, (std::vector<float>{-8 * unit, 25 * unit, 8 * unit, 8 * unit, 25 * unit,
                                      43 * unit, 43 * unit, -43 * unit}));
}

TEST(IQ2_XS, PointSignsAndScales) {
  BlockBytes block;
  block.u16(kHalfFour);
  block.u16(1 | 1 << 9).u8(0, 60).u16(511);  // point 1 with signs 0 and 7; last point
  block.u8(0x10).u8(0, 6).u8(0xf0);          // second half of group 0: 1.5; of group 7: 15.5
  std::vector<float> expected = repeated(4.0f, 256);
  expected[0] = -21.5f;
  expected[7] = -4.0f;
  for (int i = 16; i < 32; ++i) expected[i] = 12.0f;
  for (int i = 240; i < 248; ++i) expected[i] = 15.5f * 8;
  for (int i = 248; i < 256; ++i) expected[i] = 15.5f * 43;
  EXPECT_EQ(block.decode(DType::kIQ2_XS), expected);
}

TEST(IQ2_S, HighBitsAndWholeSigns) {
  BlockBytes block;
  block.u16(kHalfFour);
  block.u8(0, 31).u8(0xff);  // the last point: low bits
  block.u8(0x80).u8(0, 31);  // signs are stored whole: value 7 alone
  block.u8(0, 7).u8(0xc0);   // top bits of point 3 of group 7: 1023
  block.u8(0, 7).u8(0xf0);   // scale 15.5 for its second half
  std::vector<float> expected = repeated(4.0f, 256);
  expected[7] = -4.0f;
  for (int i = 240; i < 248; ++i) expected[i] = 15.5f * 8;
  for (int i = 248; i < 256; ++i) expected[i] = 15.5f * 43;
  EXPECT_EQ(block.decode(DType::kIQ2_S), expected);
}

// x = d·(0.5 + scale)·0.5·±point
TEST(IQ3_XXS, TwoPointsShareAByteOfSigns) {
  BlockBytes block;
  block.u16(kHalfFour);
  block.u8(0, 63).u8(255);                            // the last point: 4, 28, 52, 62
  block.u8(0, 28).u32(0xf0000000u | 0x10u << 21);     // group 7, pair 3: sign of value 4, hence 7
  std::vector<float> expected = repeated(4.0f, 256);  // 4·0.5·0.5·4
  for (int i = 224; i < 252; ++i) expected[i] = 31 * 4.0f;
  expected[252] = 31 * -4.0f;
  expected[253] = 31 * 28.0f;
  expected[254] = 31 * 52.0f;
  expected[255] = 31 * -62.0f;
  EXPECT_EQ(block.decode(DType::kIQ3_XXS), expected);
}

// x = d·(1 + 2·scale)·±point
TEST(IQ3_S, NinthBitAndSigns) {
  BlockBytes block;
  block.u16(kHalfTwo);
  block.u8(0, 63).u8(0xff);  // points
  block.u8(0, 7).u8(0x80);   // ninth bit of point 63: 511 = 1, 1, 15, 15
  block.u8(0, 31).u8(0x40);  // sign of value 254
  block.u8(0, 3).u8(0xf0);   // scale of group 7: 31
  std::vector<float> expected = repeated(2.0f, 256);
  for (int i = 224; i < 254; ++i) expected[i] = 62.0f;
  expected[254] = -62.0f * 15;
  expected[255] = 62.0f * 15;
  EXPECT_EQ(block.decode(DType::kIQ3_S), expected);
}

// x = d·(2·scale + 1)·(point ± 0.125)
TEST(IQ1_S, ScaleShiftAndHighBits) {
  BlockBytes block;
  block.u16(kHalfTwo);
  block.u8(0, 31).u8(0xff);              // the last point, with its top bits: 2047, all ones
  block.u8(0, 14).u16(0xf000 | 7 << 9);  // group 7: negative shift, scale 7, top bits of point 3
  std::vector<float> expected = repeated(2 * -0.875f, 256);
  for (int i = 224; i < 248; ++i) expected[i] = 30.0f * -1.125f;
  for (int i = 248; i < 256; ++i) expected[i] = 30.0f * 0.875f;
  EXPECT_EQ(block.decode(DType::kIQ1_S), expected);
}

TEST(IQ1_M, ScatteredHalfAndScalesOfSixteen) {
  BlockBytes block;
  block.u8(0, 31).u8(0xff);
  block.u8(0, 15).u8(0xf0);  // last point: 2047 and a negative shift
  // The half 0x4000 (2.0) from its nibbles 0, 0, 0, 4; scale of the last 16 values: 7.
  block.u16(0).u16(0).u16(0).u16(0x4000 | 7 << 9);
  std::vector<float> expected = repeated(2 * -0.875f, 256);
  for (int i = 240; i < 248; ++i) expected[i] = 30.0f * -0.875f;
  for (int i = 248; i < 256; ++i) expected[i] = 30.0f * 0.875f;
  EXPECT_EQ(block.decode(DType::kIQ1_M), expected);
}

TEST(IQ1_M, HalfNibblesAreLowestFirst) {
  BlockBytes block;
  block.u8(0, 48);
  block.u16(0xf000).u16(0xf000).u16(0xb000).u16(0x7000);  // 0x7bff
  EXPECT_EQ(block.decode(DType::kIQ1_M), repeated(65504.0f * -0.875f, 256));
}

}  // namespace
}  // namespace weft::test
