// Hand-derived blocks of the K formats, and their packed scales.
#include <gtest/gtest.h>

#include "core/quant/k_scales.h"
#include "tests/quant/block_bytes.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

// x = (d·scale)·q - (dmin·min), groups of 16; scales byte: scale low, min high nibble.
TEST(Q2_K, ScalesAndLayout) {
  BlockBytes block;
  block.list({0x21, 0, 0x0f, 0, 0x00, 0, 0xff}).u8(0, 8).u8(0x01);  // groups 0, 2, 4, 6 and 15
  block.u8(0xe4).u8(0, 62).u8(0xc0);  // byte 0 = 11 10 01 00: values 0, 32, 64, 96; byte 63: 255
  block.u16(kHalfOne).u16(kHalfTwo);
  std::vector<float> expected = repeated(0.0f, 256);
  for (int i = 0; i < 16; ++i) expected[i] = -4.0f;     // 1·0 - 2·2
  expected[32] = 15.0f;                                 // 15·1
  for (int i = 96; i < 112; ++i) expected[i] = -30.0f;  // 15·0 - 2·15
  expected[96] = 15.0f * 3 - 30.0f;
  expected[255] = 3.0f;
  EXPECT_EQ(block.decode(DType::kQ2_K), expected);
}

TEST(Q2_K, AllBitsSet) {
  EXPECT_EQ(BlockBytes().u8(0xff, 80).u16(kHalfMax).u16(kHalfMax).decode(DType::kQ2_K),
            repeated(65504.0f * 45 - 65504.0f * 15, 256));
  EXPECT_EQ(BlockBytes().u8(0xff, 80).u16(kHalfSmallest).u16(kHalfZero).decode(DType::kQ2_K),
            repeated(45 * 0x1p-24f, 256));
  EXPECT_EQ(BlockBytes().u8(0xff, 80).u16(kHalfZero).u16(kHalfMinusOne).decode(DType::kQ2_K),
            repeated(15.0f, 256));
}

// x = d·(scale - 32)·(q - 4): with all bits clear (-32)·(-4).
TEST(Q3_K, AllBitsClearAndAllBitsSet) {
  EXPECT_EQ(BlockBytes().u8(0, 108).u16(kHalfOne).decode(DType::kQ3_K), repeated(128.0f, 256));
  EXPECT_EQ(BlockBytes().u8(0xff, 108).u16(kHalfMax).decode(DType::kQ3_K),
            repeated(65504.0f * 31 * 3, 256));
}

TEST(Q3_K, HighBitAndScaleOfOneGroup) {
  // Value 200 = 128 + 64 + 8: group 12, byte 40 of qs, shift 4; high bit 6 of hmask[8].
  BlockBytes block;
  block.u8(0, 8).u8(0x40).u8(0, 23);   // hmask
  block.u8(0, 40).u8(0x30).u8(0, 23);  // qs: low bits 3
  block.u8(0, 4).u8(0x50).u8(0, 3);    // scale 12 has its low bits in the high nibble of 4
  block.u8(0xc0).u8(0, 3);             // and its top bits in bits 6..7 of byte 8: 5 | 3<<4
  block.u16(kHalfOne);
  const std::vector<float> values = block.decode(DType::kQ3_K);
  EXPECT_EQ(values[200], (53 - 32) * 3.0f);   // q = 7
  EXPECT_EQ(values[201], (53 - 32) * -4.0f);  // q = 0
  EXPECT_EQ(values[199], (53 - 32) * -4.0f);
  EXPECT_EQ(values[72], 128.0f);  // same byte of hmask, other group: untouched
}

// x = (d·scale)·q - (dmin·min), groups of 32 with six-bit scales.
TEST(Q4_K, GroupFive) {
  // Scale 5: low bits 3 in byte 9, top bits 3 in byte 1: 51. Minimum: low 5, top 1 in byte 5: 21.
  BlockBytes block;
  block.u16(kHalfOne).u16(kHalfTwo);
  block.list({0, 0xc0, 0, 0, 0, 0x40, 0, 0, 0, 0x53, 0, 0});
  block.u8(0, 64).u8(0xf0).u8(0, 63);  // group 5 is the high nibbles of bytes 64..95
  std::vector<float> expected = repeated(0.0f, 256);
  for (int i = 160; i < 192; ++i) expected[i] = -42.0f;
  expected[160] = 51.0f * 15 - 42.0f;
  EXPECT_EQ(block.decode(DType::kQ4_K), expected);
}

TEST(Q4_K, GroupOfTheFirstFour) {
  BlockBytes block;
  block.u16(kHalfTwo).u16(kHalfMinusOne);
  block.list({0, 0, 0x3f, 0, 0, 0, 0x01, 0, 0, 0, 0, 0});  // group 2: scale 63, min 1
  block.u8(0, 32).u8(0x0f).u8(0, 95);
  std::vector<float> expected = repeated(0.0f, 256);
  for (int i = 64; i < 96; ++i) expected[i] = 1.0f;  // a negative dmin lifts
  expected[64] = 2.0f * 63 * 15 + 1.0f;
  EXPECT_EQ(block.decode(DType::kQ4_K), expected);
}

