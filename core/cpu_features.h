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
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool amx_tile = false;
  bool amx_int8 = false;
  bool amx_bf16 = false;
  // ARM
  bool neon = false;
};

// Asks the processor; all false where it cannot be asked.
CpuFeatures detect_cpu_features();

}  // namespace weft
