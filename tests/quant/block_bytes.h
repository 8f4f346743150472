// Blocks written out byte by byte, and their values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "core/dtype.h"

namespace weft::test {

// Halves that the tests speak of.
inline constexpr uint16_t kHalfZero = 0x0000;
inline constexpr uint16_t kHalfOne = 0x3c00;
inline constexpr uint16_t kHalfTwo = 0x4000;
inline constexpr uint16_t kHalfFour = 0x4400;
inline constexpr uint16_t kHalfMinusOne = 0xbc00;
inline constexpr uint16_t kHalfMax = 0x7bff;       // 65504
inline constexpr uint16_t kHalfSmallest = 0x0001;  // 2^-24, subnormal

class BlockBytes {
 public:
  // Each appends, little-endian, and returns *this.
  BlockBytes& u8(int value, int times = 1);
  BlockBytes& list(std::initializer_list<int> bytes);
  BlockBytes& u16(uint32_t value);
  BlockBytes& u32(uint32_t value);
  BlockBytes& f32(float value);

  // The values, if the bytes are whole blocks of this type; none if they are not.
  std::vector<float> decode(DType type) const;

 private:
  std::vector<std::byte> bytes_;
};

// `count` times the same value.
std::vector<float> repeated(float value, int count);

}  // namespace weft::test
