// Weights into registers: 32 values of a block at a time, as four vectors in ascending order, each
// the same bits as decode_block() of core/quant/<type>.h gives.
//
// Every block format here is 32 signed byte codes, a scale for each 32 or 16 of them, and for some
// a minimum: value = code × scale (- minimum). A format's row is its struct:
//   Block                         from core/quant
//   kScales                       scales of a block: one for each 32 or each 16 values
//   kMinimum                      whether a minimum is subtracted
//   scales(block, s)              fills s
//   codes(block, group)           the 32 codes of a group, ascending, as bytes
#pragma once

#include "core/quant/blocks.h"
#include "kernels/cpu/avx2/simd.h"

namespace weft::cpu::avx2 {

// Scales of one block, multiplied out; minus_min is added, which is the same as subtracting.
struct Scales {
  alignas(32) float scale[16];
  alignas(32) float minus_min[16];
};

static inline float half_to_float(uint16_t bits) { return _cvtsh_ss(bits); }

static inline __m128i load16(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
static inline __m256i load32(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
static inline __m256i both_lanes(__m128i x) { return _mm256_broadcastsi128_si256(x); }

// The low `Bits` bits of each byte, after shifting it right.
template <int Bits>
static inline __m256i bits_of_bytes(__m256i bytes, int shift) {
  return _mm256_and_si256(_mm256_srli_epi16(bytes, shift), _mm256_set1_epi8((1 << Bits) - 1));
}

// 16 bytes of nibbles to 32 bytes: all low ones, then all high ones.
static inline __m256i split_nibbles(__m128i bytes) {
  const __m256i both = _mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes);
  return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

// Byte i is `value` where bit i is set, else 0.
static inline __m256i spread_bits(uint32_t bits, char value) {
  const __m256i words = _mm256_set1_epi32(static_cast<int>(bits));
  const __m256i byte_of = _mm256_setr_epi64x(0x0000000000000000, 0x0101010101010101,
                                             0x0202020202020202, 0x0303030303030303);
  const __m256i bit_of = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  const __m256i chosen = _mm256_and_si256(_mm256_shuffle_epi8(words, byte_of), bit_of);
  return _mm256_and_si256(_mm256_cmpeq_epi8(chosen, bit_of), _mm256_set1_epi8(value));
}

// Sixteen bytes, signed, times d.
static inline void scale_bytes(__m128i bytes, float d, float* out) {
  const __m256 factor = _mm256_set1_ps(d);
  const __m256 low = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
  const __m256 high = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)));
  _mm256_store_ps(out, _mm256_mul_ps(factor, low));
  _mm256_store_ps(out + 8, _mm256_mul_ps(factor, high));
}

// The eight scales and minima of Q4_K and Q5_K (core/quant/k_scales.h), four bytes at a time.
static inline void scale_min_k4(const uint8_t* packed, float d, float dmin, Scales& s) {
  uint32_t words[3];
  __builtin_memcpy(words, packed, sizeof(words));
  const uint32_t scales_low = words[0] & 0x3f3f3f3f;
  const uint32_t mins_low = words[1] & 0x3f3f3f3f;
  const uint32_t scales_high = (words[2] & 0x0f0f0f0f) | ((words[0] >> 6) & 0x03030303) << 4;
  const uint32_t mins_high = ((words[2] >> 4) & 0x0f0f0f0f) | ((words[1] >> 6) & 0x03030303) << 4;
  const __m128i scales = _mm_cvtsi64_si128(
      static_cast<int64_t>(static_cast<uint64_t>(scales_high) << 32 | scales_low));
  const __m128i mins =
      _mm_cvtsi64_si128(static_cast<int64_t>(static_cast<uint64_t>(mins_high) << 32 | mins_low));
  const __m256 scale = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(scales));
  const __m256 min = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(mins));
  _mm256_store_ps(s.scale, _mm256_mul_ps(_mm256_set1_ps(d), scale));
  // -(dmin × min) = (-dmin) × min
  _mm256_store_ps(s.minus_min, _mm256_mul_ps(_mm256_set1_ps(-dmin), min));
}

struct Q4_0 {
  using Block = BlockQ4_0;
  static constexpr int kScales = 1;
  static constexpr bool kMinimum = false;
  static void scales(const Block& block, Scales& s) { s.scale[0] = half_to_float(block.d); }
  static __m256i codes(const Block& block, int) {
    return _mm256_sub_epi8(split_nibbles(load16(block.qs)), _mm256_set1_epi8(8));
  }
};

