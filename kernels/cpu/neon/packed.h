// Packed linear layers with NEON and the dot products of Armv8.2: four signed bytes of each of four
// columns at a time. 16 columns are four vectors. An activation of 16 bits goes as its high and its
// low byte.
#pragma once

#include <arm_neon.h>
#include <bit>
#include <cstdint>
#include <utility>

#include "kernels/cpu/generic/packed_linear.h"
#include "kernels/cpu/packed/lattice.h"

namespace weft::cpu::neon {
// Nameless, as this header is one source file's: whatever is instantiated with these types stays in
// that file's object.
namespace {

constexpr int kQuarters = 4;  // vectors of 16 columns

static inline uint8x16_t sixteen(const std::byte* p) {
  return vld1q_u8(reinterpret_cast<const uint8_t*>(p));
}

struct I32x16 {
  int32x4_t v[kQuarters];

  static I32x16 splat(int32_t x) {
    const int32x4_t v = vdupq_n_s32(x);
    return {{v, v, v, v}};
  }
  static I32x16 of(uint8x16_t bytes) {
    const int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
    const int16x8_t high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(bytes)));
    return {{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)),
             vmovl_s16(vget_low_s16(high)), vmovl_s16(vget_high_s16(high))}};
  }
  static I32x16 from_bytes(const std::byte* p) { return of(sixteen(p)); }
  static I32x16 from_signed(const std::byte* p) {
    const int8x16_t bytes = vreinterpretq_s8_u8(sixteen(p));
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes));
    const int16x8_t high = vmovl_s8(vget_high_s8(bytes));
    return {{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)),
             vmovl_s16(vget_low_s16(high)), vmovl_s16(vget_high_s16(high))}};
  }
  static I32x16 from_low_nibbles(const std::byte* p) {
    return of(vandq_u8(sixteen(p), vdupq_n_u8(15)));
  }
  static I32x16 from_high_nibbles(const std::byte* p) { return of(vshrq_n_u8(sixteen(p), 4)); }
};
static inline I32x16 operator+(I32x16 a, I32x16 b) {
  for (int q = 0; q < kQuarters; ++q) a.v[q] = vaddq_s32(a.v[q], b.v[q]);
  return a;
}
static inline I32x16 operator*(I32x16 a, I32x16 b) {
  for (int q = 0; q < kQuarters; ++q) a.v[q] = vmulq_s32(a.v[q], b.v[q]);
  return a;
}

struct F32x16 {
  float32x4_t v[kQuarters];

  template <class Fn>
  static F32x16 each(const Fn& fn) {
    return {{fn(0), fn(1), fn(2), fn(3)}};
  }
  static F32x16 splat(float x) {
    return each([&](int) { return vdupq_n_f32(x); });
  }
  static F32x16 zero() { return splat(0); }
  static F32x16 load(const float* p) {
    return each([&](int q) { return vld1q_f32(p + 4 * q); });
  }
  void store(float* p) const {
    for (int q = 0; q < kQuarters; ++q) vst1q_f32(p + 4 * q, v[q]);
  }

