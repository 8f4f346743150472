// What this machine can do at most, measured where a benchmark runs: its figures are shares of it.
#pragma once

#include <string_view>
#include <vector>

namespace weft::cpu {

struct Peak {
  // "dram_read", "fma_f32_avx2", "dot_i16_avx512", "dot_u8s8_avx_vnni", "amx_bf16", …: what is
  // done, and with which registers.
  std::string_view name;
  bool is_bytes = false;  // bytes a second, or operations: two a multiply-add
  double per_second = 0;  // of all threads
};

struct Peaks {
  int threads = 0;
  std::vector<Peak> all;        // dram_read, then what the processor and the system let it do
  double read_bytes_per_s = 0;  // dram_read: far beyond the caches
  double flops = 0;             // float32, 256-bit registers (NEON: 128)

  // 0 where the machine has no such thing.
  double of(std::string_view name) const;
};

// The best of a few runs, about a quarter of a second and 256 MiB.
Peaks measure_peaks(int threads);

}  // namespace weft::cpu
