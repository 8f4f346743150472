// Packed linear layers as they are meant: the loops of generic/packed_linear.h over plain arrays.
#pragma once

#include "core/half.h"
#include "core/quant/fp4.h"
#include "core/quant/iq4_nl.h"
#include "kernels/cpu/generic/packed_linear.h"
#include "kernels/cpu/packed/lattice.h"

namespace weft::cpu::scalar {
// Nameless, as this header is one source file's: whatever is instantiated with these types stays in
// that file's object.
namespace {

struct F32x16 {
  float lane[16];

  template <class Fn>
  static F32x16 each(const Fn& fn) {
    F32x16 r;
    for (int j = 0; j < 16; ++j) r.lane[j] = fn(j);
    return r;
  }
  static F32x16 splat(float x) {
    return each([&](int) { return x; });
  }
  static F32x16 zero() { return splat(0.0f); }
  static F32x16 load(const float* p) {
    return each([&](int j) { return p[j]; });
  }
  void store(float* p) const {
    for (int j = 0; j < 16; ++j) p[j] = lane[j];
  }
  static F32x16 from_halves(const std::byte* p) {
    return each([&](int j) {
      uint16_t half;
      __builtin_memcpy(&half, p + 2 * j, sizeof(half));
      return float_from_half(half);
    });
  }
  static F32x16 from_e8m0(const std::byte* p) {
    return each([&](int j) { return half_scale_from_e8m0(static_cast<uint8_t>(p[j])); });
  }
  static F32x16 from_ue4m3(const std::byte* p) {
    return each([&](int j) { return half_scale_from_ue4m3(static_cast<uint8_t>(p[j])); });
  }
};

static inline F32x16 operator+(F32x16 a, F32x16 b) {
  return F32x16::each([&](int j) { return a.lane[j] + b.lane[j]; });
}
static inline F32x16 operator-(F32x16 a, F32x16 b) {
  return F32x16::each([&](int j) { return a.lane[j] - b.lane[j]; });
}
static inline F32x16 operator*(F32x16 a, F32x16 b) {
  return F32x16::each([&](int j) { return a.lane[j] * b.lane[j]; });
}
static inline F32x16 fma(F32x16 a, F32x16 b, F32x16 c) {
  return F32x16::each([&](int j) { return __builtin_fmaf(a.lane[j], b.lane[j], c.lane[j]); });
}

struct I32x16 {
  int32_t lane[16];

  template <class Fn>
  static I32x16 each(const Fn& fn) {
    I32x16 r;
    for (int j = 0; j < 16; ++j) r.lane[j] = fn(j);
    return r;
  }
  static I32x16 splat(int32_t x) {
    return each([&](int) { return x; });
  }
  static I32x16 from_bytes(const std::byte* p) {
    return each([&](int j) { return static_cast<int32_t>(p[j]); });
  }
  static I32x16 from_signed(const std::byte* p) {
    return each([&](int j) { return int32_t{static_cast<int8_t>(p[j])}; });
  }
  static I32x16 from_low_nibbles(const std::byte* p) {
    return each([&](int j) { return static_cast<int32_t>(p[j] & std::byte{15}); });
  }
  static I32x16 from_high_nibbles(const std::byte* p) {
    return each([&](int j) { return static_cast<int32_t>(p[j] >> 4); });
  }
};
static inline I32x16 operator+(I32x16 a, I32x16 b) {
  return I32x16::each([&](int j) { return a.lane[j] + b.lane[j]; });
}
static inline I32x16 operator*(I32x16 a, I32x16 b) {
  return I32x16::each([&](int j) { return a.lane[j] * b.lane[j]; });
}
static inline F32x16 to_float(I32x16 a) {
  return F32x16::each([&](int j) { return static_cast<float>(a.lane[j]); });
}

// The activations of a cell are its 32 integers in order: Element is int16_t or int8_t.
template <class ActivationBlock, class Element>
struct Plain {
  using Block = ActivationBlock;
  using Floats = F32x16;
  using Ints = I32x16;
  // What the codes stand for, plus the format's offset: [unit][column][element].
  struct Cell {
    uint8_t code[kUnits * kUnitBytes];
  };

  static constexpr bool kSignedCodes = false;
  static constexpr bool kTileOrder = false;
  static constexpr bool kFolds = false;
  static constexpr int kFewRows = 1;
  static constexpr int kManyRows = 0;

  static void prefetch(const std::byte*, int) {}

  static uint32_t largest(const float* x) {
    uint32_t most = 0;
    for (int i = 0; i < kCellElements; ++i) {
      const uint32_t bits = bits_from_float(x[i]) & 0x7fffffffu;
      most = bits > most ? bits : most;
    }
    return most;
  }

