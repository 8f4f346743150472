// The vector types of the AVX2 table: what scalar/simd.h writes out lane by lane, bit for bit.
#pragma once

#include <cstdint>
#include <immintrin.h>

namespace weft::cpu::avx2 {
// Nameless: avx512/attention.cpp, compiled for another processor, has its own.
namespace {

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
  __m256 v;

  static F32x8 set(float value) { return {_mm256_set1_ps(value)}; }
  static F32x8 set(Half value) { return {_mm256_set1_ps(_cvtsh_ss(value.bits))}; }
  static F32x8 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static F32x8 load(const Half* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static F32x8 load(const BFloat* p) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16))};
  }
  static F32x8 load(const Byte* p) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes))};
  }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
  void store(Half* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  void store(BFloat* p) const {
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i high = _mm256_srli_epi32(bits, 16);
    // To nearest, ties to even; a NaN keeps its upper bits and is made quiet.
    const __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_srli_epi32(
        _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
    const __m256i quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i words = _mm256_blendv_epi8(rounded, quiet, nan);
    const __m128i packed =
        _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
  }
  // Whole numbers; those beyond a byte become its ends, a NaN becomes 0.
  void store(Byte* p) const {
    const __m256i words = _mm256_cvtps_epi32(_mm256_and_ps(v, _mm256_cmp_ps(v, v, _CMP_ORD_Q)));
    const __m128i halves =
        _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(halves, halves));
  }
};

static inline F32x8 operator+(F32x8 a, F32x8 b) { return {_mm256_add_ps(a.v, b.v)}; }
static inline F32x8 operator-(F32x8 a, F32x8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
static inline F32x8 operator*(F32x8 a, F32x8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
static inline F32x8 operator/(F32x8 a, F32x8 b) { return {_mm256_div_ps(a.v, b.v)}; }
static inline F32x8 fma(F32x8 a, F32x8 b, F32x8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
static inline F32x8 max(F32x8 a, F32x8 b) { return {_mm256_max_ps(a.v, b.v)}; }
static inline F32x8 min(F32x8 a, F32x8 b) { return {_mm256_min_ps(a.v, b.v)}; }
static inline F32x8 round(F32x8 a) {
  return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

static inline F32x8 scale_by_power(F32x8 x, F32x8 n) {
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i power = _mm256_cvtps_epi32(n.v);
  const __m256i half = _mm256_srai_epi32(power, 1);
  const __m256i rest = _mm256_sub_epi32(power, half);
  const __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const __m256i second = _mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23);
  return {
      _mm256_mul_ps(_mm256_mul_ps(x.v, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second))};
}

static inline F32x8 scale_down_by_power(F32x8 y, F32x8 n, F32x8 x) {
  // A NaN converts to 1 << 31, which is shifted out.
  const __m256i power = _mm256_slli_epi32(_mm256_cvtps_epi32(n.v), 23);
  const __m256i scaled = _mm256_add_epi32(_mm256_castps_si256(y.v), power);
  const __m256 in_range = _mm256_cmp_ps(x.v, _mm256_set1_ps(-126.0f), _CMP_NLT_UQ);
  return {_mm256_and_ps(_mm256_castsi256_ps(scaled), in_range)};
}

static inline float sum_of_lanes(F32x8 a) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline float max_of_lanes(F32x8 a) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

// The steps of sum_of_lanes for eight vectors together.
static inline F32x8 sums_of_lanes(const F32x8 (&a)[8]) {
  // [low + high of a[i] | of a[i + 4]]
  __m256 four[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    four[i] = _mm256_add_ps(_mm256_permute2f128_ps(a[i].v, a[i + 4].v, 0x20),
                            _mm256_permute2f128_ps(a[i].v, a[i + 4].v, 0x31));
  }
  const __m256 two01 = _mm256_add_ps(_mm256_shuffle_ps(four[0], four[1], _MM_SHUFFLE(1, 0, 1, 0)),
                                     _mm256_shuffle_ps(four[0], four[1], _MM_SHUFFLE(3, 2, 3, 2)));
  const __m256 two23 = _mm256_add_ps(_mm256_shuffle_ps(four[2], four[3], _MM_SHUFFLE(1, 0, 1, 0)),
                                     _mm256_shuffle_ps(four[2], four[3], _MM_SHUFFLE(3, 2, 3, 2)));
  return {_mm256_add_ps(_mm256_shuffle_ps(two01, two23, _MM_SHUFFLE(2, 0, 2, 0)),
                        _mm256_shuffle_ps(two01, two23, _MM_SHUFFLE(3, 1, 3, 1)))};
}

struct F64x8 {
  __m256d low, high;

  static F64x8 zero() { return {_mm256_setzero_pd(), _mm256_setzero_pd()}; }
};

static inline F64x8 add_square(F64x8 a, F32x8 x) {
  const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(x.v));
  const __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(x.v, 1));
  // The square of a float is exact in double, so fusing changes nothing.
  return {_mm256_fmadd_pd(low, low, a.low), _mm256_fmadd_pd(high, high, a.high)};
}

static inline double sum_of_lanes(F64x8 a) {
  const __m256d four = _mm256_add_pd(a.low, a.high);
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace
}  // namespace weft::cpu::avx2
