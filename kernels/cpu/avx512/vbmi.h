// Lattice points with AVX-512 VBMI (Intel since Ice Lake, AMD since Zen 4): their tables, in two or
// more registers each, are searched for 64 indices at a time by vpermi2b. Three times as fast as a
// load for each point where a point is four elements (measured on Zen 4).
#pragma once

#include "kernels/cpu/avx512/packed.h"

namespace weft::cpu::avx512 {
namespace {

template <class ActivationBlock, bool kWords = ActivationBlock::kHalves == 2>
struct Vbmi : Vnni<ActivationBlock, kWords> {
  using Base = Vnni<ActivationBlock, kWords>;
  using typename Base::Cell;

  // IQ1's 2,048 points lie in too many registers to gain anything.
  static constexpr bool searched(const PackedFormat& format) {
    return format.is_lattice() && format.lattice.high_bits <= 2;
  }

  // What packed_kernel() makes of it.
  static constexpr bool serves(const PackedFormat& format) { return searched(format); }

  template <DType kType>
  static inline void unpack(const std::byte* p, Cell& cell) {
    if constexpr (searched(kPackedFormatOf<kType>)) {
      search_points<kType>(p, cell);
    } else {
      Base::template unpack<kType>(p, cell);
    }
  }

 private:
  // What each byte of x finds in a table of 128 × kPairs: by its low seven bits in each 128 of
  // them, among which the bits of `choice` choose, the lowest first.
  template <int kPairs>
  static inline __m512i search(const uint8_t* table, __m512i x, const __mmask64* choice) {
    if constexpr (kPairs == 1) {
      return _mm512_permutex2var_epi8(Base::load(bytes(table)), x, Base::load(bytes(table + 64)));
    } else {
      const __m512i low = search<kPairs / 2>(table, x, choice);
      const __m512i high = search<kPairs / 2>(table + 64 * kPairs, x, choice);
      return _mm512_mask_mov_epi8(low, choice[std::countr_zero(unsigned{kPairs}) - 1], high);
    }
  }
  static const std::byte* bytes(const uint8_t* p) { return reinterpret_cast<const std::byte*>(p); }

  // The upper bits of four rows' indices from `row` on, in the order of search_points().
  template <LatticeFormat L>
  static inline __m512i upper_bits(const std::byte* high, int row) {
    static_assert(L.high_bytes() == 1);
    const __m128i fields = _mm_loadu_si128(reinterpret_cast<const __m128i*>(high));
    const __m512i quarters = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    const __m512i spread = _mm512_permutexvar_epi32(quarters, _mm512_castsi128_si512(fields));
    const auto shift = [&](int r) { return L.high_bits * (row + r); };
    const __m128i shifts = _mm_setr_epi32(shift(0), shift(1), shift(2), shift(3));
    const __m512i moved = _mm512_srlv_epi32(spread, _mm512_broadcast_i32x4(shifts));
    return _mm512_and_si512(moved, _mm512_set1_epi8((1 << L.high_bits) - 1));
  }

  // c0 … c3: the elements of 64 points' fours, in the order of search_points(); row r of four goes
  // to to[r × step].
  static inline void interleave(__m512i c0, __m512i c1, __m512i c2, __m512i c3, int step,
                                __m512i* to) {
    const __m512i a = _mm512_unpacklo_epi8(c0, c1);
    const __m512i b = _mm512_unpackhi_epi8(c0, c1);
    const __m512i c = _mm512_unpacklo_epi8(c2, c3);
    const __m512i d = _mm512_unpackhi_epi8(c2, c3);
    to[0] = _mm512_unpacklo_epi16(a, c);
    to[step] = _mm512_unpackhi_epi16(a, c);
    to[2 * step] = _mm512_unpacklo_epi16(b, d);
    to[3 * step] = _mm512_unpackhi_epi16(b, d);
  }

  static inline __m512i nibble(__m512i x, int number) {
    return number == 0 ? Base::low4(x) : Base::high4(x);
  }

  template <DType kType>
  static inline void search_points(const std::byte* p, Cell& cell) {
    constexpr LatticeFormat L = kPackedFormatOf<kType>.lattice;
    constexpr int kPairs = 2 << L.high_bits;
    const std::byte* const high = p + L.high_at();
    __m512i(&w)[kUnits] = cell.unit;
    const auto levels = [](const LatticeNibbles& nibbles, int which) {
      return _mm512_broadcast_i32x4(
          _mm_load_si128(reinterpret_cast<const __m128i*>(nibbles.level[which])));
    };
    constexpr const LatticeNibbles& kNibbles = nibbles_of(kType);
    const __m512i even = levels(kNibbles, 0);
    const __m512i odd = levels(kNibbles, 1);
    // Four columns of four rows in each quarter, so that interleave() ends with a row a vector.
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    for (int row = 0; row < L.points(); row += 4) {
      const __m512i x = _mm512_permutexvar_epi32(order, Base::load(p + kGroupColumns * row));
      __mmask64 choice[1 + L.high_bits] = {_mm512_movepi8_mask(x)};
      if constexpr (L.high_bits != 0) {
        const __m512i bits = upper_bits<L>(high, row);
        for (int i = 0; i < L.high_bits; ++i) {
          choice[1 + i] = _mm512_test_epi8_mask(bits, _mm512_set1_epi8(static_cast<char>(1 << i)));
        }
      }
      __m512i c[8];
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const __m512i found = search<kPairs>(halves_of(kType, half), x, choice);
        if constexpr (L.elements == 8) {
          // A nibble is two elements of two bits.
#pragma GCC unroll 2
          for (int i = 0; i < 2; ++i) {
            const __m512i two = nibble(found, i);
            c[4 * half + 2 * i] = _mm512_shuffle_epi8(even, two);
            c[4 * half + 2 * i + 1] = _mm512_shuffle_epi8(odd, two);
          }
        } else {
          c[2 * half] = _mm512_shuffle_epi8(even, nibble(found, 0));
          c[2 * half + 1] = _mm512_shuffle_epi8(even, nibble(found, 1));
        }
      }
      if constexpr (L.elements == 8) {
        interleave(c[0], c[1], c[2], c[3], 2, w);
        interleave(c[4], c[5], c[6], c[7], 2, w + 1);
      } else {
        interleave(c[0], c[1], c[2], c[3], 1, w + row);
      }
    }
    if constexpr (L.signs) {
      Base::apply_signs(Base::load(p + L.signs_at()), w);
    }
  }
};

}  // namespace
}  // namespace weft::cpu::avx512
