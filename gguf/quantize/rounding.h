// Small arithmetic of the encoders. Branch-free where it runs once a value, so that compilers
// vectorise it.
#pragma once

#include <cmath>

#include "core/half.h"

namespace weft::rounding {

// The integer nearest to x, ties to even, limited to low..high (within ±2^21). x is not NaN.
[[maybe_unused]] static inline int nearest(float x, float low, float high) {
  x = x < low ? low : x;
  x = x > high ? high : x;
  // Adding 1.5 · 2^23 leaves the rounded value in the lowest bits.
  return static_cast<int>(bits_from_float(x + 12582912.0f)) - 0x4b400000;
}

// The half nearest to a scale, kept finite.
[[maybe_unused]] static inline uint16_t half_scale(float scale) {
  scale = scale < -65504.0f ? -65504.0f : scale;
  scale = scale > 65504.0f ? 65504.0f : scale;
  return half_from_float(scale);
}

// What to multiply by instead of dividing by a scale; a zero scale makes everything zero.
[[maybe_unused]] static inline float inverse(float scale) {
  return scale == 0.0f ? 0.0f : 1.0f / scale;
}

// The value of largest magnitude, with its sign; the first of equals. Zero for no values.
[[maybe_unused]] static inline float extreme(const float* x, int count) {
  float found = 0.0f;
  for (int i = 0; i < count; ++i) found = std::fabs(x[i]) > std::fabs(found) ? x[i] : found;
  return found;
}

struct Range {
  float min;
  float max;
};

[[maybe_unused]] static inline Range range(const float* x, int count) {
  Range found{x[0], x[0]};
  for (int i = 1; i < count; ++i) {
    found.min = x[i] < found.min ? x[i] : found.min;
    found.max = x[i] > found.max ? x[i] : found.max;
  }
  return found;
}

}  // namespace weft::rounding
