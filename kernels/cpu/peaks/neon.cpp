// 128-bit NEON registers: float multiply-adds, widening 16-bit ones, and the dots and matrix
// products of later extensions.
#include "kernels/cpu/peaks/chains.h"
#include "kernels/cpu/peaks/probe.h"

namespace weft::cpu {
namespace {

using Vector = float __attribute__((vector_size(16)));

// Zeros, as in avx2.cpp.
void fma_f32(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("fmla %0.4s, %1.4s, %1.4s" : "+w"(sum) : "w"(x));
      });
}

void dot_i16(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("smlal %0.4s, %1.4h, %1.4h" : "+w"(sum) : "w"(x));
      });
}

void dot_s8(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("sdot %0.4s, %1.16b, %1.16b" : "+w"(sum) : "w"(x));
      });
}

// 2 × 8 times 8 × 2.
void matrix_s8(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("smmla %0.4s, %1.16b, %1.16b" : "+w"(sum) : "w"(x));
      });
}

// 2 × 4 times 4 × 2.
void matrix_bf16(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("bfmmla %0.4s, %1.8h, %1.8h" : "+w"(sum) : "w"(x));
      });
}

bool has_neon(const CpuFeatures& features) { return features.neon; }
bool has_dotprod(const CpuFeatures& features) { return features.arm_dotprod; }
bool has_i8mm(const CpuFeatures& features) { return features.arm_i8mm; }
bool has_bf16(const CpuFeatures& features) { return features.arm_bf16; }

constexpr ArithmeticProbe kProbes[] = {
    {"fma_f32_neon", has_neon, kChains * 4 * 2, fma_f32},
    {"dot_i16_neon", has_neon, kChains * 4 * 2, dot_i16},
    {"dot_s8_neon", has_dotprod, kChains * 16 * 2, dot_s8},
    {"matrix_s8_neon", has_i8mm, kChains * 32 * 2, matrix_s8},
    {"matrix_bf16_neon", has_bf16, kChains * 16 * 2, matrix_bf16},
};

}  // namespace

ProbeList neon_probes() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace weft::cpu