TEST(Q4_K, AllBitsSet) {
  EXPECT_EQ(BlockBytes().u16(kHalfMax).u16(kHalfMax).u8(0xff, 140).decode(DType::kQ4_K),
            repeated(65504.0f * 63 * 15 - 65504.0f * 63, 256));
  EXPECT_EQ(BlockBytes().u16(kHalfSmallest).u16(kHalfZero).u8(0xff, 140).decode(DType::kQ4_K),
            repeated(945 * 0x1p-24f, 256));
}

TEST(Q5_K, FifthBitIsBitOfTheGroup) {
  BlockBytes block;
  block.u16(kHalfOne).u16(kHalfOne);
  block.list({0, 0, 0, 0x02, 0, 0, 0, 0x03, 0, 0, 0, 0x11});  // group 3: 2, 3; group 7: 1, 1
  block.u8(0x88).u8(0, 31);                                   // qh[0]: groups 3 and 7
  block.u8(0, 32).u8(0x10).u8(0, 95);                         // group 3 value 0: low bits 1
  std::vector<float> expected = repeated(0.0f, 256);
  for (int i = 96; i < 128; ++i) expected[i] = -3.0f;
  expected[96] = 2 * 17.0f - 3.0f;
  for (int i = 224; i < 256; ++i) expected[i] = -1.0f;
  expected[224] = 16.0f - 1.0f;
  EXPECT_EQ(block.decode(DType::kQ5_K), expected);
}

TEST(Q5_K, AllBitsSet) {
  EXPECT_EQ(BlockBytes().u16(kHalfOne).u16(kHalfZero).u8(0xff, 172).decode(DType::kQ5_K),
            repeated(63.0f * 31, 256));
}

// x = d·scale·(q - 32), groups of 16.
TEST(Q6_K, Layout) {
  BlockBytes block;
  block.u8(0, 64).u8(0xa5).u8(0, 63);  // ql[64]: value 128 low 5, value 192 low 10
  block.u8(0, 32).u8(0xe4).u8(0, 31);  // qh[32]: values 128, 160, 192, 224 top 0, 1, 2, 3
  block.u8(0, 8).list({1, 0, 2, 0, 0xff, 0, 0x80, 0});  // groups 8, 10, 12 (-1), 14 (-128)
  block.u16(kHalfTwo);
  const std::vector<float> values = block.decode(DType::kQ6_K);
  ASSERT_EQ(values.size(), 256u);
  EXPECT_EQ(values[0], 0.0f);
  EXPECT_EQ(values[128], 2.0f * (5 - 32));
  EXPECT_EQ(values[129], 2.0f * (0 - 32));
  EXPECT_EQ(values[160], 4.0f * (16 - 32));
  EXPECT_EQ(values[192], -2.0f * (42 - 32));
  EXPECT_EQ(values[224], -256.0f * (48 - 32));
  EXPECT_EQ(values[239], -256.0f * (0 - 32));
  EXPECT_EQ(values[240], 0.0f);
}

// (65504·127)·31 does not fit 24 bits: the product of the scales is rounded before the value.
TEST(Q6_K, ScaleProductIsRoundedFirst) {
  const std::vector<float> values =
      BlockBytes().u8(0xff, 192).u8(127, 16).u16(kHalfMax).decode(DType::kQ6_K);
  const float scale = 65504.0f * 127.0f;
  EXPECT_EQ(values, repeated(scale * 31.0f, 256));
}

TEST(Q8_K, FloatScaleAndIgnoredSums) {
  EXPECT_EQ(BlockBytes().f32(0.1f).u8(0x81, 256).u8(0x55, 32).decode(DType::kQ8_K),
            repeated(0.1f * -127.0f, 256));
}

// x = d·(scale - 32)·table[q], groups of 32.
TEST(IQ4_XS, ScaleOfOneGroup) {
  BlockBytes block;
  block.u16(kHalfOne).u16(0x0c00);     // group 5: top bits 3 at bit 10
  block.list({0, 0, 0x70, 0});         // low bits 7: 7 | 48 = 55
  block.u8(0, 80).u8(0x8f).u8(0, 47);  // group 5 starts at byte 80
  const std::vector<float> values = block.decode(DType::kIQ4_XS);
  ASSERT_EQ(values.size(), 256u);
  EXPECT_EQ(values[160], 23.0f * 113);
  EXPECT_EQ(values[176], 23.0f * 1);
  EXPECT_EQ(values[161], 23.0f * -127);
  EXPECT_EQ(values[0], -32.0f * -127);
}

TEST(KScales, PackingIsUndoneByUnpacking) {
  Random random(1);
  for (int round = 0; round < 1000; ++round) {
    ScaleMin groups[8];
    for (ScaleMin& group : groups)
      group = {static_cast<uint8_t>(random.below(64)), static_cast<uint8_t>(random.below(64))};
    uint8_t packed[12];
    pack_scale_min(groups, packed);
    for (int g = 0; g < 8; ++g) {
      EXPECT_EQ(unpack_scale_min(packed, g).scale, groups[g].scale);
      EXPECT_EQ(unpack_scale_min(packed, g).min, groups[g].min);
    }

    int8_t scales[16];
    for (int8_t& scale : scales) scale = static_cast<int8_t>(random.below(64) - 32);
    pack_q3_k_scales(scales, packed);
    for (int g = 0; g < 16; ++g) EXPECT_EQ(unpack_q3_k_scale(packed, g), scales[g]);
  }
}

}  // namespace
}  // namespace weft::test
