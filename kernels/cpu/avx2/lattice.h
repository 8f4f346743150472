// Lattice points (packed/format.h) of a cell, looked up: a table's entry is one load of 4 or 8
// bytes, which beats gather instructions threefold (measured on Zen 4). Shared by AVX2 and AVX-512,
// which searches some of the tables in registers instead where it can (avx512/vbmi.h).
#pragma once

#include <immintrin.h>

#include "kernels/cpu/packed/format.h"
#include "kernels/cpu/packed/lattice.h"

namespace weft::cpu::avx2 {
// Nameless: each source file that includes this is compiled with its own flags.
namespace {

template <DType kType>
class CellPoints {
 public:
  static constexpr LatticeFormat L = kPackedFormatOf<kType>.lattice;
  static constexpr int kPoints = L.points();

  explicit CellPoints(const std::byte* cell) : low_(cell) {
    if constexpr (L.high_bits != 0) {
      const std::byte* const high = cell + kGroupColumns * kPoints;
      const __m256i fields = L.high_bytes() == 2
                                 ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high))
                                 : _mm256_cvtepu8_epi16(sixteen(high));
      const __m256i mask = _mm256_set1_epi16((1 << L.high_bits) - 1);
#pragma GCC unroll 8
      for (int p = 0; p < kPoints; ++p) {
        const __m256i above = _mm256_and_si256(_mm256_srli_epi16(fields, L.high_bits * p), mask);
        const __m256i below = _mm256_cvtepu8_epi16(sixteen(cell + kGroupColumns * p));
        _mm256_store_si256(reinterpret_cast<__m256i*>(index_[p]),
                           _mm256_or_si256(below, _mm256_slli_epi16(above, 8)));
      }
    }
  }

  // Points of 8: of two columns from this one on.
  __m128i two(int point, int column) const {
    static_assert(L.elements == 8);
    constexpr const uint64_t* kTable = points_of_8(kType);
    const auto* first = reinterpret_cast<const __m128i*>(kTable + index(point, column));
    const auto* second = reinterpret_cast<const __m64*>(kTable + index(point, column + 1));
    return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(_mm_loadl_epi64(first)), second));
  }

  // Points of 4: of four columns from this one on.
  __m128i four(int point, int column) const {
    static_assert(L.elements == 4);
    const __m128i low = _mm_unpacklo_epi32(one(point, column), one(point, column + 1));
    const __m128i high = _mm_unpacklo_epi32(one(point, column + 2), one(point, column + 3));
    return _mm_unpacklo_epi64(low, high);
  }

  // A bit for each element: bit u of byte 4 × column + i is unit u's.
  const std::byte* signs() const { return low_ + L.signs_at(); }

 private:
  static __m128i sixteen(const std::byte* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }
  uint32_t index(int point, int column) const {
    if constexpr (L.high_bits != 0) return index_[point][column];
    return static_cast<uint32_t>(low_[kGroupColumns * point + column]);
  }
  __m128i one(int point, int column) const {
    constexpr const uint32_t* kTable = points_of_4(kType);
    return _mm_cvtsi32_si128(static_cast<int>(kTable[index(point, column)]));
  }

  const std::byte* low_;
  alignas(32) uint16_t index_[L.high_bits != 0 ? kPoints : 1][kGroupColumns];
};

// The codes of a whole cell, [unit][column][element].
template <DType kType>
static inline void look_up_cell(const std::byte* cell, std::byte* codes) {
  const CellPoints<kType> points(cell);
  constexpr LatticeFormat L = kPackedFormatOf<kType>.lattice;
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    const int column = 8 * half;
    const auto put = [&](int unit, __m256i w) {
      if constexpr (L.signs) {
        const __m256i plane = _mm256_loadu_si256(
            reinterpret_cast<const __m256i*>(points.signs() + kUnitBytes / 2 * half));
        // The unit's bit becomes the sign of a byte that is not zero.
        const __m256i sign = _mm256_slli_epi16(plane, 7 - unit);
        w = _mm256_sign_epi8(w, _mm256_or_si256(sign, _mm256_set1_epi8(1)));
      }
      auto* to = reinterpret_cast<__m256i*>(codes + kUnitBytes * unit + kUnitBytes / 2 * half);
      _mm256_store_si256(to, w);
    };
    if constexpr (L.elements == 8) {
#pragma GCC unroll 4
      for (int p = 0; p < 4; ++p) {
        const __m256 a =
            _mm256_castsi256_ps(_mm256_set_m128i(points.two(p, column + 4), points.two(p, column)));
        const __m256 b = _mm256_castsi256_ps(
            _mm256_set_m128i(points.two(p, column + 6), points.two(p, column + 2)));
        put(2 * p, _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)));
        put(2 * p + 1, _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd)));
      }
    } else {
#pragma GCC unroll 8
      for (int u = 0; u < kUnits; ++u) {
        put(u, _mm256_set_m128i(points.four(u, column + 4), points.four(u, column)));
      }
    }
  }
}

}  // namespace
}  // namespace weft::cpu::avx2
