#include "core/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <cstdint>
#elif defined(__aarch64__)
#include "core/platform/arm_features.h"
#endif

namespace weft {

#if defined(__x86_64__)
namespace {

bool bit(uint32_t word, int index) { return ((word >> index) & 1) != 0; }

// XCR0: the register states that the operating system saves (Intel SDM volume 1, 13.3).
uint64_t enabled_states() {
  uint32_t low = 0;
  uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

}  // namespace

CpuFeatures detect_cpu_features() {
  CpuFeatures features;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return features;
  const bool osxsave = bit(c, 27);
  if (!osxsave) return features;
  const uint64_t states = enabled_states();
  const bool ymm = (states & 0x6) == 0x6;           // SSE and AVX state
  const bool zmm = ymm && (states & 0xe0) == 0xe0;  // opmask, upper halves, zmm16-31
  const bool tiles = (states & 0x60000) == 0x60000;
  features.fma = ymm && bit(c, 12);
  features.f16c = ymm && bit(c, 29);

  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return features;
  features.avx2 = ymm && bit(b, 5);
  features.avx512f = zmm && bit(b, 16);
  features.avx512dq = zmm && bit(b, 17);
  features.avx512bw = zmm && bit(b, 30);
  features.avx512vl = zmm && bit(b, 31);
  features.avx512_vbmi = zmm && bit(c, 1);
  features.avx512_vnni = zmm && bit(c, 11);
  features.amx_bf16 = tiles && bit(d, 22);
  features.amx_tile = tiles && bit(d, 24);
  features.amx_int8 = tiles && bit(d, 25);
  if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) {
    features.avx_vnni = ymm && bit(a, 4);
    features.avx512_bf16 = zmm && bit(a, 5);
  }
  return features;
}

#else

CpuFeatures detect_cpu_features() {
  CpuFeatures features;
#if defined(__aarch64__)
  features.neon = true;  // part of the base architecture
  const platform::ArmFeatures arm = platform::arm_features();
  features.arm_dotprod = arm.dotprod;
  features.arm_i8mm = arm.i8mm;
  features.arm_bf16 = arm.bf16;
  features.arm_sve = arm.sve;
#endif
  return features;
}

#endif

}  // namespace weft