  static F32x16 from_halves(const std::byte* p) {
    return each([&](int q) {
      float16x4_t halves;
      __builtin_memcpy(&halves, p + 8 * q, sizeof(halves));
      return vcvt_f32_f16(halves);
    });
  }
  // 2^(e - 128): the exponent field e - 1, or a subnormal for e of 0 and 1.
  static F32x16 from_e8m0(const std::byte* p) {
    return each([&](int q) {
      uint32_t four;
      __builtin_memcpy(&four, p + 4 * q, sizeof(four));
      const uint16x8_t halves = vmovl_u8(vcreate_u8(four));
      const int32x4_t e = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(halves)));
      const int32x4_t normal = vshlq_n_s32(vsubq_s32(e, vdupq_n_s32(1)), 23);
      const int32x4_t small = vshlq_s32(vdupq_n_s32(0x00200000), e);
      const uint32x4_t is_small = vcltq_s32(e, vdupq_n_s32(2));
      return vreinterpretq_f32_s32(vbslq_s32(is_small, small, normal));
    });
  }
  // The seven bits as exponent and mantissa of a float, whose subnormals are theirs too, times what
  // lies between the biases; 0x7f is 0.
  static F32x16 from_ue4m3(const std::byte* p) {
    return each([&](int q) {
      uint32_t four;
      __builtin_memcpy(&four, p + 4 * q, sizeof(four));
      const uint32x4_t e = vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(four))));
      const uint32x4_t bits = vshlq_n_u32(vandq_u32(e, vdupq_n_u32(0x7f)), 20);
      const uint32x4_t zero = vceqq_u32(e, vdupq_n_u32(0x7f));
      return vmulq_n_f32(vreinterpretq_f32_u32(vbicq_u32(bits, zero)), 0x1p119f);
    });
  }
};

static inline F32x16 operator+(F32x16 a, F32x16 b) {
  return F32x16::each([&](int q) { return vaddq_f32(a.v[q], b.v[q]); });
}
static inline F32x16 operator-(F32x16 a, F32x16 b) {
  return F32x16::each([&](int q) { return vsubq_f32(a.v[q], b.v[q]); });
}
static inline F32x16 operator*(F32x16 a, F32x16 b) {
  return F32x16::each([&](int q) { return vmulq_f32(a.v[q], b.v[q]); });
}
static inline F32x16 fma(F32x16 a, F32x16 b, F32x16 c) {
  return F32x16::each([&](int q) { return vfmaq_f32(c.v[q], a.v[q], b.v[q]); });
}

static inline F32x16 to_float(I32x16 a) {
  return F32x16::each([&](int q) { return vcvtq_f32_s32(a.v[q]); });
}

// Four columns' codes of a unit, unpacked: one byte a code.
template <DType kType>
static inline int8x16_t unit_codes(const std::byte* cell, int unit, int quarter) {
  constexpr PackedFormat F = kPackedFormatOf<kType>;
  const auto load = [&](int vector) { return sixteen(cell + kUnitBytes * vector + 16 * quarter); };
  // (x >> right << left) & mask, a byte at a time.
  const auto bits = [](uint8x16_t x, int right, int left, int mask) {
    x = vshlq_u8(x, vdupq_n_s8(static_cast<int8_t>(left - right)));
    return vandq_u8(x, vdupq_n_u8(static_cast<uint8_t>(mask)));
  };
  // Bytes of 0 … 255 that stand for -128 … 127.
  if constexpr (F.planes == 8 || F.is_lattice())
    return vreinterpretq_s8_u8(veorq_u8(load(unit), vdupq_n_u8(128)));
  constexpr bool has4 = (F.planes & 4) != 0;
  constexpr bool has2 = (F.planes & 2) != 0;
  constexpr int shift2 = has4 ? 4 : 0;
  constexpr int shift1 = shift2 + (has2 ? 2 : 0);
  uint8x16_t codes = vdupq_n_u8(0);
  if constexpr (has4) codes = bits(load(unit % 4), unit / 4 * 4, 0, 15);
  if constexpr (has2) {
    const uint8x16_t more = load((has4 ? 4 : 0) + unit % 2);
    codes = vorrq_u8(codes, bits(more, unit / 2 * 2, shift2, 3 << shift2));
  }
  if constexpr ((F.planes & 1) != 0) {
    const uint8x16_t more = load((has4 ? 4 : 0) + (has2 ? 2 : 0));
    codes = vorrq_u8(codes, bits(more, unit, shift1, 1 << shift1));
  }
  if constexpr (F.table == CodeTable::kIq4) {
    constexpr int8_t levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                   1,    13,   25,  38,  53,  69,  89,  113};
    return vqtbl1q_s8(vld1q_s8(levels), codes);
  } else if constexpr (F.table == CodeTable::kFp4) {
    constexpr int8_t levels[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    return vqtbl1q_s8(vld1q_s8(levels), codes);
  } else if constexpr (F.table == CodeTable::kSigns) {
    return vreinterpretq_s8_u8(vsubq_u8(vaddq_u8(codes, codes), vdupq_n_u8(1)));
  } else {
    return vreinterpretq_s8_u8(codes);
  }
}

