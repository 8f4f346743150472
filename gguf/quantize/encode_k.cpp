// K formats: each group gets a scale (and a minimum) from its extremes; these become small
// integers times the block's half scale; then the values are rounded against the scales as the
// decoder will see them.
#include "core/quant/k_scales.h"
#include "gguf/quantize/block_encoders.h"
#include "gguf/quantize/rounding.h"

namespace weft {

using rounding::extreme;
using rounding::half_scale;
using rounding::inverse;
using rounding::nearest;

namespace {

// x = scale · q - min with q in 0 .. levels - 1; kScaleMax is the largest integer scale.
template <int kGroups, int kLevels, int kScaleMax>
struct AffineGroups {
  static constexpr int kSize = kSuperBlock / kGroups;

  uint16_t d;
  uint16_t dmin;
  ScaleMin groups[kGroups];
  uint8_t q[kSuperBlock];

  explicit AffineGroups(const float* x) {
    fit_scales(x);
    const float d_value = float_from_half(d);
    const float dmin_value = float_from_half(dmin);
    for (int g = 0; g < kGroups; ++g) {
      const float min = dmin_value * static_cast<float>(groups[g].min);
      const float id = inverse(d_value * static_cast<float>(groups[g].scale));
      for (int l = g * kSize; l < (g + 1) * kSize; ++l)
        q[l] = static_cast<uint8_t>(nearest((x[l] + min) * id, 0.0f, kLevels - 1));
    }
  }

 private:
  void fit_scales(const float* x) {
    float scales[kGroups];
    float mins[kGroups];
    for (int g = 0; g < kGroups; ++g) {
      const rounding::Range span = rounding::range(x + g * kSize, kSize);
      // The minimum is subtracted and stored without a sign: it cannot lie above zero.
      const float lowest = span.min < 0.0f ? span.min : 0.0f;
      const float highest = span.max > 0.0f ? span.max : 0.0f;
      scales[g] = (highest - lowest) / (kLevels - 1);
      mins[g] = -lowest;
    }
    d = half_scale(extreme(scales, kGroups) / kScaleMax);
    dmin = half_scale(extreme(mins, kGroups) / kScaleMax);
    const float id = inverse(float_from_half(d));
    const float idmin = inverse(float_from_half(dmin));
    for (int g = 0; g < kGroups; ++g) {
      groups[g].scale = static_cast<uint8_t>(nearest(scales[g] * id, 0.0f, kScaleMax));
      groups[g].min = static_cast<uint8_t>(nearest(mins[g] * idmin, 0.0f, kScaleMax));
    }
  }
};

// x = scale · (q - kOffset) with q in 0 .. 2·kOffset - 1, 16 groups of 16 and signed scales of
// -kScaleOffset .. kScaleOffset - 1.
template <int kOffset, int kScaleOffset>
struct SignedGroups {
  uint16_t d;
  int8_t scales[16];
  uint8_t q[kSuperBlock];

