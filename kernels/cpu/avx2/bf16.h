// BF16 dots by float32 multiply-adds: no faster than float32, and for the same bits.
#pragma once

#include "kernels/cpu/avx2/packed.h"
#include "kernels/cpu/generic/bf16_linear.h"

namespace weft::cpu::avx2 {
namespace {

struct Bf16 {
  using Floats = F32x16;
  struct Pairs {
    __m256i low, high;  // columns 0 … 7, 8 … 15

    static Pairs load(const std::byte* p) {
      const auto* v = reinterpret_cast<const __m256i*>(p);
      return {_mm256_loadu_si256(v), _mm256_loadu_si256(v + 1)};
    }
    static Pairs splat(const std::byte* p) {
      const __m256i word = Madd::pair(p);
      return {word, word};
    }
  };
  static constexpr int kTileRows = 4;
  static constexpr int kTileGroups = 1;

  // Groups lie powers of two apart, where the first cache level holds eight lines of them all.
  static void prefetch(const std::byte* p) { _mm_prefetch(p + 2048, _MM_HINT_T1); }
  static inline __m256 odd(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(-65536)));
  }
  static inline __m256 even(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
  }
  static inline __m256 dot(__m256 acc, __m256i w, __m256i a) {
    return _mm256_fmadd_ps(even(w), even(a), _mm256_fmadd_ps(odd(w), odd(a), acc));
  }
  static inline F32x16 dot(F32x16 acc, Pairs w, Pairs a) {
    return {dot(acc.low, w.low, a.low), dot(acc.high, w.high, a.high)};
  }
};

}  // namespace
}  // namespace weft::cpu::avx2
