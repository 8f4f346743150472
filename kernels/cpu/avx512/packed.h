// Packed linear layers with AVX-512 VNNI. Few rows meet codes as the bytes that they are
// (vpdpbusd, unsigned code × signed byte): a 16-bit activation is two signed bytes, so its dot
// product is two rounds, of the high bytes and of the low ones. Tiles meet them as words
// (vpdpwssd): as many dots, and no sums of two kinds to put together.
#pragma once

#include <bit>
#include <immintrin.h>

#include "kernels/cpu/avx2/lattice.h"
#include "kernels/cpu/avx2/prefetch.h"
#include "kernels/cpu/generic/packed_linear.h"

namespace weft::cpu::avx512 {
// Nameless, as this header is one source file's: whatever is instantiated with these types stays in
// that file's object.
namespace {

struct I32x16 {
  __m512i v;

  static I32x16 splat(int32_t x) { return {_mm512_set1_epi32(x)}; }
  static __m128i sixteen(const std::byte* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }
  static I32x16 from_bytes(const std::byte* p) { return {_mm512_cvtepu8_epi32(sixteen(p))}; }
  static I32x16 from_signed(const std::byte* p) { return {_mm512_cvtepi8_epi32(sixteen(p))}; }
  static I32x16 from_low_nibbles(const std::byte* p) {
    return {_mm512_and_si512(from_bytes(p).v, _mm512_set1_epi32(15))};
  }
  static I32x16 from_high_nibbles(const std::byte* p) {
    return {_mm512_srli_epi32(from_bytes(p).v, 4)};
  }
};
static inline I32x16 operator+(I32x16 a, I32x16 b) { return {_mm512_add_epi32(a.v, b.v)}; }
static inline I32x16 operator*(I32x16 a, I32x16 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }

struct F32x16 {
  __m512 v;

  static F32x16 zero() { return {_mm512_setzero_ps()}; }
  static F32x16 splat(float x) { return {_mm512_set1_ps(x)}; }
  static F32x16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  void store(float* p) const { _mm512_storeu_ps(p, v); }

