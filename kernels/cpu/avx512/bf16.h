// BF16 dots by vdpbf16ps (Intel since Cooper Lake, AMD since Zen 4).
#pragma once

#include "kernels/cpu/avx512/packed.h"
#include "kernels/cpu/generic/bf16_linear.h"

namespace weft::cpu::avx512 {
namespace {

struct Bf16 {
  using Floats = F32x16;
  struct Pairs {
    __m512i v;

    static Pairs load(const std::byte* p) { return {_mm512_loadu_si512(p)}; }
    static Pairs splat(const std::byte* p) { return {Vnni<Int16Block>::four(p)}; }
  };
  // 18 sums, 3 vectors of weights and one of activations: of 32 registers.
  static constexpr int kTileRows = 6;
  static constexpr int kTileGroups = 3;

  // Groups lie powers of two apart, where the first cache level holds eight lines of them all.
  static void prefetch(const std::byte* p) { _mm_prefetch(p + 2048, _MM_HINT_T1); }
  static inline F32x16 dot(F32x16 acc, Pairs w, Pairs a) {
    return {
        _mm512_dpbf16_ps(acc.v, reinterpret_cast<__m512bh>(w.v), reinterpret_cast<__m512bh>(a.v))};
  }
};

}  // namespace
}  // namespace weft::cpu::avx512
