// The vector types of the NEON table: what scalar/simd.h writes out lane by lane, bit for bit.
#pragma once

#include <arm_neon.h>
#include <cstdint>

namespace weft::cpu::neon {

// Storage types of the KV cache.
struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};
struct Byte {
  int8_t value;
};

struct F32x8 {
  static constexpr int kWidth = 8;
  float32x4_t low, high;

  static F32x8 set(float value) { return {vdupq_n_f32(value), vdupq_n_f32(value)}; }
  static F32x8 set(Half value) {
    const float32x4_t v = vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(value.bits)));
    return {v, v};
  }
  static F32x8 load(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
  static F32x8 load(const Half* p) {
    const uint16x8_t bits = vld1q_u16(&p->bits);
    return {vcvt_f32_f16(vreinterpret_f16_u16(vget_low_u16(bits))),
            vcvt_f32_f16(vreinterpret_f16_u16(vget_high_u16(bits)))};
  }
  static F32x8 load(const BFloat* p) {
    const uint16x8_t bits = vld1q_u16(&p->bits);
    return {vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(bits), 16)),
            vreinterpretq_f32_u32(vshll_n_u16(vget_high_u16(bits), 16))};
  }
  static F32x8 load(const Byte* p) {
    const int16x8_t halves = vmovl_s8(vld1_s8(&p->value));
    return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(halves))),
            vcvtq_f32_s32(vmovl_s16(vget_high_s16(halves)))};
  }
  void store(float* p) const {
    vst1q_f32(p, low);
    vst1q_f32(p + 4, high);
  }
  void store(Half* p) const {
    vst1_u16(&p->bits, vreinterpret_u16_f16(vcvt_f16_f32(low)));
    vst1_u16(&p->bits + 4, vreinterpret_u16_f16(vcvt_f16_f32(high)));
  }
  void store(BFloat* p) const { vst1q_u16(&p->bits, vcombine_u16(rounded(low), rounded(high))); }
  // Whole numbers; those beyond a byte become its ends, a NaN becomes 0, as the conversion makes
  // it.
  void store(Byte* p) const {
    const int16x8_t halves =
        vcombine_s16(vqmovn_s32(vcvtq_s32_f32(low)), vqmovn_s32(vcvtq_s32_f32(high)));
    vst1_s8(&p->value, vqmovn_s16(halves));
  }

 private:
  // To nearest, ties to even; a NaN keeps its upper bits and is made quiet.
  static uint16x4_t rounded(float32x4_t v) {
    const uint32x4_t bits = vreinterpretq_u32_f32(v);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t near = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    return vshrn_n_u32(vbslq_u32(vceqq_f32(v, v), near, quiet), 16);
  }
};

static inline F32x8 operator+(F32x8 a, F32x8 b) {
  return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)};
}
static inline F32x8 operator-(F32x8 a, F32x8 b) {
  return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)};
}
static inline F32x8 operator*(F32x8 a, F32x8 b) {
  return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)};
}
static inline F32x8 operator/(F32x8 a, F32x8 b) {
  return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)};
}
static inline F32x8 fma(F32x8 a, F32x8 b, F32x8 c) {
  return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
}
// The second where the two cannot be compared: Arm's own maximum gives the NaN whichever it is.
static inline F32x8 max(F32x8 a, F32x8 b) {
  return {vbslq_f32(vcgtq_f32(a.low, b.low), a.low, b.low),
          vbslq_f32(vcgtq_f32(a.high, b.high), a.high, b.high)};
}
static inline F32x8 min(F32x8 a, F32x8 b) {
  return {vbslq_f32(vcltq_f32(a.low, b.low), a.low, b.low),
          vbslq_f32(vcltq_f32(a.high, b.high), a.high, b.high)};
}
static inline F32x8 round(F32x8 a) { return {vrndnq_f32(a.low), vrndnq_f32(a.high)}; }