  explicit SignedGroups(const float* x) {
    float wanted[16];
    for (int g = 0; g < 16; ++g) wanted[g] = extreme(x + 16 * g, 16) / -kOffset;
    d = half_scale(extreme(wanted, 16) / -kScaleOffset);
    const float d_value = float_from_half(d);
    const float inverse_d = inverse(d_value);
    for (int g = 0; g < 16; ++g) {
      scales[g] =
          static_cast<int8_t>(nearest(wanted[g] * inverse_d, -kScaleOffset, kScaleOffset - 1));
      const float id = inverse(d_value * static_cast<float>(scales[g]));
      for (int l = 16 * g; l < 16 * (g + 1); ++l)
        q[l] = static_cast<uint8_t>(nearest(x[l] * id, -kOffset, kOffset - 1) + kOffset);
    }
  }
};

// Two bits a value: value i in byte 32·(i / 128) + i % 32, bits 2·((i / 32) % 4) and up.
void pack_pairs_of_bits(const uint8_t* q, uint8_t* packed) {
  for (int half = 0; half < 2; ++half) {
    const uint8_t* v = q + 128 * half;
    for (int l = 0; l < 32; ++l)
      packed[32 * half + l] = static_cast<uint8_t>((v[l] & 3) | (v[l + 32] & 3) << 2 |
                                                   (v[l + 64] & 3) << 4 | (v[l + 96] & 3) << 6);
  }
}

// Bit `bit` of value i to bit i / 32 of byte i % 32.
void pack_bit(const uint8_t* q, int bit, uint8_t* packed) {
  for (int l = 0; l < 32; ++l) {
    int byte = 0;
    for (int g = 0; g < 8; ++g) byte |= ((q[32 * g + l] >> bit) & 1) << g;
    packed[l] = static_cast<uint8_t>(byte);
  }
}

// Low nibbles: groups 2p and 2p + 1 of 32 share 32 bytes.
void pack_nibble_groups(const uint8_t* q, uint8_t* packed) {
  for (int p = 0; p < 4; ++p)
    for (int l = 0; l < 32; ++l)
      packed[32 * p + l] =
          static_cast<uint8_t>((q[64 * p + l] & 15) | (q[64 * p + 32 + l] & 15) << 4);
}

}  // namespace

void encode_block(const float* x, BlockQ2_K& block) {
  const AffineGroups<16, 4, 15> fit(x);
  block.d = fit.d;
  block.dmin = fit.dmin;
  for (int g = 0; g < 16; ++g)
    block.scales[g] = static_cast<uint8_t>(fit.groups[g].scale | fit.groups[g].min << 4);
  pack_pairs_of_bits(fit.q, block.qs);
}

void encode_block(const float* x, BlockQ3_K& block) {
  const SignedGroups<4, 32> fit(x);
  block.d = fit.d;
  pack_q3_k_scales(fit.scales, block.scales);
  pack_pairs_of_bits(fit.q, block.qs);
  pack_bit(fit.q, 2, block.hmask);
}

void encode_block(const float* x, BlockQ4_K& block) {
  const AffineGroups<8, 16, 63> fit(x);
  block.d = fit.d;
  block.dmin = fit.dmin;
  pack_scale_min(fit.groups, block.scales);
  pack_nibble_groups(fit.q, block.qs);
}

void encode_block(const float* x, BlockQ5_K& block) {
  const AffineGroups<8, 32, 63> fit(x);
  block.d = fit.d;
  block.dmin = fit.dmin;
  pack_scale_min(fit.groups, block.scales);
  pack_nibble_groups(fit.q, block.qs);
  pack_bit(fit.q, 4, block.qh);
}

void encode_block(const float* x, BlockQ6_K& block) {
  const SignedGroups<32, 128> fit(x);
  block.d = fit.d;
  for (int g = 0; g < 16; ++g) block.scales[g] = fit.scales[g];
  uint8_t top[kSuperBlock];
  for (int i = 0; i < kSuperBlock; ++i) top[i] = static_cast<uint8_t>(fit.q[i] >> 4);
  pack_pairs_of_bits(top, block.qh);
  for (int half = 0; half < 2; ++half) {
    const uint8_t* q = fit.q + 128 * half;
    for (int l = 0; l < 64; ++l)
      block.ql[64 * half + l] = static_cast<uint8_t>((q[l] & 15) | (q[l + 64] & 15) << 4);
  }
}

void encode_block(const float* x, BlockQ8_K& block) {
  // 127 times this still fits a float.
  constexpr float kLargestScale = 0x1.02p121f;
  const float wanted = std::fabs(extreme(x, kSuperBlock)) / 127.0f;
  const float d = wanted < kLargestScale ? wanted : kLargestScale;
  block.d = d;
  for (int g = 0; g < 16; ++g) {
    int sum = 0;
    for (int l = 16 * g; l < 16 * (g + 1); ++l) {
      // Divides: the inverse of a subnormal scale would overflow.
      const int q = d == 0.0f ? 0 : nearest(x[l] / d, -127.0f, 127.0f);
      block.qs[l] = static_cast<int8_t>(q);
      sum += q;
    }
    block.bsums[g] = static_cast<int16_t>(sum);
  }
}

}  // namespace weft