// The codes of a whole cell of lattice points, [unit][column][element].
template <DType kType>
static inline void look_up_cell(const std::byte* cell, std::byte* codes) {
  constexpr LatticeFormat L = kPackedFormatOf<kType>.lattice;
  const std::byte* const high = cell + L.high_at();
  const std::byte* const signs = cell + L.signs_at();
  for (int j = 0; j < kGroupColumns; ++j) {
    uint32_t field = 0;
    __builtin_memcpy(&field, high + L.high_bytes() * j, L.high_bytes());
    for (int p = 0; p < L.points(); ++p) {
      const uint32_t above = field >> (L.high_bits * p) & ((1u << L.high_bits) - 1);
      const uint32_t index = static_cast<uint32_t>(cell[kGroupColumns * p + j]) | above << 8;
      if constexpr (L.elements == 8) {
        uint32_t half[2];
        __builtin_memcpy(half, &points_of_8(kType)[index], sizeof(half));
        __builtin_memcpy(codes + kUnitBytes * (2 * p) + 4 * j, &half[0], sizeof(half[0]));
        __builtin_memcpy(codes + kUnitBytes * (2 * p + 1) + 4 * j, &half[1], sizeof(half[1]));
      } else {
        __builtin_memcpy(codes + kUnitBytes * p + 4 * j, &points_of_4(kType)[index], 4);
      }
    }
  }
  if constexpr (L.signs) {
    for (int q = 0; q < kQuarters; ++q) {
      const uint8x16_t plane = sixteen(signs + 16 * q);
      for (int u = 0; u < kUnits; ++u) {
        auto* const at = reinterpret_cast<int8_t*>(codes) + kUnitBytes * u + 16 * q;
        const uint8x16_t negative = vtstq_u8(plane, vdupq_n_u8(static_cast<uint8_t>(1 << u)));
        const int8x16_t w = vld1q_s8(at);
        vst1q_s8(at, vbslq_s8(negative, vnegq_s8(w), w));
      }
    }
  }
}

// The activations of a cell are its 32 high bytes, then its 32 low ones; or its 32 bytes.
template <class ActivationBlock>
struct Sdot {
  using Block = ActivationBlock;
  using Floats = F32x16;
  using Ints = I32x16;
  // Thirty-two registers hold no unpacked cell beside the sums: codes are unpacked where they are
  // used. Points of a lattice are looked up before.
  struct Cell {
    const std::byte* codes;
    alignas(16) std::byte looked_up[kUnits * kUnitBytes];
  };

  template <int>
  struct Setup {};

  static constexpr bool kSignedCodes = true;
  static constexpr bool kSignedPanels = false;
  static constexpr bool kFillsInTile = false;
  static constexpr bool kTileOrder = false;
  static constexpr bool kFolds = false;
  static constexpr int kFewRows = 4;
  static constexpr int kManyRows = 12;
  static constexpr int kTileRows = 4;
  static constexpr int kLeastTileRows = 3;
  static constexpr int kTileGroups = 1;
  static constexpr int64_t panel_rows(const PackedFormat&) { return 0; }
  static constexpr int kPanelCellBytes = kUnits * kUnitBytes;

