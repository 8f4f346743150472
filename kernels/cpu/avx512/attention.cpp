#include "kernels/cpu/generic/attention.h"

#include "kernels/cpu/avx2/simd.h"
#include "kernels/cpu/avx512/table.h"

namespace weft::cpu {
namespace avx512 {
namespace {

using avx2::BFloat;
using avx2::Byte;
using avx2::Half;

// What attention asks of sixteen lanes.
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

inline Wide operator*(Wide a, Wide b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Wide fma(Wide a, Wide b, Wide c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }

}  // namespace
}  // namespace avx512

void avx512_attend(const AttentionTile& tile, float* partials, float* scratch) {
  using namespace avx512;
  attend<Wide, avx2::F32x8, Half, BFloat, Byte>(tile, partials, scratch);
}

}  // namespace weft::cpu