static inline float32x4_t scale_by_power(float32x4_t x, float32x4_t n) {
  const int32x4_t bias = vdupq_n_s32(127);
  const int32x4_t power = vcvtq_s32_f32(n);  // 0 of a NaN
  const int32x4_t half = vshrq_n_s32(power, 1);
  const int32x4_t rest = vsubq_s32(power, half);
  const int32x4_t first = vshlq_n_s32(vaddq_s32(half, bias), 23);
  const int32x4_t second = vshlq_n_s32(vaddq_s32(rest, bias), 23);
  return vmulq_f32(vmulq_f32(x, vreinterpretq_f32_s32(first)), vreinterpretq_f32_s32(second));
}
static inline F32x8 scale_by_power(F32x8 x, F32x8 n) {
  return {scale_by_power(x.low, n.low), scale_by_power(x.high, n.high)};
}

static inline float32x4_t scale_down_by_power(float32x4_t y, float32x4_t n, float32x4_t x) {
  const int32x4_t power = vshlq_n_s32(vcvtq_s32_f32(n), 23);
  const int32x4_t scaled = vaddq_s32(vreinterpretq_s32_f32(y), power);
  const uint32x4_t below = vcltq_f32(x, vdupq_n_f32(-126.0f));
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_s32(scaled), below));
}
static inline F32x8 scale_down_by_power(F32x8 y, F32x8 n, F32x8 x) {
  return {scale_down_by_power(y.low, n.low, x.low), scale_down_by_power(y.high, n.high, x.high)};
}

static inline float sum_of_lanes(F32x8 a) {
  const float32x4_t four = vaddq_f32(a.low, a.high);
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

static inline float max_of_lanes(F32x8 a) {
  float lane[8];
  a.store(lane);
  float m = lane[0];
  for (const float x : lane) m = m > x ? m : x;
  return m;
}

// The steps of sum_of_lanes for eight vectors together.
static inline F32x8 sums_of_lanes(const F32x8 (&a)[8]) {
  float32x4_t four[8];
  for (int i = 0; i < 8; ++i) four[i] = vaddq_f32(a[i].low, a[i].high);
  float32x4_t sum[2];
  for (int i = 0; i < 2; ++i) {
    // [v0 + v2, v1 + v3] of two vectors in one.
    float32x4_t two[2];
    for (int j = 0; j < 2; ++j) {
      const float64x2_t p = vreinterpretq_f64_f32(four[4 * i + 2 * j]);
      const float64x2_t q = vreinterpretq_f64_f32(four[4 * i + 2 * j + 1]);
      two[j] = vaddq_f32(vreinterpretq_f32_f64(vzip1q_f64(p, q)),
                         vreinterpretq_f32_f64(vzip2q_f64(p, q)));
    }
    sum[i] = vaddq_f32(vuzp1q_f32(two[0], two[1]), vuzp2q_f32(two[0], two[1]));
  }
  return {sum[0], sum[1]};
}

// Lanes 0 and 1, 2 and 3, 4 and 5, 6 and 7.
struct F64x8 {
  float64x2_t pair[4];

  static F64x8 zero() {
    const float64x2_t z = vdupq_n_f64(0);
    return {{z, z, z, z}};
  }
};

static inline F64x8 add_square(F64x8 a, F32x8 x) {
  const float64x2_t wide[4] = {vcvt_f64_f32(vget_low_f32(x.low)), vcvt_high_f64_f32(x.low),
                               vcvt_f64_f32(vget_low_f32(x.high)), vcvt_high_f64_f32(x.high)};
  // The square of a float is exact in double, so fusing changes nothing.
  for (int i = 0; i < 4; ++i) a.pair[i] = vfmaq_f64(a.pair[i], wide[i], wide[i]);
  return a;
}

static inline double sum_of_lanes(F64x8 a) {
  const float64x2_t two =
      vaddq_f64(vaddq_f64(a.pair[0], a.pair[2]), vaddq_f64(a.pair[1], a.pair[3]));
  return vgetq_lane_f64(two, 0) + vgetq_lane_f64(two, 1);
}

}  // namespace weft::cpu::neon
