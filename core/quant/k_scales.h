// The 12-byte scale fields of Q4_K and Q5_K (eight 6-bit scales and eight 6-bit minima) and of
// Q3_K (sixteen 6-bit scales).
#pragma once

#include <cstdint>

#include "core/half.h"

namespace weft {

struct ScaleMin {
  uint8_t scale;  // 0..63
  uint8_t min;    // 0..63
};

// Scale and minimum of group 0..7 of a Q4_K or Q5_K block.
//   bytes 0..3   scale of group i in bits 0..5, the top two bits of scale i + 4 in bits 6..7
//   bytes 4..7   the same for the minima
//   bytes 8..11  low nibbles: scale i + 4, high nibbles: minimum i + 4 (their low four bits)
WEFT_HD ScaleMin unpack_scale_min(const uint8_t* packed, int group) {
  if (group < 4)
    return {static_cast<uint8_t>(packed[group] & 63), static_cast<uint8_t>(packed[group + 4] & 63)};
  const int low = packed[group + 4];
  return {static_cast<uint8_t>((low & 15) | (packed[group - 4] >> 6) << 4),
          static_cast<uint8_t>((low >> 4) | (packed[group] >> 6) << 4)};
}

// The inverse: eight scales and minima of 6 bits each into 12 bytes.
WEFT_HD void pack_scale_min(const ScaleMin* groups, uint8_t* packed) {
  for (int i = 0; i < 4; ++i) {
    const ScaleMin& low = groups[i];
    const ScaleMin& high = groups[i + 4];
    packed[i] = static_cast<uint8_t>(low.scale | (high.scale >> 4) << 6);
    packed[i + 4] = static_cast<uint8_t>(low.min | (high.min >> 4) << 6);
    packed[i + 8] = static_cast<uint8_t>((high.scale & 15) | (high.min & 15) << 4);
  }
}

// Scale of group 0..15 of a Q3_K block, -32..31.
//   bytes 0..7   low four bits: of scale i in the low, of scale i + 8 in the high nibble
//   bytes 8..11  top two bits: byte 8 + i % 4, bits 2·(i / 4) and up
WEFT_HD int unpack_q3_k_scale(const uint8_t* packed, int group) {
  const int low = group < 8 ? packed[group] & 15 : packed[group - 8] >> 4;
  const int high = (packed[8 + group % 4] >> (2 * (group / 4))) & 3;
  return (low | high << 4) - 32;
}

// The inverse: sixteen scales of -32..31 into 12 bytes.
WEFT_HD void pack_q3_k_scales(const int8_t* scales, uint8_t* packed) {
  for (int i = 0; i < 12; ++i) packed[i] = 0;
  for (int i = 0; i < 16; ++i) {
    const int value = scales[i] + 32;
    packed[i % 8] = static_cast<uint8_t>(packed[i % 8] | (value & 15) << (i < 8 ? 0 : 4));
    packed[8 + i % 4] = static_cast<uint8_t>(packed[8 + i % 4] | (value >> 4) << (2 * (i / 4)));
  }
}

}  // namespace weft