struct Q4_1 {
  using Block = BlockQ4_1;
  static constexpr int kScales = 1;
  static constexpr bool kMinimum = true;
  static void scales(const Block& block, Scales& s) {
    s.scale[0] = half_to_float(block.d);
    s.minus_min[0] = half_to_float(block.m);  // this format adds
  }
  static __m256i codes(const Block& block, int) { return split_nibbles(load16(block.qs)); }
};

struct Q5_0 {
  using Block = BlockQ5_0;
  static constexpr int kScales = 1;
  static constexpr bool kMinimum = false;
  static void scales(const Block& block, Scales& s) { s.scale[0] = half_to_float(block.d); }
  static __m256i codes(const Block& block, int) {
    const __m256i low = split_nibbles(load16(block.qs));
    return _mm256_sub_epi8(_mm256_or_si256(low, spread_bits(block.qh, 16)), _mm256_set1_epi8(16));
  }
};

struct Q5_1 {
  using Block = BlockQ5_1;
  static constexpr int kScales = 1;
  static constexpr bool kMinimum = true;
  static void scales(const Block& block, Scales& s) {
    s.scale[0] = half_to_float(block.d);
    s.minus_min[0] = half_to_float(block.m);  // this format adds
  }
  static __m256i codes(const Block& block, int) {
    return _mm256_or_si256(split_nibbles(load16(block.qs)), spread_bits(block.qh, 16));
  }
};

struct Q8_0 {
  using Block = BlockQ8_0;
  static constexpr int kScales = 1;
  static constexpr bool kMinimum = false;
  static void scales(const Block& block, Scales& s) { s.scale[0] = half_to_float(block.d); }
  static __m256i codes(const Block& block, int) { return load32(block.qs); }
};

struct IQ4_NL {
  using Block = BlockIQ4_NL;
  static constexpr int kScales = 1;
  static constexpr bool kMinimum = false;
  static void scales(const Block& block, Scales& s) { s.scale[0] = half_to_float(block.d); }
  static __m256i codes(const Block& block, int) {
    return _mm256_shuffle_epi8(both_lanes(load16(iq4_levels())), split_nibbles(load16(block.qs)));
  }
};

struct MXFP4 {
  using Block = BlockMXFP4;
  static constexpr int kScales = 1;
  static constexpr bool kMinimum = false;
  static void scales(const Block& block, Scales& s) { s.scale[0] = half_scale_from_e8m0(block.e); }
  static __m256i codes(const Block& block, int) {
    return _mm256_shuffle_epi8(both_lanes(load16(fp4_doubled_levels())),
                               split_nibbles(load16(block.qs)));
  }
};

struct Q2_K {
  using Block = BlockQ2_K;
  static constexpr int kScales = 16;
  static constexpr bool kMinimum = true;
  static void scales(const Block& block, Scales& s) {
    const __m128i packed = load16(block.scales);
    const __m128i nibble = _mm_set1_epi8(15);
    scale_bytes(_mm_and_si128(packed, nibble), half_to_float(block.d), s.scale);
    scale_bytes(_mm_and_si128(_mm_srli_epi16(packed, 4), nibble), -half_to_float(block.dmin),
                s.minus_min);
  }
  static __m256i codes(const Block& block, int group) {
    return bits_of_bytes<2>(load32(block.qs + 32 * (group / 4)), 2 * (group % 4));
  }
};

struct Q3_K {
  using Block = BlockQ3_K;
  static constexpr int kScales = 16;
  static constexpr bool kMinimum = false;
  static void scales(const Block& block, Scales& s) {
    // Low nibbles of bytes 0..7, then their high ones; on top, two bits each from bytes 8..11,
    // of which scale i takes byte 8 + i % 4 and its bits 2 (i / 4) and up.
    int64_t low_bytes;
    int32_t high_bytes;
    __builtin_memcpy(&low_bytes, block.scales, sizeof(low_bytes));
    __builtin_memcpy(&high_bytes, block.scales + 8, sizeof(high_bytes));
    const __m128i nibbles = _mm_set_epi64x(low_bytes >> 4, low_bytes);
    const __m128i low = _mm_and_si128(nibbles, _mm_set1_epi8(15));
    const __m128i shifted = _mm_srlv_epi32(_mm_set1_epi32(high_bytes), _mm_setr_epi32(0, 2, 4, 6));
    const __m128i high = _mm_slli_epi16(_mm_and_si128(shifted, _mm_set1_epi8(3)), 4);
    const __m128i scale = _mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32));
    scale_bytes(scale, half_to_float(block.d), s.scale);
  }
  static __m256i codes(const Block& block, int group) {
    const __m256i low = bits_of_bytes<2>(load32(block.qs + 32 * (group / 4)), 2 * (group % 4));
    const __m256i high = bits_of_bytes<1>(load32(block.hmask), group);
    return _mm256_sub_epi8(_mm256_or_si256(low, _mm256_slli_epi16(high, 2)), _mm256_set1_epi8(4));
  }
};

