// Formats whose 16 levels are unevenly spaced: the table of IQ4 and the 4-bit float of MXFP4 and
// NVFP4.
#include <cmath>

#include "gguf/quantize/block_encoders.h"
#include "gguf/quantize/rounding.h"

namespace weft {

using rounding::extreme;
using rounding::half_scale;
using rounding::inverse;
using rounding::nearest;

namespace {

// Index of the level nearest to v (levels ascending): the number of midpoints below it.
int nearest_iq4(float v) {
  constexpr float kMidpoints[15] = {-115.5f, -93.5f, -74.0f, -57.0f, -42.0f, -28.5f, -16.0f, -4.5f,
                                    7.0f,    19.0f,  31.5f,  45.5f,  61.0f,  79.0f,  101.0f};
  int index = 0;
  for (const float midpoint : kMidpoints) index += v > midpoint;
  return index;
}

// 32 values at scale d into 16 bytes.
void pack_iq4(const float* x, float d, uint8_t* packed) {
  const float id = inverse(d);
  for (int j = 0; j < 16; ++j)
    packed[j] = static_cast<uint8_t>(nearest_iq4(x[j] * id) | nearest_iq4(x[j + 16] * id) << 4);
}

// The E2M1 code whose doubled level is nearest to v; never minus zero.
int nearest_fp4(float v) {
  constexpr float kMidpoints[7] = {0.5f, 1.5f, 2.5f, 3.5f, 5.0f, 7.0f, 10.0f};
  const float magnitude = std::fabs(v);
  int index = 0;
  for (const float midpoint : kMidpoints) index += magnitude > midpoint;
  return index | (v < 0.0f && index != 0 ? 8 : 0);
}

// `count` values at the halved scale d, the first half of them in low nibbles. Divides: the
// inverse of a subnormal scale would overflow.
void pack_fp4(const float* x, int count, float d, uint8_t* packed) {
  const int half = count / 2;
  for (int j = 0; j < half; ++j)
    packed[j] = static_cast<uint8_t>(nearest_fp4(x[j] / d) | nearest_fp4(x[j + half] / d) << 4);
}

float squared_error(const float* x, const float* y, int count) {
  float sum = 0.0f;
  for (int i = 0; i < count; ++i) sum += (x[i] - y[i]) * (x[i] - y[i]);
  return sum;
}

// The UE4M3 code nearest to a scale ≥ 0, at most 448 (0x7e).
uint8_t ue4m3_from_float(float scale) {
  if (scale >= 448.0f) return 0x7e;
  if (scale < 0x1p-6f) return static_cast<uint8_t>(nearest(scale * 512.0f, 0.0f, 8.0f));
  // Keep three bits of the mantissa, to nearest, ties to even; a carry moves the exponent along.
  const uint32_t bits = bits_from_float(scale);
  const uint32_t rounded = (bits + 0x7ffffu + ((bits >> 20) & 1)) >> 20;
  return static_cast<uint8_t>(rounded - (120u << 3));
}

}  // namespace

void encode_block(const float* x, BlockIQ4_NL& block) {
  block.d = half_scale(extreme(x, 32) / -127.0f);
  pack_iq4(x, float_from_half(block.d), block.qs);
}

void encode_block(const float* x, BlockIQ4_XS& block) {
  float wanted[8];
  for (int g = 0; g < 8; ++g) wanted[g] = extreme(x + 32 * g, 32) / -127.0f;
  block.d = half_scale(extreme(wanted, 8) / -32.0f);
  const float d = float_from_half(block.d);
  const float id = inverse(d);
  int high = 0;
  for (int g = 0; g < 4; ++g) block.scales_low[g] = 0;
  for (int g = 0; g < 8; ++g) {
    const int scale = nearest(wanted[g] * id, -32.0f, 31.0f);
    const int stored = scale + 32;
    block.scales_low[g / 2] =
        static_cast<uint8_t>(block.scales_low[g / 2] | (stored & 15) << (4 * (g % 2)));
    high |= (stored >> 4) << (2 * g);
    pack_iq4(x + 32 * g, d * static_cast<float>(scale), block.qs + 16 * g);
  }
  block.scales_high = static_cast<uint16_t>(high);
}

// The largest level is 6 and its neighbour 4. At the smaller power of two, values up to 8 scaled
// are cut down to 6; at the larger one nothing is cut but the step doubles. The one with the
// smaller squared error is taken.
void encode_block(const float* x, BlockMXFP4& block) {
  const float largest = std::fabs(extreme(x, 32));
  int exponent = -126;
  if (largest > 0.0f) exponent = std::ilogb(largest);
  const int code = exponent - 2 + 127 < 0 ? 0 : exponent - 2 + 127;
  block.e = static_cast<uint8_t>(code);
  pack_fp4(x, 32, half_scale_from_e8m0(block.e), block.qs);
  // A block near the largest float could be rounded up past it.
  const bool cut = largest > 12.0f * half_scale_from_e8m0(block.e);
  if (!cut || exponent == 127) return;

  BlockMXFP4 wider;
  wider.e = static_cast<uint8_t>(code + 1);
  pack_fp4(x, 32, half_scale_from_e8m0(wider.e), wider.qs);
  float narrow_values[32];
  float wide_values[32];
  decode_block(block, narrow_values);
  decode_block(wider, wide_values);
  if (squared_error(x, wide_values, 32) < squared_error(x, narrow_values, 32)) block = wider;
}

void encode_block(const float* x, BlockNVFP4& block) {
  for (int g = 0; g < 4; ++g) {
    const float* values = x + 16 * g;
    uint8_t* packed = block.qs + 8 * g;
    block.scales[g] = ue4m3_from_float(std::fabs(extreme(values, 16)) / 6.0f);
    if (block.scales[g] == 0) {
      for (int j = 0; j < 8; ++j) packed[j] = 0;
    } else {
      pack_fp4(values, 16, half_scale_from_ue4m3(block.scales[g]), packed);
    }
  }
}

}  // namespace weft
