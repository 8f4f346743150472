// Packed linear layers with AVX2: codes and activations meet as pairs of 16-bit integers in
// vpmaddwd, which every processor since 2013 has. 16 columns are two vectors; of a unit's four
// elements the even and the odd ones form a pair each, as shifts and masks give them.
#pragma once

#include <bit>
#include <immintrin.h>

#include "kernels/cpu/avx2/lattice.h"
#include "kernels/cpu/avx2/prefetch.h"
#include "kernels/cpu/generic/packed_linear.h"

namespace weft::cpu::avx2 {
// Nameless, as this header is one source file's: whatever is instantiated with these types stays in
// that file's object.
namespace {

static inline __m128i sixteen(const std::byte* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

struct I32x16 {
  __m256i low, high;

  static I32x16 splat(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static I32x16 from_bytes(const std::byte* p) {
    const __m128i x = sixteen(p);
    return {_mm256_cvtepu8_epi32(x), _mm256_cvtepu8_epi32(_mm_srli_si128(x, 8))};
  }
  static I32x16 from_signed(const std::byte* p) {
    const __m128i x = sixteen(p);
    return {_mm256_cvtepi8_epi32(x), _mm256_cvtepi8_epi32(_mm_srli_si128(x, 8))};
  }
  static I32x16 from_low_nibbles(const std::byte* p) {
    const I32x16 x = from_bytes(p);
    const __m256i mask = _mm256_set1_epi32(15);
    return {_mm256_and_si256(x.low, mask), _mm256_and_si256(x.high, mask)};
  }
  static I32x16 from_high_nibbles(const std::byte* p) {
    const I32x16 x = from_bytes(p);
    return {_mm256_srli_epi32(x.low, 4), _mm256_srli_epi32(x.high, 4)};
  }
};
static inline I32x16 operator+(I32x16 a, I32x16 b) {
  return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}
static inline I32x16 operator*(I32x16 a, I32x16 b) {
  return {_mm256_mullo_epi32(a.low, b.low), _mm256_mullo_epi32(a.high, b.high)};
}

struct F32x16 {
  __m256 low, high;

  static F32x16 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static F32x16 splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F32x16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  void store(float* p) const {
    _mm256_storeu_ps(p, low);
    _mm256_storeu_ps(p + 8, high);
  }

  static F32x16 from_halves(const std::byte* p) {
    return {_mm256_cvtph_ps(sixteen(p)), _mm256_cvtph_ps(sixteen(p + 16))};
  }
  // 2^(e - 128): the exponent field e - 1, or a subnormal for e of 0 and 1.
  static __m256 power(__m256i e) {
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i small = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
    const __m256i is_small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e);
    return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, small, is_small));
  }
  static F32x16 from_e8m0(const std::byte* p) {
    const I32x16 e = I32x16::from_bytes(p);
    return {power(e.low), power(e.high)};
  }
  // The seven bits as exponent and mantissa of a float, whose subnormals are theirs too, times what
  // lies between the biases; 0x7f is 0.
  static __m256 small_float(__m256i e) {
    const __m256i bits = _mm256_slli_epi32(_mm256_and_si256(e, _mm256_set1_epi32(0x7f)), 20);
    const __m256i zero = _mm256_cmpeq_epi32(e, _mm256_set1_epi32(0x7f));
    return _mm256_mul_ps(_mm256_castsi256_ps(_mm256_andnot_si256(zero, bits)),
                         _mm256_set1_ps(0x1p119f));
  }
  static F32x16 from_ue4m3(const std::byte* p) {
    const I32x16 e = I32x16::from_bytes(p);
    return {small_float(e.low), small_float(e.high)};
  }
};

static inline F32x16 operator+(F32x16 a, F32x16 b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
static inline F32x16 operator-(F32x16 a, F32x16 b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
static inline F32x16 operator*(F32x16 a, F32x16 b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
static inline F32x16 fma(F32x16 a, F32x16 b, F32x16 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
static inline F32x16 to_float(I32x16 a) {
  return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)};
}

// Eight columns' codes of a unit, unpacked: one byte a code. (Of a lattice, of a cell that
// look_up_cell() has been through.)
template <DType kType>
static inline __m256i unit_codes(const std::byte* cell, int unit, int half) {
  constexpr PackedFormat F = kPackedFormatOf<kType>;
  const auto load = [&](int vector) {
    return _mm256_loadu_si256(
        reinterpret_cast<const __m256i*>(cell + kUnitBytes * vector + 32 * half));
  };
  // 16-bit shifts: the mask takes away what crossed a byte.
  const auto bits = [](__m256i x, int right, int left, int mask) {
    if (right > left) x = _mm256_srli_epi16(x, right - left);
    if (left > right) x = _mm256_slli_epi16(x, left - right);
    return _mm256_and_si256(x, _mm256_set1_epi8(static_cast<char>(mask)));
  };
  if constexpr (F.planes == 8 || F.is_lattice()) return load(unit);
  constexpr bool has4 = (F.planes & 4) != 0;
  constexpr bool has2 = (F.planes & 2) != 0;
  constexpr int shift2 = has4 ? 4 : 0;
  constexpr int shift1 = shift2 + (has2 ? 2 : 0);
  __m256i codes = _mm256_setzero_si256();
  if constexpr (has4) codes = bits(load(unit % 4), unit / 4 * 4, 0, 15);
  if constexpr (has2) {
    const __m256i more = load((has4 ? 4 : 0) + unit % 2);
    codes = _mm256_or_si256(codes, bits(more, unit / 2 * 2, shift2, 3 << shift2));
  }
  if constexpr ((F.planes & 1) != 0) {
    const __m256i more = load((has4 ? 4 : 0) + (has2 ? 2 : 0));
    codes = _mm256_or_si256(codes, bits(more, unit, shift1, 1 << shift1));
  }
  if constexpr (F.table == CodeTable::kIq4) {
    const __m128i levels =
        _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, -127, -115, -103, -90, -75, -59, -39, -15);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(levels), codes);
  } else if constexpr (F.table == CodeTable::kFp4) {
    const __m128i levels = _mm_setr_epi8(-128, -127, -126, -125, -124, -122, -120, -116, -128, 127,
                                         126, 125, 124, 122, 120, 116);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(levels), codes);
  } else if constexpr (F.table == CodeTable::kSigns) {
    return _mm256_add_epi8(_mm256_add_epi8(codes, codes), _mm256_set1_epi8(127));
  } else {
    return codes;
  }
}

