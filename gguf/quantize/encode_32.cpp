// Formats of 32 values with one scale. Where levels are signed, the value of largest magnitude
// gets the level that has no counterpart (-8 of -8..7), which makes the step a little finer.
#include "gguf/quantize/block_encoders.h"
#include "gguf/quantize/rounding.h"

namespace weft {

using rounding::extreme;
using rounding::half_scale;
using rounding::inverse;
using rounding::nearest;

namespace {

constexpr int kCount = 32;

// q + offset with q = x / d rounded to -offset .. offset - 1.
void round_signed(const float* x, float d, int offset, uint8_t* q) {
  const float id = inverse(d);
  const auto limit = static_cast<float>(offset);
  for (int i = 0; i < kCount; ++i)
    q[i] = static_cast<uint8_t>(nearest(x[i] * id, -limit, limit - 1) + offset);
}

// (x - m) / d rounded to 0 .. levels - 1.
void round_above(const float* x, float d, float m, int levels, uint8_t* q) {
  const float id = inverse(d);
  const auto top = static_cast<float>(levels - 1);
  for (int i = 0; i < kCount; ++i) q[i] = static_cast<uint8_t>(nearest((x[i] - m) * id, 0.0f, top));
}

void pack_nibbles(const uint8_t* q, uint8_t* packed) {
  for (int j = 0; j < 16; ++j)
    packed[j] = static_cast<uint8_t>((q[j] & 15) | (q[j + 16] & 15) << 4);
}

uint32_t fifth_bits(const uint8_t* q) {
  uint32_t bits = 0;
  for (int i = 0; i < kCount; ++i) bits |= static_cast<uint32_t>(q[i] >> 4) << i;
  return bits;
}

// Signed bytes with d = largest magnitude / 127; returns d as a float.
float round_to_bytes(const float* x, uint16_t* stored_d, int8_t* q) {
  *stored_d = half_scale(std::fabs(extreme(x, kCount)) / 127.0f);
  const float d = float_from_half(*stored_d);
  const float id = inverse(d);
  for (int i = 0; i < kCount; ++i) q[i] = static_cast<int8_t>(nearest(x[i] * id, -127.0f, 127.0f));
  return d;
}

}  // namespace

void encode_block(const float* x, BlockQ4_0& block) {
  uint8_t q[kCount];
  block.d = half_scale(extreme(x, kCount) / -8.0f);
  round_signed(x, float_from_half(block.d), 8, q);
  pack_nibbles(q, block.qs);
}

void encode_block(const float* x, BlockQ5_0& block) {
  uint8_t q[kCount];
  block.d = half_scale(extreme(x, kCount) / -16.0f);
  round_signed(x, float_from_half(block.d), 16, q);
  block.qh = fifth_bits(q);
  pack_nibbles(q, block.qs);
}

void encode_block(const float* x, BlockQ4_1& block) {
  uint8_t q[kCount];
  const rounding::Range span = rounding::range(x, kCount);
  block.m = half_scale(span.min);
  block.d = half_scale((span.max - span.min) / 15.0f);
  round_above(x, float_from_half(block.d), float_from_half(block.m), 16, q);
  pack_nibbles(q, block.qs);
}

void encode_block(const float* x, BlockQ5_1& block) {
  uint8_t q[kCount];
  const rounding::Range span = rounding::range(x, kCount);
  block.m = half_scale(span.min);
  block.d = half_scale((span.max - span.min) / 31.0f);
  round_above(x, float_from_half(block.d), float_from_half(block.m), 32, q);
  block.qh = fifth_bits(q);
  pack_nibbles(q, block.qs);
}

void encode_block(const float* x, BlockQ8_0& block) {
  uint16_t d;
  round_to_bytes(x, &d, block.qs);
  block.d = d;
}

void encode_block(const float* x, BlockQ8_1& block) {
  uint16_t stored;
  const float d = round_to_bytes(x, &stored, block.qs);
  int sum = 0;
  for (int i = 0; i < kCount; ++i) sum += block.qs[i];
  block.d = stored;
  block.s = half_scale(d * static_cast<float>(sum));
}

}  // namespace weft
