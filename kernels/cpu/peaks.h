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
  std::vector<Peak> all;        // reading, then what the processor and the system let it do
  double read_bytes_per_s = 0;  // the first of them: memory far beyond the caches

  // 0 where the machine has no such thing.
  double of(std::string_view name) const;

  // The probe of what the kernels `isa` multiply with where linear layers hold their inputs as
  // `activations` ("f32", "i16", …): what bounds their products of many rows. Float32 multiply-adds
  // where there is none of its own; so too for weights of floats, which meet i16 and int8 inputs as
  // float32. Where the peaks are a GPU's: its tensor cores.
  std::string_view compute_limit(std::string_view isa, std::string_view activations,
                                 bool float_weights) const;
};

// The best of a few runs, about a quarter of a second and 256 MiB.
Peaks measure_peaks(int threads);

}  // namespace weft::cpu
