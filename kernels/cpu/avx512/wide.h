// Sixteen lanes of what avx2/simd.h has eight of, bit for bit.
#pragma once

#include "kernels/cpu/avx2/simd.h"

namespace weft::cpu::avx512 {
// Nameless, as avx2/simd.h is.
namespace {

using avx2::BFloat;
using avx2::Byte;
using avx2::Half;

struct Wide {
  static constexpr int kWidth = 16;
  __m512 v;

  static __m256i words(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static Wide set(float value) { return {_mm512_set1_ps(value)}; }
  static Wide set(Half value) { return set(_cvtsh_ss(value.bits)); }
  static Wide load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Wide load(const Half* p) { return {_mm512_cvtph_ps(words(p))}; }
  static Wide load(const BFloat* p) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(words(p)), 16))};
  }
  static Wide load(const Byte* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))};
  }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
};

static inline Wide operator+(Wide a, Wide b) { return {_mm512_add_ps(a.v, b.v)}; }
static inline Wide operator-(Wide a, Wide b) { return {_mm512_sub_ps(a.v, b.v)}; }
static inline Wide operator*(Wide a, Wide b) { return {_mm512_mul_ps(a.v, b.v)}; }
static inline Wide operator/(Wide a, Wide b) { return {_mm512_div_ps(a.v, b.v)}; }
static inline Wide fma(Wide a, Wide b, Wide c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
static inline Wide max(Wide a, Wide b) { return {_mm512_max_ps(a.v, b.v)}; }
static inline Wide min(Wide a, Wide b) { return {_mm512_min_ps(a.v, b.v)}; }
static inline Wide round(Wide a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

static inline avx2::F32x8 low_half(Wide a) { return {_mm512_castps512_ps256(a.v)}; }
static inline avx2::F32x8 high_half(Wide a) { return {_mm512_extractf32x8_ps(a.v, 1)}; }

static inline Wide scale_by_power(Wide x, Wide n) {
  const __m512i bias = _mm512_set1_epi32(127);
  const __m512i power = _mm512_cvtps_epi32(n.v);
  const __m512i half = _mm512_srai_epi32(power, 1);
  const __m512i rest = _mm512_sub_epi32(power, half);
  const __m512i first = _mm512_slli_epi32(_mm512_add_epi32(half, bias), 23);
  const __m512i second = _mm512_slli_epi32(_mm512_add_epi32(rest, bias), 23);
  return {
      _mm512_mul_ps(_mm512_mul_ps(x.v, _mm512_castsi512_ps(first)), _mm512_castsi512_ps(second))};
}

static inline Wide scale_down_by_power(Wide y, Wide n, Wide x) {
  const __m512i power = _mm512_slli_epi32(_mm512_cvtps_epi32(n.v), 23);
  const __m512i scaled = _mm512_add_epi32(_mm512_castps_si512(y.v), power);
  const __mmask16 in_range = _mm512_cmp_ps_mask(x.v, _mm512_set1_ps(-126.0f), _CMP_NLT_UQ);
  return {_mm512_maskz_mov_ps(in_range, _mm512_castsi512_ps(scaled))};
}

}  // namespace
}  // namespace weft::cpu::avx512