  static void prefetch_line(const std::byte* p) { __builtin_prefetch(p, 0, 2); }
  static void prefetch_for_write(const float* p) { __builtin_prefetch(p, 1, 2); }
  template <int kLocality>
  [[gnu::always_inline]] static inline void prefetch_lines(const std::byte* p, int bytes) {
    for (int i = 0; i < bytes; i += 64) {
      __builtin_prefetch(p + i, 0, kLocality);
      asm volatile("");  // GCC leaves out loops that do nothing but prefetch
    }
  }
  static void prefetch(const std::byte* p, int bytes) { prefetch_lines<2>(p + 4096, bytes); }
  static void prefetch_far(const std::byte* p, int bytes) { prefetch_lines<2>(p, bytes); }
  static void prefetch_near(const std::byte* p) { __builtin_prefetch(p, 0, 3); }
  static void prefetch_near(const std::byte* p, int bytes) { prefetch_lines<3>(p, bytes); }
  static void prefetch_both(const std::byte* far, const std::byte* near, int bytes) {
    prefetch_far(far, bytes);
    prefetch_near(near, bytes);
  }

  // The largest bit pattern without its sign: NaN is above infinity, infinity above all numbers.
  static inline uint32_t largest(const float* x) {
    uint32x4_t most = vdupq_n_u32(0);
    for (int i = 0; i < 8; ++i) {
      const uint32x4_t bits = vreinterpretq_u32_f32(vld1q_f32(x + 4 * i));
      most = vmaxq_u32(most, vandq_u32(bits, vdupq_n_u32(0x7fffffff)));
    }
    return vmaxvq_u32(most);
  }

