// BF16 dots by float32 multiply-adds: bfdot rounds otherwise than the other instruction sets.
#pragma once

#include "kernels/cpu/generic/bf16_linear.h"
#include "kernels/cpu/neon/packed.h"

namespace weft::cpu::neon {
namespace {

struct Bf16 {
  using Floats = F32x16;
  struct Pairs {
    uint32x4_t v[kQuarters];

    static Pairs load(const std::byte* p) {
      Pairs pairs;
      for (int q = 0; q < kQuarters; ++q) {
        pairs.v[q] = vreinterpretq_u32_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(p) + 16 * q));
      }
      return pairs;
    }
    static Pairs splat(const std::byte* p) {
      uint32_t word;
      __builtin_memcpy(&word, p, sizeof(word));
      const uint32x4_t v = vdupq_n_u32(word);
      return {{v, v, v, v}};
    }
  };
  static constexpr int kTileRows = 4;
  static constexpr int kTileGroups = 1;

  static void prefetch(const std::byte* p) { __builtin_prefetch(p + 4096, 0, 2); }
  static inline float32x4_t odd(uint32x4_t pairs) {
    return vreinterpretq_f32_u32(vandq_u32(pairs, vdupq_n_u32(0xffff0000u)));
  }
  static inline float32x4_t even(uint32x4_t pairs) {
    return vreinterpretq_f32_u32(vshlq_n_u32(pairs, 16));
  }
  static inline F32x16 dot(F32x16 acc, Pairs w, Pairs a) {
    return F32x16::each([&](int q) {
      const float32x4_t first = vfmaq_f32(acc.v[q], odd(w.v[q]), odd(a.v[q]));
      return vfmaq_f32(first, even(w.v[q]), even(a.v[q]));
    });
  }
};

}  // namespace
}  // namespace weft::cpu::neon
