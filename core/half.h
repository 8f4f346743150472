// 16-bit floats: conversions that give the same bits on host and device, in every build.
#pragma once

#include <cstdint>
#include <cstring>

// Functions that device code may call too. Internal linkage keeps a copy compiled for a wide
// instruction set from being linked into code that runs before the processor was asked.
#if defined(__CUDACC__)
#define WEFT_HD __host__ __device__ static inline
#else
#define WEFT_HD [[maybe_unused]] static inline
#endif

namespace weft {

WEFT_HD float float_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

WEFT_HD uint32_t bits_from_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// IEEE binary16 → binary32, exact for every value; NaN payloads are kept.
WEFT_HD float float_from_half(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  const uint32_t mantissa = half & 0x3ffu;
  if (exponent == 0x1f) return float_from_bits(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return float_from_bits(sign | ((exponent + 112) << 23) | (mantissa << 13));
  // Subnormal: mantissa × 2^-24, exact in binary32.
  const float magnitude = static_cast<float>(mantissa) * float_from_bits(0x33800000u);
  return float_from_bits(sign | bits_from_float(magnitude));
}

// binary32 → IEEE binary16, to nearest, ties to even; overflow gives infinity, NaN stays NaN.
WEFT_HD uint16_t half_from_float(float value) {
  const uint32_t bits = bits_from_float(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {
    // Below the smallest normal half: adding 0.5 rounds to a multiple of 2^-24.
    const uint32_t shifted = bits_from_float(float_from_bits(magnitude) + 0.5f);
    return static_cast<uint16_t>(sign | (shifted - 0x3f000000u));
  }
  const uint32_t odd = (magnitude >> 13) & 1;
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

WEFT_HD float float_from_bf16(uint16_t value) {
  return float_from_bits(static_cast<uint32_t>(value) << 16);
}

// binary32 → bfloat16, to nearest, ties to even; NaN stays NaN.
WEFT_HD uint16_t bf16_from_float(float value) {
  const uint32_t bits = bits_from_float(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

}  // namespace weft
