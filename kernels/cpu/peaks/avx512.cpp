// 512-bit registers: float multiply-adds, and the dots of VNNI and BF16.
#include "kernels/cpu/peaks/chains.h"
#include "kernels/cpu/peaks/probe.h"

namespace weft::cpu {
namespace {

using Vector = float __attribute__((vector_size(64)));

// Zeros, as in avx2.cpp.
void fma_f32(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("vfmadd231ps %1, %1, %0" : "+v"(sum) : "v"(x));
      });
}

void dot_i16(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("vpdpwssd %1, %1, %0" : "+v"(sum) : "v"(x));
      });
}

void dot_u8s8(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("vpdpbusd %1, %1, %0" : "+v"(sum) : "v"(x));
      });
}

void dot_bf16(int64_t rounds) {
  const Vector x{};
  run_chains<Vector>(
      rounds, [&](Vector & sum) __attribute__((always_inline)) {
        asm volatile("vdpbf16ps %1, %1, %0" : "+v"(sum) : "v"(x));
      });
}

bool has_avx512f(const CpuFeatures& features) { return features.avx512f; }
bool has_vnni(const CpuFeatures& features) { return features.avx512f && features.avx512_vnni; }
bool has_bf16(const CpuFeatures& features) { return features.avx512f && features.avx512_bf16; }

constexpr ArithmeticProbe kProbes[] = {
    {"fma_f32_avx512", has_avx512f, kChains * 16 * 2, fma_f32},
    {"dot_i16_avx512", has_vnni, kChains * 32 * 2, dot_i16},
    {"dot_u8s8_avx512", has_vnni, kChains * 64 * 2, dot_u8s8},
    {"dot_bf16_avx512", has_bf16, kChains * 32 * 2, dot_bf16},
};

}  // namespace

ProbeList avx512_probes() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace weft::cpu
