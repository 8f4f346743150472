// Formats of one and two bits, and ternary ones.
#include "gguf/quantize/block_encoders.h"
#include "gguf/quantize/rounding.h"

namespace weft {

using rounding::extreme;
using rounding::half_scale;
using rounding::inverse;
using rounding::nearest;

namespace {

// x / d rounded to -1 .. top, plus one.
template <int kCount>
void round_from_minus_one(const float* x, float d, float top, uint8_t* q) {
  const float id = inverse(d);
  for (int i = 0; i < kCount; ++i) q[i] = static_cast<uint8_t>(nearest(x[i] * id, -1.0f, top) + 1);
}

// Digits 0..2, most significant first, to the byte that decode_trits reads them from: the number
// over 3^5, scaled to 256 and rounded up.
uint8_t pack_trits(const uint8_t* digits, int count, int stride) {
  int number = 0;
  for (int n = 0; n < 5; ++n) number = 3 * number + (n < count ? digits[n * stride] : 0);
  return static_cast<uint8_t>((number * 256 + 242) / 243);
}

void pack_q2_0(const float* x, float scale, BlockQ2_0& block) {
  uint8_t q[64];
  block.d = half_scale(scale);
  round_from_minus_one<64>(x, float_from_half(block.d), 2.0f, q);
  for (int j = 0; j < 16; ++j)
    block.qs[j] =
        static_cast<uint8_t>(q[4 * j] | q[4 * j + 1] << 2 | q[4 * j + 2] << 4 | q[4 * j + 3] << 6);
}

float squared_error(const float* x, const BlockQ2_0& block) {
  float y[64];
  decode_block(block, y);
  float sum = 0.0f;
  for (int i = 0; i < 64; ++i) sum += (x[i] - y[i]) * (x[i] - y[i]);
  return sum;
}

}  // namespace

// Of all scales, the mean magnitude has the smallest squared error.
void encode_block(const float* x, BlockQ1_0& block) {
  float sum = 0.0f;
  for (int i = 0; i < 128; ++i) sum += std::fabs(x[i]);
  block.d = half_scale(sum / 128.0f);
  for (int j = 0; j < 16; ++j) {
    int byte = 0;
    for (int bit = 0; bit < 8; ++bit) byte |= (x[8 * j + bit] >= 0.0f) << bit;
    block.qs[j] = static_cast<uint8_t>(byte);
  }
}

// The extreme value as level ±1 (ternary blocks come out exact) or as level 2: the better one.
void encode_block(const float* x, BlockQ2_0& block) {
  const float largest = extreme(x, 64);
  BlockQ2_0 with_two;
  pack_q2_0(x, std::fabs(largest), block);
  pack_q2_0(x, largest / 2.0f, with_two);
  if (squared_error(x, with_two) < squared_error(x, block)) block = with_two;
}

void encode_block(const float* x, BlockTQ1_0& block) {
  uint8_t q[kSuperBlock];
  block.d = half_scale(std::fabs(extreme(x, kSuperBlock)));
  round_from_minus_one<kSuperBlock>(x, float_from_half(block.d), 1.0f, q);
  for (int m = 0; m < 32; ++m) block.qs[m] = pack_trits(q + m, 5, 32);
  for (int m = 0; m < 16; ++m) block.qs[32 + m] = pack_trits(q + 160 + m, 5, 16);
  for (int m = 0; m < 4; ++m) block.qh[m] = pack_trits(q + 240 + m, 4, 4);
}

void encode_block(const float* x, BlockTQ2_0& block) {
  uint8_t q[kSuperBlock];
  block.d = half_scale(std::fabs(extreme(x, kSuperBlock)));
  round_from_minus_one<kSuperBlock>(x, float_from_half(block.d), 1.0f, q);
  for (int half = 0; half < 2; ++half) {
    const uint8_t* v = q + 128 * half;
    for (int l = 0; l < 32; ++l)
      block.qs[32 * half + l] =
          static_cast<uint8_t>(v[l] | v[l + 32] << 2 | v[l + 64] << 4 | v[l + 96] << 6);
  }
}

}  // namespace weft