struct Q4_K {
  using Block = BlockQ4_K;
  static constexpr int kScales = 8;
  static constexpr bool kMinimum = true;
  static void scales(const Block& block, Scales& s) {
    scale_min_k4(block.scales, half_to_float(block.d), half_to_float(block.dmin), s);
  }
  static __m256i codes(const Block& block, int group) {
    return bits_of_bytes<4>(load32(block.qs + 32 * (group / 2)), 4 * (group % 2));
  }
};

struct Q5_K {
  using Block = BlockQ5_K;
  static constexpr int kScales = 8;
  static constexpr bool kMinimum = true;
  static void scales(const Block& block, Scales& s) {
    scale_min_k4(block.scales, half_to_float(block.d), half_to_float(block.dmin), s);
  }
  static __m256i codes(const Block& block, int group) {
    const __m256i low = bits_of_bytes<4>(load32(block.qs + 32 * (group / 2)), 4 * (group % 2));
    const __m256i high = bits_of_bytes<1>(load32(block.qh), group);
    return _mm256_or_si256(low, _mm256_slli_epi16(high, 4));
  }
};

struct Q6_K {
  using Block = BlockQ6_K;
  static constexpr int kScales = 16;
  static constexpr bool kMinimum = false;
  static void scales(const Block& block, Scales& s) {
    scale_bytes(load16(block.scales), half_to_float(block.d), s.scale);
  }
  static __m256i codes(const Block& block, int group) {
    // Group g of a half: nibbles g / 2 of bytes 32 (g % 2) and up, bit pairs g of all bytes.
    const int half = group / 4;
    const int in_half = group % 4;
    const __m256i low =
        bits_of_bytes<4>(load32(block.ql + 64 * half + 32 * (in_half % 2)), 4 * (in_half / 2));
    const __m256i high = bits_of_bytes<2>(load32(block.qh + 32 * half), 2 * in_half);
    return _mm256_sub_epi8(_mm256_or_si256(low, _mm256_slli_epi16(high, 4)), _mm256_set1_epi8(32));
  }
};

struct IQ4_XS {
  using Block = BlockIQ4_XS;
  static constexpr int kScales = 8;
  static constexpr bool kMinimum = false;
  static void scales(const Block& block, Scales& s) {
    const float d = half_to_float(block.d);
    for (int group = 0; group < 8; ++group) {
      s.scale[group] = d * static_cast<float>(iq4_xs_scale(block, group));
    }
  }
  static __m256i codes(const Block& block, int group) {
    return _mm256_shuffle_epi8(both_lanes(load16(iq4_levels())),
                               split_nibbles(load16(block.qs + 16 * group)));
  }
};

// Group `group` (32 values) of a block, whose scales are s.
template <class Format>
static inline void unpack_group(const typename Format::Block& block, const Scales& s, int group,
                                F32x8 (&w)[4]) {
  constexpr int kGroups = Format::Block::kElements / 32;
  constexpr int kPerGroup = Format::kScales / kGroups;  // 1 or 2
  const __m256i codes = Format::codes(block, group);
  const __m128i low = _mm256_castsi256_si128(codes);
  const __m128i high = _mm256_extracti128_si256(codes, 1);
  const __m128i eight[4] = {low, _mm_srli_si128(low, 8), high, _mm_srli_si128(high, 8)};
  for (int j = 0; j < 4; ++j) {
    const int index = group * kPerGroup + (kPerGroup == 2 ? j / 2 : 0);
    const __m256 value = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight[j]));
    w[j].v = _mm256_mul_ps(value, _mm256_set1_ps(s.scale[index]));
    if constexpr (Format::kMinimum) {
      w[j].v = _mm256_add_ps(w[j].v, _mm256_set1_ps(s.minus_min[index]));
    }
  }
}

}  // namespace weft::cpu::avx2
