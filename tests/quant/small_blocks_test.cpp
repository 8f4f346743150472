// Hand-derived blocks of the one- and two-bit and the ternary formats.
#include <gtest/gtest.h>

#include "tests/quant/block_bytes.h"

namespace weft::test {
namespace {

// x = bit ? d : -d, lowest bit first.
TEST(Q1_0, BitsAreSigns) {
  std::vector<float> expected = repeated(-2.0f, 128);
  expected[0] = 2.0f;
  expected[10] = 2.0f;
  expected[127] = 2.0f;
  EXPECT_EQ(BlockBytes().u16(kHalfTwo).u8(0x01).u8(0x04).u8(0, 13).u8(0x80).decode(DType::kQ1_0),
            expected);
}

// x = d·(q - 1), four values a byte, lowest bits first.
TEST(Q2_0, FourLevels) {
  std::vector<float> expected = repeated(-2.0f, 64);
  expected[4] = -2.0f;  // byte 1 = 11 10 01 00
  expected[5] = 0.0f;
  expected[6] = 2.0f;
  expected[7] = 4.0f;
  EXPECT_EQ(BlockBytes().u16(kHalfTwo).u8(0).u8(0xe4).u8(0, 14).decode(DType::kQ2_0), expected);
}

// x = d·(q - 1); value i in byte 32·(i / 128) + i % 32 at bits 2·((i / 32) % 4).
TEST(TQ2_0, BytesHoldValues32Apart) {
  std::vector<float> expected = repeated(-1.0f, 256);
  expected[33] = 0.0f;  // byte 1 = 11 10 01 00
  expected[65] = 1.0f;
  expected[97] = 2.0f;
  expected[255] = 1.0f;  // byte 63 = 10 00 00 00
  EXPECT_EQ(BlockBytes().u8(0).u8(0xe4).u8(0, 61).u8(0x80).u16(kHalfOne).decode(DType::kTQ2_0),
            expected);
}

// A byte is ⌈256·n/243⌉ for the base-three number n = t0 t1 t2 t3 t4.
TEST(TQ1_0, EveryNumberOfFiveDigitsComesBack) {
  for (int number = 0; number < 243; ++number) {
    const int byte = (number * 256 + 242) / 243;
    const std::vector<float> values = BlockBytes().u8(byte, 52).u16(kHalfTwo).decode(DType::kTQ1_0);
    int rest = number;
    for (int digit = 4; digit >= 0; --digit, rest /= 3) {
      const float expected = 2.0f * static_cast<float>(rest % 3 - 1);
      EXPECT_EQ(values[digit * 32 + 7], expected) << number << " digit " << digit;
      EXPECT_EQ(values[160 + digit * 16 + 5], expected) << number << " digit " << digit;
      if (digit < 4) {
        EXPECT_EQ(values[240 + digit * 4 + 3], expected) << number;
      }
    }
  }
}

// Byte 1 holds values 1, 33, 65, 97, 129; byte 32 values 160, 176, ...; byte 48 values 240, 244,
// ...
TEST(TQ1_0, Layout) {
  // 0xff has the digits 2 2 2 2 2, 0x80 has 1 1 1 1 1, 0x00 has 0 0 0 0 0.
  std::vector<float> expected = repeated(-1.0f, 256);
  for (int n = 0; n < 5; ++n) expected[32 * n + 1] = 1.0f;
  for (int n = 0; n < 5; ++n) expected[160 + 16 * n] = 0.0f;
  for (int n = 0; n < 4; ++n) expected[240 + 4 * n] = 1.0f;
  BlockBytes block;
  block.u8(0).u8(0xff).u8(0, 30).u8(0x80).u8(0, 15).u8(0xff).u8(0, 3).u16(kHalfOne);
  EXPECT_EQ(block.decode(DType::kTQ1_0), expected);
}

}  // namespace
}  // namespace weft::test