// The activations of a cell are, unit by unit, elements 0 and 2, then 1 and 3.
struct Madd : Prefetch {
  using Block = Int16Block;
  using Floats = F32x16;
  using Ints = I32x16;
  // Sixteen registers hold no unpacked cell: codes are unpacked where they are used. Points of a
  // lattice are looked up before.
  struct Cell {
    const std::byte* codes;
    alignas(32) std::byte looked_up[kUnits * kUnitBytes];
  };

  template <int>
  struct Setup {};

  static constexpr bool kSignedCodes = false;
  static constexpr bool kSignedPanels = true;
  static constexpr bool kFillsInTile = false;
  static constexpr bool kTileOrder = false;
  static constexpr bool kFolds = true;
  static constexpr int kFewRows = 4;
  static constexpr int kManyRows = 8;
  static constexpr int kTileRows = 4;
  static constexpr int kLeastTileRows = 3;
  static constexpr int kTileGroups = 1;
  static constexpr int64_t panel_rows(const PackedFormat&) { return 0; }
  static constexpr int kPanelCellBytes = 2 * kUnits * kUnitBytes;

  // The largest bit pattern without its sign: NaN is above infinity, infinity above all numbers.
  static inline uint32_t largest(const float* x) {
    const __m256i mask = _mm256_set1_epi32(0x7fffffff);
    __m256i most = _mm256_setzero_si256();
    for (int i = 0; i < 4; ++i) {
      const __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(x + 8 * i));
      most = _mm256_max_epi32(most, _mm256_and_si256(bits, mask));
    }
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, _MM_SHUFFLE(1, 0, 3, 2)));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, _MM_SHUFFLE(2, 3, 0, 1)));
    return static_cast<uint32_t>(_mm_cvtsi128_si32(m));
  }

  // 16 elements to 16-bit integers in order, and their sum.
  static inline __m256i round16(const float* x, __m256 inverse, int32_t& sum) {
    const __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), inverse));
    const __m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8), inverse));
    const __m256i both = _mm256_add_epi32(a, b);
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(1, 0, 3, 2)));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(2, 3, 0, 1)));
    sum = _mm_cvtsi128_si32(s);
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), _MM_SHUFFLE(3, 1, 2, 0));
  }

  static inline void quantize(const float* x, float inverse, std::byte* cell, int32_t (&sum)[2]) {
    // Elements 1 and 2 of every four change places.
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
    const __m256 factor = _mm256_set1_ps(inverse);
    for (int half = 0; half < 2; ++half) {
      const __m256i a = round16(x + 16 * half, factor, sum[half]);
      _mm256_store_si256(reinterpret_cast<__m256i*>(cell) + half, _mm256_shuffle_epi8(a, order));
    }
  }

  template <DType kType>
  static inline void unpack(const std::byte* p, Cell& cell) {
    cell.codes = p;
    if constexpr (kPackedFormatOf<kType>.is_lattice()) {
      look_up_cell<kType>(p, cell.looked_up);
      cell.codes = cell.looked_up;
    }
  }

  static inline __m256i even(__m256i codes) {
    return _mm256_and_si256(codes, _mm256_set1_epi16(0xff));
  }
  static inline __m256i odd(__m256i codes) { return _mm256_srli_epi16(codes, 8); }

  static inline __m256i pair(const std::byte* a) {
    int32_t word;
    __builtin_memcpy(&word, a, sizeof(word));
    return _mm256_set1_epi32(word);
  }

  // A panel, [unit][even, odd][columns 0 … 7, 8 … 15]: of(codes, half) as words.
  template <DType kType, class Of>
  [[gnu::always_inline]] static inline void store_words(const Cell& cell, std::byte* p,
                                                        const Of& of) {
#pragma GCC unroll 8
    for (int u = 0; u < kUnits; ++u) {
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const __m256i codes = unit_codes<kType>(cell.codes, u, half);
        auto* to = reinterpret_cast<__m256i*>(p + 128 * u + 32 * half);
        _mm256_store_si256(to, of(even(codes), half));
        _mm256_store_si256(to + 2, of(odd(codes), half));
      }
    }
  }

  template <DType kType>
  static inline void store_panel(const Cell& cell, std::byte* p) {
    const __m256i offset = _mm256_set1_epi16(kPackedFormatOf<kType>.offset);
    store_words<kType>(cell, p,
                       [&](__m256i codes, int) { return _mm256_sub_epi16(codes, offset); });
  }

  template <DType kType>
  static inline void fold_panel(const Cell& cell, Ints scale, std::byte* p) {
    const __m256i both[] = {_mm256_or_si256(_mm256_slli_epi32(scale.low, 16), scale.low),
                            _mm256_or_si256(_mm256_slli_epi32(scale.high, 16), scale.high)};
    store_words<kType>(
        cell, p, [&](__m256i codes, int half) { return _mm256_mullo_epi16(codes, both[half]); });
  }

  // value × factor, a power of two.
  template <int factor>
  static inline Ints times(const int32_t* value) {
    const __m256i x =
        _mm256_slli_epi32(_mm256_set1_epi32(*value), std::countr_zero(unsigned{factor}));
    return {x, x};
  }

  // sum + x, in this order: a compiler that groups additions anew first makes all products, and
  // has to put them aside.
  static inline void add(__m256i& sum, __m256i x) {
    sum = _mm256_add_epi32(sum, x);
    asm("" : "+x"(sum));
  }

  template <DType kType, int R, int kUnitCount>
  [[gnu::always_inline]] static inline void dots(const Cell& cell, int first,
                                                 const Block* const (&a)[R], int at,
                                                 Ints (&dot)[R]) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      __m256i sum[R];
      for (int r = 0; r < R; ++r) sum[r] = half == 0 ? dot[r].low : dot[r].high;
