// BF16 dots as they are meant.
#pragma once

#include "kernels/cpu/generic/bf16_linear.h"
#include "kernels/cpu/scalar/packed.h"

namespace weft::cpu::scalar {
namespace {

struct Bf16 {
  using Floats = F32x16;
  struct Pairs {
    uint32_t lane[16];

    static Pairs load(const std::byte* p) {
      Pairs pairs;
      __builtin_memcpy(pairs.lane, p, sizeof(pairs.lane));
      return pairs;
    }
    static Pairs splat(const std::byte* p) {
      uint32_t word;
      __builtin_memcpy(&word, p, sizeof(word));
      Pairs pairs;
      for (uint32_t& lane : pairs.lane) lane = word;
      return pairs;
    }
  };
  static constexpr int kTileRows = 1;
  static constexpr int kTileGroups = 1;

  static void prefetch(const std::byte*) {}
  static float high(uint32_t pair) { return float_from_bits(pair & 0xffff0000u); }
  static float low(uint32_t pair) { return float_from_bits(pair << 16); }
  static F32x16 dot(F32x16 acc, Pairs w, Pairs a) {
    return F32x16::each([&](int j) {
      const float odd = __builtin_fmaf(high(w.lane[j]), high(a.lane[j]), acc.lane[j]);
      return __builtin_fmaf(low(w.lane[j]), low(a.lane[j]), odd);
    });
  }
};

}  // namespace
}  // namespace weft::cpu::scalar
