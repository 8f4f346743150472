// The vector types of the scalar table: eight lanes written out. Slow and plain on purpose; this
// is what the operations mean.
#pragma once

#include <cstdint>

#include "core/half.h"

namespace weft::cpu::scalar {

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
  float lane[8];

  static F32x8 set(float value) {
    F32x8 r;
    for (float& x : r.lane) x = value;
    return r;
  }
  static F32x8 set(Half value) { return set(float_from_half(value.bits)); }
  static F32x8 load(const float* p) {
    F32x8 r;
    for (int i = 0; i < 8; ++i) r.lane[i] = p[i];
    return r;
  }
  static F32x8 load(const Half* p) {
    F32x8 r;
    for (int i = 0; i < 8; ++i) r.lane[i] = float_from_half(p[i].bits);
    return r;
  }
  static F32x8 load(const BFloat* p) {
    F32x8 r;
    for (int i = 0; i < 8; ++i) r.lane[i] = float_from_bf16(p[i].bits);
    return r;
  }
  static F32x8 load(const Byte* p) {
    F32x8 r;
    for (int i = 0; i < 8; ++i) r.lane[i] = static_cast<float>(p[i].value);
    return r;
  }
  void store(float* p) const {
    for (int i = 0; i < 8; ++i) p[i] = lane[i];
  }
  void store(Half* p) const {
    for (int i = 0; i < 8; ++i) p[i].bits = half_from_float(lane[i]);
  }
  void store(BFloat* p) const {
    for (int i = 0; i < 8; ++i) p[i].bits = bf16_from_float(lane[i]);
  }
  // Whole numbers; those beyond a byte become its ends, a NaN becomes 0.
  void store(Byte* p) const {
    for (int i = 0; i < 8; ++i) {
      float x = lane[i] == lane[i] ? lane[i] : 0.0f;
      x = x < 127.0f ? x : 127.0f;
      p[i].value = static_cast<int8_t>(x > -128.0f ? x : -128.0f);
    }
  }
};

static inline F32x8 operator+(F32x8 a, F32x8 b) {
  for (int i = 0; i < 8; ++i) a.lane[i] += b.lane[i];
  return a;
}
static inline F32x8 operator-(F32x8 a, F32x8 b) {
  for (int i = 0; i < 8; ++i) a.lane[i] -= b.lane[i];
  return a;
}
static inline F32x8 operator*(F32x8 a, F32x8 b) {
  for (int i = 0; i < 8; ++i) a.lane[i] *= b.lane[i];
  return a;
}
static inline F32x8 operator/(F32x8 a, F32x8 b) {
  for (int i = 0; i < 8; ++i) a.lane[i] /= b.lane[i];
  return a;
}
// a × b + c, rounded once.
static inline F32x8 fma(F32x8 a, F32x8 b, F32x8 c) {
  for (int i = 0; i < 8; ++i) c.lane[i] = __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]);
  return c;
}
// The second where the two cannot be compared, so a NaN there comes through.
static inline F32x8 max(F32x8 a, F32x8 b) {
  for (int i = 0; i < 8; ++i) a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
  return a;
}
static inline F32x8 min(F32x8 a, F32x8 b) {
  for (int i = 0; i < 8; ++i) a.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
  return a;
}
// To the nearest integer, ties to even.
static inline F32x8 round(F32x8 a) {
  for (float& x : a.lane) x = __builtin_rintf(x);
  return a;
}
// x × 2^n for whole n in -160 … 160: two factors, so that both are normal numbers.
static inline F32x8 scale_by_power(F32x8 x, F32x8 n) {
  for (int i = 0; i < 8; ++i) {
    // NaN is no power; whatever is multiplied, NaN stays.
    const int power = n.lane[i] == n.lane[i] ? static_cast<int>(n.lane[i]) : 0;
    const int half = power >> 1;
    x.lane[i] *= float_from_bits(static_cast<uint32_t>(half + 127) << 23);
    x.lane[i] *= float_from_bits(static_cast<uint32_t>(power - half + 127) << 23);
  }
  return x;
}
// y × 2^n, or 0 where x < -126; y in 0.7 … 1.5 (or NaN), n whole, 0 at most, and -126 at least
// where x is.
static inline F32x8 scale_down_by_power(F32x8 y, F32x8 n, F32x8 x) {
  for (int i = 0; i < 8; ++i) {
    if (x.lane[i] < -126.0f) {
      y.lane[i] = 0.0f;
    } else if (n.lane[i] == n.lane[i]) {
      const auto power = static_cast<uint32_t>(static_cast<int32_t>(n.lane[i])) << 23;
      y.lane[i] = float_from_bits(bits_from_float(y.lane[i]) + power);
    }
  }
  return y;
}
static inline float sum_of_lanes(F32x8 a) {
  const float* v = a.lane;
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
static inline float max_of_lanes(F32x8 a) {
  float m = a.lane[0];
  for (float x : a.lane) m = m > x ? m : x;
  return m;
}
// Lane i becomes the sum of a[i]'s lanes.
static inline F32x8 sums_of_lanes(const F32x8 (&a)[8]) {
  F32x8 r;
  for (int i = 0; i < 8; ++i) r.lane[i] = sum_of_lanes(a[i]);
  return r;
}

// Sums of squares in double.
struct F64x8 {
  double lane[8];

  static F64x8 zero() { return {}; }
};
// a + x², exact but for the addition.
static inline F64x8 add_square(F64x8 a, F32x8 x) {
  for (int i = 0; i < 8; ++i) {
    a.lane[i] += static_cast<double>(x.lane[i]) * static_cast<double>(x.lane[i]);
  }
  return a;
}
static inline double sum_of_lanes(F64x8 a) {
  const double* v = a.lane;
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

}  // namespace weft::cpu::scalar
