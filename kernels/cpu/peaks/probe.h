// One arithmetic peak: how many operations of one instruction this processor does in a second.
// Each instruction set's probes are a file here, compiled with that set's flags. Private to
// kernels/cpu/peaks.cpp.
#pragma once

#include <cstdint>

#include "core/cpu_features.h"

namespace weft::cpu {

struct ArithmeticProbe {
  const char* name;
  bool (*supported)(const CpuFeatures& features);
  double ops_per_round;  // two a multiply-add
  void (*run)(int64_t rounds);
};

struct ProbeList {
  const ArithmeticProbe* probes;
  int count;
};

ProbeList avx2_probes();
ProbeList avx512_probes();
ProbeList amx_probes();
ProbeList neon_probes();

}  // namespace weft::cpu