  // A 16-bit integer a is 256 × high + low with a signed low byte; an 8-bit one is just the low.
  static inline void quantize(const float* x, float inverse, std::byte* cell, int32_t (&sum)[2]) {
    auto* const to = reinterpret_cast<int8_t*>(cell);
    for (int half = 0; half < 2; ++half) {
      int16x4_t a[4];
      int32x4_t total = vdupq_n_s32(0);
      for (int i = 0; i < 4; ++i) {
        const int32x4_t words =
            vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 16 * half + 4 * i), inverse));
        total = vaddq_s32(total, words);
        a[i] = vmovn_s32(words);
      }
      sum[half] = vaddvq_s32(total);
      const int16x8_t first = vcombine_s16(a[0], a[1]);
      const int16x8_t second = vcombine_s16(a[2], a[3]);
      if constexpr (Block::kHalves == 2) {
        const int16x8_t round = vdupq_n_s16(128);  // 32639 + 128 is the largest there is
        vst1q_s8(to + 16 * half, vcombine_s8(vshrn_n_s16(vaddq_s16(first, round), 8),
                                             vshrn_n_s16(vaddq_s16(second, round), 8)));
      }
      vst1q_s8(to + Block::kCellBytes - 32 + 16 * half,
               vcombine_s8(vmovn_s16(first), vmovn_s16(second)));
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

  template <DType kType>
  static inline void store_panel(const Cell& cell, std::byte* p) {
    for (int u = 0; u < kUnits; ++u) {
      for (int q = 0; q < kQuarters; ++q) {
        vst1q_s8(reinterpret_cast<int8_t*>(p) + kUnitBytes * u + 16 * q,
                 unit_codes<kType>(cell.codes, u, q));
      }
    }
  }

  // value × factor, a power of two.
  template <int factor>
  static inline Ints times(const int32_t* value) {
    return Ints::splat(*value << std::countr_zero(unsigned{factor}));
  }

  // 16 activations' bytes, for four units: of 16-bit ones the high (half 0) or the low.
  static inline int8x16_t activations(const Block& a, int at, int half, int four_units) {
    const std::byte* p = a.cells + Block::kCellBytes * at + 32 * half + 16 * four_units;
    return vld1q_s8(reinterpret_cast<const int8_t*>(p));
  }

  // sum + the dots of four columns' codes with the unit-th four of `x`.
  template <int kUnit>
  static inline int32x4_t dot_unit(int32x4_t sum, int8x16_t codes, int8x16_t x) {
    return vdotq_laneq_s32(sum, codes, x, kUnit % 4);
  }

  // fn.operator()<u>() for units kFirst … kFirst + kCount - 1.
  template <int kFirst, int kCount, class Fn>
  static inline void for_units(const Fn& fn) {
    [&]<int... u>(std::integer_sequence<int, u...>) { (fn.template operator()<kFirst + u>(), ...); }
    (std::make_integer_sequence<int, kCount>());
  }

  template <DType kType, int R, int kFirst, int kUnitCount>
  [[gnu::always_inline]] static inline void dots_from(const Cell& cell, const Block* const (&a)[R],
                                                      int at, Ints (&dot)[R]) {
    for (int q = 0; q < kQuarters; ++q) {
      int32x4_t sum[R][Block::kHalves];
      for (int r = 0; r < R; ++r) {
        sum[r][0] = vdupq_n_s32(0);
        sum[r][Block::kHalves - 1] = dot[r].v[q];
      }
      for_units<kFirst, kUnitCount>([&]<int u>() {
        const int8x16_t codes = unit_codes<kType>(cell.codes, u, q);
        for (int r = 0; r < R; ++r) {
          for (int h = 0; h < Block::kHalves; ++h) {
            sum[r][h] = dot_unit<u>(sum[r][h], codes, activations(*a[r], at, h, u / 4));
          }
        }
      });
      for (int r = 0; r < R; ++r) {
        dot[r].v[q] = sum[r][0];
        if constexpr (Block::kHalves == 2) {
          dot[r].v[q] = vaddq_s32(vshlq_n_s32(sum[r][0], 8), sum[r][1]);
        }
      }
    }
  }

  template <DType kType, int R, int kUnitCount>
  [[gnu::always_inline]] static inline void dots(const Cell& cell, int first,
                                                 const Block* const (&a)[R], int at,
                                                 Ints (&dot)[R]) {
    if (first == 0) return dots_from<kType, R, 0, kUnitCount>(cell, a, at, dot);
    dots_from<kType, R, kUnits - kUnitCount, kUnitCount>(cell, a, at, dot);
  }

  template <int R, int kFirst, int kUnitCount>
  static inline void tile_from(const std::byte* codes, const Block* const (&a)[R], int at,
                               Ints (&dot)[R][1]) {
    I32x16 sum[R];
    for (int r = 0; r < R; ++r) sum[r] = Block::kHalves == 2 ? I32x16::splat(0) : dot[r][0];
    for (int half = 0; half < Block::kHalves; ++half) {
      for_units<kFirst, kUnitCount>([&]<int u>() {
        const auto* w = reinterpret_cast<const int8_t*>(codes) + kUnitBytes * u;
        for (int r = 0; r < R; ++r) {
          const int8x16_t x = activations(*a[r], at, half, u / 4);
          for (int q = 0; q < kQuarters; ++q) {
            sum[r].v[q] = dot_unit<u>(sum[r].v[q], vld1q_s8(w + 16 * q), x);
          }
        }
      });
      if (half + 1 == Block::kHalves) break;
      for (int r = 0; r < R; ++r) {
        for (int q = 0; q < kQuarters; ++q) {
          sum[r].v[q] = vaddq_s32(dot[r][0].v[q], vshlq_n_s32(sum[r].v[q], 8));
        }
      }
    }
    for (int r = 0; r < R; ++r) dot[r][0] = sum[r];
  }

  template <DType, int R, int C, int kUnitCount>
  [[gnu::always_inline]] static inline void tile_dots(const std::byte* codes,
                                                      std::size_t /*group_distance*/, int first,
                                                      const Block* const (&a)[R], int at,
                                                      Ints (&dot)[R][C]) {
    static_assert(C == 1);
    if (first == 0) return tile_from<R, 0, kUnitCount>(codes, a, at, dot);
    tile_from<R, kUnits - kUnitCount, kUnitCount>(codes, a, at, dot);
  }
};

}  // namespace
}  // namespace weft::cpu::neon