  static void quantize(const float* x, float inverse, std::byte* cell, int32_t (&sum)[2]) {
    for (int i = 0; i < kCellElements; ++i) {
      const auto a = static_cast<Element>(__builtin_rintf(x[i] * inverse));
      sum[i / 16] += a;
      __builtin_memcpy(cell + i * int64_t{sizeof(a)}, &a, sizeof(a));
    }
  }

  template <DType kType>
  static void look_up_points(const std::byte* p, Cell& cell) {
    constexpr LatticeFormat L = kPackedFormatOf<kType>.lattice;
    const std::byte* const high = p + L.high_at();
    const std::byte* const signs = p + L.signs_at();
    for (int j = 0; j < kGroupColumns; ++j) {
      uint32_t field = 0;
      __builtin_memcpy(&field, high + L.high_bytes() * j, L.high_bytes());
      for (int e = 0; e < kCellElements; ++e) {
        const int point = e / L.elements;
        const uint32_t above = field >> (L.high_bits * point) & ((1u << L.high_bits) - 1);
        const uint32_t index = static_cast<uint8_t>(p[kGroupColumns * point + j]) | above << 8;
        uint64_t coordinates;
        if constexpr (L.elements == 8) coordinates = points_of_8(kType)[index];
        if constexpr (L.elements == 4) coordinates = points_of_4(kType)[index];
        const auto code = static_cast<uint8_t>(coordinates >> (8 * (e % L.elements)));
        const int i = 4 * j + e % 4;
        const bool negative = L.signs && (static_cast<int>(signs[i]) >> (e / 4) & 1) != 0;
        cell.code[kUnitBytes * (e / 4) + i] = negative ? static_cast<uint8_t>(-code) : code;
      }
    }
  }

  template <DType kType>
  static void unpack(const std::byte* p, Cell& cell) {
    constexpr PackedFormat F = kPackedFormatOf<kType>;
    if constexpr (F.is_lattice()) return look_up_points<kType>(p, cell);
    for (int u = 0; u < kUnits; ++u) {
      for (int i = 0; i < kUnitBytes; ++i) {
        const auto plane = [&](int vector) { return static_cast<int>(p[kUnitBytes * vector + i]); };
        int code = 0;
        int bits = 0;
        int vectors = 0;
        if constexpr (F.planes == 8) {
          code = plane(u);
        } else {
          if constexpr ((F.planes & 4) != 0) {
            code = plane(u % 4) >> (u / 4 * 4) & 15;
            bits += 4;
            vectors += 4;
          }
          if constexpr ((F.planes & 2) != 0) {
            code |= (plane(vectors + u % 2) >> (u / 2 * 2) & 3) << bits;
            bits += 2;
            vectors += 2;
          }
          if constexpr ((F.planes & 1) != 0) code |= (plane(vectors) >> u & 1) << bits;
        }
        if constexpr (F.table == CodeTable::kIq4) code = iq4_levels()[code] + F.offset;
        if constexpr (F.table == CodeTable::kFp4) code = fp4_doubled_levels()[code] + F.offset;
        if constexpr (F.table == CodeTable::kSigns) code = 2 * code - 1 + F.offset;
        cell.code[kUnitBytes * u + i] = static_cast<uint8_t>(code);
      }
    }
  }

  static I32x16 dot(const uint8_t* codes, int first, int count, const std::byte* a) {
    I32x16 sum = I32x16::splat(0);
    for (int k = 4 * first; k < 4 * (first + count); ++k) {
      Element x;
      __builtin_memcpy(&x, a + k * int64_t{sizeof(x)}, sizeof(x));
      for (int j = 0; j < 16; ++j) {
        sum.lane[j] += int32_t{codes[kUnitBytes * (k / 4) + 4 * j + k % 4]} * x;
      }
    }
    return sum;
  }

  template <int factor>
  static Ints times(const int32_t* value) {
    return Ints::splat(*value * factor);
  }

  template <DType kType, int R, int kUnitCount>
  static void dots(const Cell& cell, int first, const Block* const (&a)[R], int at,
                   Ints (&sums)[R]) {
    for (int r = 0; r < R; ++r) {
      const std::byte* const x = a[r]->cells + Block::kCellBytes * at;
      sums[r] = sums[r] + dot(cell.code, first, kUnitCount, x);
    }
  }
};
using Plain16 = Plain<Int16Block, int16_t>;
using Plain8 = Plain<Int8Block, int8_t>;

}  // namespace
}  // namespace weft::cpu::scalar