  static F32x16 from_halves(const std::byte* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  // 2^(e - 128): the exponent field e - 1, or a subnormal for e of 0 and 1.
  static F32x16 from_e8m0(const std::byte* p) {
    const __m512i e = I32x16::from_bytes(p).v;
    const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
    const __m512i small = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
    const __mmask16 is_small = _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2));
    return {_mm512_castsi512_ps(_mm512_mask_mov_epi32(normal, is_small, small))};
  }
  // The seven bits as exponent and mantissa of a float, whose subnormals are theirs too, times what
  // lies between the biases; 0x7f is 0.
  static F32x16 from_ue4m3(const std::byte* p) {
    const __m512i e = I32x16::from_bytes(p).v;
    const __mmask16 some = _mm512_cmpneq_epi32_mask(e, _mm512_set1_epi32(0x7f));
    const __m512i bits = _mm512_slli_epi32(_mm512_and_si512(e, _mm512_set1_epi32(0x7f)), 20);
    return {_mm512_mul_ps(_mm512_castsi512_ps(_mm512_maskz_mov_epi32(some, bits)),
                          _mm512_set1_ps(0x1p119f))};
  }
};

static inline F32x16 operator+(F32x16 a, F32x16 b) { return {_mm512_add_ps(a.v, b.v)}; }
static inline F32x16 operator-(F32x16 a, F32x16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
static inline F32x16 operator*(F32x16 a, F32x16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
static inline F32x16 fma(F32x16 a, F32x16 b, F32x16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }

static inline F32x16 to_float(I32x16 a) { return {_mm512_cvtepi32_ps(a.v)}; }

// The activations of a cell are its 32 high bytes, then its 32 low ones; or its 32 bytes. With
// kWords tiles have them as 32 words: of every four, elements 0 and 2, then 1 and 3, as masks and
// shifts give the codes.
template <class ActivationBlock, bool kWords = ActivationBlock::kHalves == 2>
struct Vnni : avx2::Prefetch {
  using Block = ActivationBlock;
  using Floats = F32x16;
  using Ints = I32x16;
  struct Cell {
    __m512i unit[kUnits];
  };

  template <int>
  struct Setup {};

  // A panel costs what unpacking one plane costs some twenty tiles, two planes some ten, and pays
  // sooner where it holds codes times scales (Zen 5, times the rate of straight tiles at 64, 128
  // and 192 rows: Q4_0 0.98, 1.01, 1.02; Q6_K 1.00, 1.02 at 64 and 192, Q4_K 1.05, 1.06). Whole
  // bytes are their own panel.
  static constexpr int64_t panel_rows(const PackedFormat& format) {
    if (format.is_lattice()) return 0;
    if (kFolds && format.scale == ScaleKind::kScaleMin) return 64;
    if (!kWords && format.planes == 8) return kNoPanels;
    return std::has_single_bit(static_cast<unsigned>(format.planes)) ? 128 : 64;
  }

  static constexpr bool kSignedCodes = false;
  static constexpr bool kFillsInTile = true;
  static constexpr bool kTileOrder = kWords;
  static constexpr bool kSignedPanels = kWords;
  static constexpr bool kFolds = kWords;
  static constexpr int kFewRows = 4;
  static constexpr int kManyRows = 5;
  // 12 dots, 12 sums, two units' codes and an activation: of 32 registers.
  static constexpr int kTileRows = 6;
  static constexpr int kLeastTileRows = 3;
  static constexpr int kTileGroups = 2;
  static constexpr int kPanelCellBytes = (kWords ? 2 : 1) * kUnits * kUnitBytes;

  // The largest bit pattern without its sign: NaN is above infinity, infinity above all numbers.
  static inline uint32_t largest(const float* x) {
    const __m512i mask = _mm512_set1_epi32(0x7fffffff);
    const __m512i a = _mm512_and_si512(_mm512_loadu_si512(x), mask);
    const __m512i b = _mm512_and_si512(_mm512_loadu_si512(x + 16), mask);
    return static_cast<uint32_t>(_mm512_reduce_max_epi32(_mm512_max_epi32(a, b)));
  }

  // A cell's elements rounded, store(half, integers), and the sums of its halves.
  template <class Store>
  [[gnu::always_inline]] static inline void round_halves(const float* x, float inverse,
                                                         int32_t (&sum)[2], const Store& store) {
    const __m512 factor = _mm512_set1_ps(inverse);
    for (int half = 0; half < 2; ++half) {
      const __m512i a = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 16 * half), factor));
      sum[half] = _mm512_reduce_add_epi32(a);
      store(half, a);
    }
  }

