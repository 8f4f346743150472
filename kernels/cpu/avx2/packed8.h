// Packed linear layers with AVX2 and 8-bit activations: vpmaddubsw, unsigned × signed bytes, whose
// sums of two products must fit into 16 bits. Codes of up to 6 bits do as they are, several units
// before a sum is widened; wider ones (offset 128) go by their magnitude, and their sign to the
// activation.
#pragma once

#include "kernels/cpu/avx2/packed.h"

namespace weft::cpu::avx2 {
namespace {

// The activations of a cell are its 32 bytes in order.
struct Maddubs : Madd {
  using Block = Int8Block;

  static constexpr bool kSignedCodes = true;
  static constexpr bool kSignedPanels = false;
  static constexpr int kManyRows = 12;
  // A panel keeps bytes: what they are, tile_dots() must know.
  static constexpr int kPanelCellBytes = kUnits * kUnitBytes;

  template <DType kType>
  static constexpr bool is_signed() {
    return kPackedFormatOf<kType>.offset == 128;
  }
  // Units whose sums of pairs fit into 16 bits together.
  template <DType kType>
  static constexpr int chain() {
    if (is_signed<kType>()) return 1;
    const int largest = (1 << kPackedFormatOf<kType>.planes) - 1;
    const int units = 32767 / (2 * 127 * largest);
    return units < kUnits ? units : kUnits;
  }

  static inline void quantize(const float* x, float inverse, std::byte* cell, int32_t (&sum)[2]) {
    const __m256 factor = _mm256_set1_ps(inverse);
    for (int half = 0; half < 2; ++half) {
      const __m256i words = round16(x + 16 * half, factor, sum[half]);
      const __m128i bytes =
          _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
      _mm_store_si128(reinterpret_cast<__m128i*>(cell) + half, bytes);
    }
  }

  // What the codes of eight columns of a unit stand for where that is signed, else the codes.
  template <DType kType>
  static inline __m256i codes_of(const std::byte* cell, int unit, int half) {
    const __m256i codes = unit_codes<kType>(cell, unit, half);
    if constexpr (!is_signed<kType>()) return codes;
    return _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
  }

  // Sums of two products each, in 16 bits.
  template <DType kType>
  static inline __m256i pairs(__m256i codes, __m256i x) {
    if constexpr (!is_signed<kType>()) return _mm256_maddubs_epi16(codes, x);
    return _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(x, codes));
  }
  static inline __m256i widened(__m256i pairs) {
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  }

  // Units [first, first + kUnitCount) of eight columns, upon sum: load(unit) gives their codes.
  template <DType kType, int R, int kUnitCount, class Load>
  [[gnu::always_inline]] static inline void dots_of_half(const Load& load, int first,
                                                         const Block* const (&a)[R], int at,
                                                         __m256i (&sum)[R]) {
    constexpr int kChain = chain<kType>() < kUnitCount ? chain<kType>() : kUnitCount;
#pragma GCC unroll 8
    for (int u = 0; u < kUnitCount; u += kChain) {
      __m256i narrow[R];
#pragma GCC unroll 8
      for (int i = 0; i < kChain; ++i) {
        const __m256i codes = load(first + u + i);
        for (int r = 0; r < R; ++r) {
          const __m256i x = pair(a[r]->cells + Block::kCellBytes * at + 4 * (first + u + i));
          const __m256i products = pairs<kType>(codes, x);
          narrow[r] = i == 0 ? products : _mm256_add_epi16(narrow[r], products);
        }
      }
      for (int r = 0; r < R; ++r) add(sum[r], widened(narrow[r]));
    }
  }

  template <DType kType, int R, int kUnitCount>
  [[gnu::always_inline]] static inline void dots(const Cell& cell, int first,
                                                 const Block* const (&a)[R], int at,
                                                 Ints (&dot)[R]) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      __m256i sum[R];
      for (int r = 0; r < R; ++r) sum[r] = half == 0 ? dot[r].low : dot[r].high;
      dots_of_half<kType, R, kUnitCount>(
          [&](int u) { return codes_of<kType>(cell.codes, u, half); }, first, a, at, sum);
      for (int r = 0; r < R; ++r) (half == 0 ? dot[r].low : dot[r].high) = sum[r];
    }
  }

  template <DType kType>
  static inline void store_panel(const Cell& cell, std::byte* p) {
#pragma GCC unroll 8
    for (int u = 0; u < kUnits; ++u) {
      auto* to = reinterpret_cast<__m256i*>(p + kUnitBytes * u);
      _mm256_store_si256(to, codes_of<kType>(cell.codes, u, 0));
      _mm256_store_si256(to + 1, codes_of<kType>(cell.codes, u, 1));
    }
  }

  template <DType kType, int R, int C, int kUnitCount>
  [[gnu::always_inline]] static inline void tile_dots(const std::byte* codes,
                                                      std::size_t /*group_distance*/, int first,
                                                      const Block* const (&a)[R], int at,
                                                      Ints (&dot)[R][C]) {
    static_assert(C == 1);
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      __m256i sum[R];
      for (int r = 0; r < R; ++r) sum[r] = half == 0 ? dot[r][0].low : dot[r][0].high;
      dots_of_half<kType, R, kUnitCount>(
          [&](int u) {
            return _mm256_load_si256(reinterpret_cast<const __m256i*>(codes + kUnitBytes * u) +
                                     half);
          },
          first, a, at, sum);
      for (int r = 0; r < R; ++r) (half == 0 ? dot[r][0].low : dot[r][0].high) = sum[r];
    }
  }
};

}  // namespace
}  // namespace weft::cpu::avx2
