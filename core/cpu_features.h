// What the processor can run and the operating system has enabled. Knows no kernel.
#pragma once

namespace weft {

struct CpuFeatures {
  // x86
  bool avx2 = false;
  bool fma = false;
  bool f16c = false;
  bool avx512f = false;
  bool avx512bw = false;
  bool avx512dq = false;
  bool avx512vl = false;
  bool avx_vnni = false;  // the dots of AVX-512 VNNI in 256-bit registers, VEX-coded
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool avx512_vbmi = false;  // bytes by table, across a register
  bool amx_tile = false;     // core/platform/amx.h must be asked too
  bool amx_int8 = false;
  bool amx_bf16 = false;
  // Arm
  bool neon = false;
  bool arm_dotprod = false;
  bool arm_i8mm = false;
  bool arm_bf16 = false;
  bool arm_sve = false;
};

// Asks the processor; all false where it cannot be asked.
CpuFeatures detect_cpu_features();

}  // namespace weft