  // A 16-bit integer a is 256 × high + low with a signed low byte; an 8-bit one is just the low.
  static inline void quantize(const float* x, float inverse, std::byte* cell, int32_t (&sum)[2]) {
    round_halves(x, inverse, sum, [&](int half, __m512i a) {
      auto* to = reinterpret_cast<__m128i*>(cell) + half;
      if constexpr (Block::kHalves == 2) {
        const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(a, _mm512_set1_epi32(128)), 8);
        _mm_store_si128(to, _mm512_cvtepi32_epi8(high));
        to += 2;
      }
      _mm_store_si128(to, _mm512_cvtepi32_epi8(a));
    });
  }

  static inline void quantize_for_tiles(const float* x, float inverse, std::byte* cell,
                                        int32_t (&sum)[2]) {
    // Elements 1 and 2 of every four change places.
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
    round_halves(x, inverse, sum, [&](int half, __m512i a) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(cell) + half,
                         _mm256_shuffle_epi8(_mm512_cvtepi32_epi16(a), order));
    });
  }

  static inline __m512i load(const std::byte* p) { return _mm512_loadu_si512(p); }

  // Low four bits, and the four above them, of every byte.
  static inline __m512i low4(__m512i x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }
  static inline __m512i high4(__m512i x) { return low4(_mm512_srli_epi16(x, 4)); }
  // (x >> right << left) & mask | base, a byte at a time; mask keeps what crossed bytes out.
  [[gnu::always_inline]] static inline __m512i add_bits(__m512i base, __m512i x, int right,
                                                        int left, int mask) {
    if (right > left) x = _mm512_srli_epi16(x, right - left);
    if (left > right) x = _mm512_slli_epi16(x, left - right);
    // base | (x & mask)
    return _mm512_ternarylogic_epi64(base, x, _mm512_set1_epi8(static_cast<char>(mask)), 0xf8);
  }

  template <CodeTable table>
  static inline __m512i look_up(__m512i codes) {
    if constexpr (table == CodeTable::kIq4) {
      const __m128i levels =
          _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, -127, -115, -103, -90, -75, -59, -39, -15);
      return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(levels), codes);
    } else if constexpr (table == CodeTable::kFp4) {
      const __m128i levels = _mm_setr_epi8(-128, -127, -126, -125, -124, -122, -120, -116, -128,
                                           127, 126, 125, 124, 122, 120, 116);
      return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(levels), codes);
    } else if constexpr (table == CodeTable::kSigns) {
      return _mm512_add_epi8(_mm512_add_epi8(codes, codes), _mm512_set1_epi8(127));
    } else {
      return codes;
    }
  }

  static inline __m512 quarters(__m128i a, __m128i b, __m128i c, __m128i d) {
    const __m512i low = _mm512_castsi256_si512(_mm256_set_m128i(b, a));
    return _mm512_castsi512_ps(_mm512_inserti64x4(low, _mm256_set_m128i(d, c), 1));
  }

  template <DType kType>
  static inline void look_up_points(const std::byte* p, Cell& cell) {
    constexpr LatticeFormat L = kPackedFormatOf<kType>.lattice;
    const avx2::CellPoints<kType> points(p);
    __m512i(&w)[kUnits] = cell.unit;
    if constexpr (L.elements == 8) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const __m512 a =
            quarters(points.two(i, 0), points.two(i, 4), points.two(i, 8), points.two(i, 12));
        const __m512 b =
            quarters(points.two(i, 2), points.two(i, 6), points.two(i, 10), points.two(i, 14));
        w[2 * i] = _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0x88));
        w[2 * i + 1] = _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0xdd));
      }
    } else {
#pragma GCC unroll 8
      for (int u = 0; u < kUnits; ++u) {
        w[u] = _mm512_castps_si512(
            quarters(points.four(u, 0), points.four(u, 4), points.four(u, 8), points.four(u, 12)));
      }
    }
    if constexpr (L.signs) apply_signs(load(points.signs()), w);
  }

  // Bit u of a byte of `plane`: whether the code of unit u in that place is negative.
  static inline void apply_signs(__m512i plane, __m512i (&w)[kUnits]) {
#pragma GCC unroll 8
    for (int u = 0; u < kUnits; ++u) {
      const __mmask64 negative =
          _mm512_test_epi8_mask(plane, _mm512_set1_epi8(static_cast<char>(1 << u)));
      w[u] = _mm512_mask_sub_epi8(w[u], negative, _mm512_setzero_si512(), w[u]);
    }
  }

  // The codes of a unit.
  template <DType kType>
  [[gnu::always_inline]] static inline __m512i unit_codes(const std::byte* p, int unit) {
    constexpr PackedFormat F = kPackedFormatOf<kType>;
    const auto vector = [&](int i) { return load(p + kUnitBytes * i); };
    if constexpr (F.planes == 8) return vector(unit);
    constexpr bool has4 = (F.planes & 4) != 0;
    constexpr bool has2 = (F.planes & 2) != 0;
    constexpr int shift2 = has4 ? 4 : 0;
    constexpr int shift1 = shift2 + (has2 ? 2 : 0);
    __m512i codes = _mm512_setzero_si512();
    if constexpr (has4) codes = unit < 4 ? low4(vector(unit)) : high4(vector(unit - 4));
    if constexpr (has2) {
      const int at = (has4 ? 4 : 0) + unit % 2;
      codes = add_bits(codes, vector(at), unit / 2 * 2, shift2, 3 << shift2);
    }
    if constexpr ((F.planes & 1) != 0) {
      const int at = (has4 ? 4 : 0) + (has2 ? 2 : 0);
      codes = add_bits(codes, vector(at), unit, shift1, 1 << shift1);
    }
    return look_up<F.table>(codes);
  }

  template <DType kType>
  static inline void unpack(const std::byte* p, Cell& cell) {
    if constexpr (kPackedFormatOf<kType>.is_lattice()) {
      look_up_points<kType>(p, cell);
    } else {
#pragma GCC unroll 8
      for (int u = 0; u < kUnits; ++u) cell.unit[u] = unit_codes<kType>(p, u);
    }
  }

  // The even elements of a unit's codes, or the odd ones, as words.
  static inline __m512i words(__m512i codes, int odd) {
    return odd != 0 ? _mm512_srli_epi16(codes, 8) : _mm512_and_si512(codes, _mm512_set1_epi16(255));
  }

  // Words of a panel, of(codes) each.
  template <class Of>
  [[gnu::always_inline]] static inline void store_words(const Cell& cell, std::byte* p,
                                                        const Of& of) {
    for (int i = 0; i < 2 * kUnits; ++i) {
      _mm512_store_si512(p + 64 * i, of(words(cell.unit[i / 2], i % 2)));
    }
  }

  template <DType kType>
  static inline void store_panel(const Cell& cell, std::byte* p) {
    if constexpr (kWords) {
      const __m512i offset = _mm512_set1_epi16(kPackedFormatOf<kType>.offset);
      store_words(cell, p, [&](__m512i codes) { return _mm512_sub_epi16(codes, offset); });
    } else {
      for (int u = 0; u < kUnits; ++u) _mm512_store_si512(p + 64 * u, cell.unit[u]);
    }
  }

  template <DType>
  static inline void fold_panel(const Cell& cell, Ints scale, std::byte* p) {
    const __m512i both = _mm512_or_si512(_mm512_slli_epi32(scale.v, 16), scale.v);
    store_words(cell, p, [&](__m512i codes) { return _mm512_mullo_epi16(codes, both); });
  }

  static inline __m512i four(const std::byte* a) {
    int32_t word;
    __builtin_memcpy(&word, a, sizeof(word));
    return _mm512_set1_epi32(word);
  }

  // value × factor, a power of two.
  template <int factor>
  static inline Ints times(const int32_t* value) {
    return {_mm512_slli_epi32(_mm512_set1_epi32(*value), std::countr_zero(unsigned{factor}))};
  }

  template <DType kType, int R, int kUnitCount>
  [[gnu::always_inline]] static inline void dots(const Cell& cell, int first,
                                                 const Block* const (&a)[R], int at,
                                                 Ints (&dot)[R]) {
    // Two chains go side by side, of high and low bytes or of even and odd units: a single one
    // would wait for each result.
    constexpr int kHalves = Block::kHalves;
    __m512i sum[2][R];
    for (int r = 0; r < R; ++r) {
      sum[0][r] = _mm512_setzero_si512();
      sum[1][r] = dot[r].v;
    }
#pragma GCC unroll 2
    for (int half = 0; half < kHalves; ++half) {
#pragma GCC unroll 8
      for (int u = first; u < first + kUnitCount; ++u) {
        __m512i(&to)[R] = sum[kHalves == 2 ? half : u % 2];
        for (int r = 0; r < R; ++r) {
          const std::byte* x = a[r]->cells + Block::kCellBytes * at + 32 * half + 4 * u;
          to[r] = _mm512_dpbusd_epi32(to[r], cell.unit[u], four(x));
        }
      }
    }
    for (int r = 0; r < R; ++r) {
      if constexpr (kHalves == 2) sum[0][r] = _mm512_slli_epi32(sum[0][r], 8);
      dot[r].v = _mm512_add_epi32(sum[0][r], sum[1][r]);
    }
  }

  // The odd or even codes of a unit as words.
  template <DType kType>
  [[gnu::always_inline]] static inline __m512i unit_words(const std::byte* p, int unit, int odd) {
    constexpr PackedFormat F = kPackedFormatOf<kType>;
    if constexpr (F.planes == 4 && F.table == CodeTable::kNone) {
      // Four nibbles of 16 bits are one each of two units' even and odd codes.
      const __m512i nibbles = load(p + kUnitBytes * (unit % 4));
      const int shift = unit / 4 * 4 + 8 * odd;
      const __m512i low = shift == 0 ? nibbles : _mm512_srli_epi16(nibbles, shift);
      return shift == 12 ? low : _mm512_and_si512(low, _mm512_set1_epi16(15));
    } else {
      return words(unit_codes<kType>(p, unit), odd);
    }
  }

  // What is added to `dot`, of R rows × C groups: codes(vector, group) is a vector of four codes
  // a column, or of two words. Those that a vector of the packed codes holds come one after the
  // other.
  template <int R, int C, int kUnitCount, class Codes>
  [[gnu::always_inline]] static inline void add_dots(const Codes& codes, int first,
                                                     const Block* const (&a)[R], int at,
                                                     Ints (&dot)[R][C]) {
    constexpr int kOfUnit = kWords ? 2 : 1;
    // Results take as long as eight dots: fewer sums are cut in two.
    constexpr int kChains = R * C < 10 ? 2 : 1;
    __m512i sum[kChains][R][C];
    for (int r = 0; r < R; ++r) {
      for (int g = 0; g < C; ++g) {
        sum[0][r][g] = dot[r][g].v;
        if constexpr (kChains == 2) sum[1][r][g] = _mm512_setzero_si512();
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < kOfUnit * kUnitCount; ++i) {
      const int unit = kUnitCount == 8 ? i / (2 * kOfUnit) + i / kOfUnit % 2 * 4 : i / kOfUnit;
      const int vector = kOfUnit * (first + unit) + i % kOfUnit;
      __m512i w[C];
      for (int g = 0; g < C; ++g) w[g] = codes(vector, g);
      for (int r = 0; r < R; ++r) {
        const __m512i x = four(a[r]->cells + Block::kCellBytes * at + 4 * vector);
        for (int g = 0; g < C; ++g) {
          __m512i& to = sum[i % kChains][r][g];
          to = kWords ? _mm512_dpwssd_epi32(to, w[g], x) : _mm512_dpbusd_epi32(to, w[g], x);
        }
      }
    }
    for (int r = 0; r < R; ++r) {
      for (int g = 0; g < C; ++g) {
        dot[r][g].v = sum[0][r][g];
        if constexpr (kChains == 2) dot[r][g].v = _mm512_add_epi32(sum[0][r][g], sum[1][r][g]);
      }
    }
  }

  template <DType kType, int R, int C, int kUnitCount>
  [[gnu::always_inline]] static inline void straight_dots(const std::byte* packed,
                                                          int64_t group_step, int first,
                                                          const Block* const (&a)[R], int at,
                                                          Ints (&dot)[R][C]) {
    const auto codes = [&](int vector, int g) __attribute__((always_inline)) {
      const std::byte* const p = packed + g * group_step;
      if constexpr (kWords) return unit_words<kType>(p, vector / 2, vector % 2);
      return unit_codes<kType>(p, vector);
    };
    add_dots<R, C, kUnitCount>(codes, first, a, at, dot);
  }

  template <DType, int R, int C, int kUnitCount>
  [[gnu::always_inline]] static inline void tile_dots(const std::byte* panel,
                                                      std::size_t group_distance, int first,
                                                      const Block* const (&a)[R], int at,
                                                      Ints (&dot)[R][C]) {
    const auto codes = [&](int vector, int g) __attribute__((always_inline)) {
      return load(panel + g * group_distance + 64 * vector);
    };
    add_dots<R, C, kUnitCount>(codes, first, a, at, dot);
  }
};

}  // namespace
}  // namespace weft::cpu::avx512