#pragma GCC unroll 8
      for (int u = 0; u < kUnitCount; ++u) {
        const __m256i codes = unit_codes<kType>(cell.codes, first + u, half);
        const __m256i w[] = {even(codes), odd(codes)};
        for (int r = 0; r < R; ++r) {
          const std::byte* x = a[r]->cells + Block::kCellBytes * at + 8 * (first + u);
          add(sum[r], _mm256_madd_epi16(w[0], pair(x)));
          add(sum[r], _mm256_madd_epi16(w[1], pair(x + 4)));
        }
      }
      for (int r = 0; r < R; ++r) (half == 0 ? dot[r].low : dot[r].high) = sum[r];
    }
  }

  template <DType, int R, int C, int kUnitCount>
  [[gnu::always_inline]] static inline void tile_dots(const std::byte* codes,
                                                      std::size_t group_distance, int first,
                                                      const Block* const (&a)[R], int at,
                                                      Ints (&dot)[R][C]) {
    static_assert(C == 1);
    (void)group_distance;
#pragma GCC unroll 16
    for (int i = 2 * first; i < 2 * (first + kUnitCount); ++i) {
      const auto* w = reinterpret_cast<const __m256i*>(codes + 64 * i);
      for (int r = 0; r < R; ++r) {
        const __m256i x = pair(a[r]->cells + Block::kCellBytes * at + 4 * i);
        add(dot[r][0].low, _mm256_madd_epi16(w[0], x));
        add(dot[r][0].high, _mm256_madd_epi16(w[1], x));
      }
    }
  }
};

}  // namespace
}  // namespace weft::cpu::avx2
