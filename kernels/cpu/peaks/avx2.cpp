// 256-bit registers: float multiply-adds, and integer dots as kernels do them, with the additions
// that they take; AVX-VNNI has the dots as one instruction.
#include "kernels/cpu/peaks/chains.h"
#include "kernels/cpu/peaks/probe.h"

namespace weft::cpu {
namespace {

using Vector = float __attribute__((vector_size(32)));

// Zeros: what is multiplied does not change the speed, and no number becomes subnormal.
void fma_f32(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("vfmadd231ps %1, %1, %0" : "+x"(sum) : "x"(x));
      });
}

void dot_i16(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        Vector product;
        asm volatile("vpmaddwd %2, %2, %1\n\tvpaddd %1, %0, %0"
                     : "+x"(sum), "=&x"(product)
                     : "x"(x));
      });
}

void dot_u8s8(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        Vector product;
        asm volatile("vpmaddubsw %2, %2, %1\n\tvpmaddwd %2, %1, %1\n\tvpaddd %1, %0, %0"
                     : "+x"(sum), "=&x"(product)
                     : "x"(x));
      });
}

void dot_i16_vnni(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("%{vex%} vpdpwssd %1, %1, %0" : "+x"(sum) : "x"(x));
      });
}

void dot_u8s8_vnni(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("%{vex%} vpdpbusd %1, %1, %0" : "+x"(sum) : "x"(x));
      });
}

bool has_fma(const CpuFeatures& features) { return features.avx2 && features.fma; }
bool has_avx2(const CpuFeatures& features) { return features.avx2; }
bool has_vnni(const CpuFeatures& features) { return features.avx_vnni; }

constexpr ArithmeticProbe kProbes[] = {
    {"fma_f32_avx2", has_fma, kChains * 8 * 2, fma_f32},
    {"dot_i16_avx2", has_avx2, kChains * 16 * 2, dot_i16},
    {"dot_u8s8_avx2", has_avx2, kChains * 32 * 2, dot_u8s8},
    {"dot_i16_avx_vnni", has_vnni, kChains * 16 * 2, dot_i16_vnni},
    {"dot_u8s8_avx_vnni", has_vnni, kChains * 32 * 2, dot_u8s8_vnni},
};

}  // namespace

ProbeList avx2_probes() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace weft::cpu
