// What this machine can do at most, measured where a benchmark runs: its figures are shares of it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/thread_pool.h"

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

// How fast memory that is there already can be read at the moment, by all threads of a pool. On a
// machine that others share, that changes within seconds, and with the place that memory was given.
class ReadProbe {
 public:
  // Of the parts, which must stay, 512 MiB at most.
  ReadProbe(std::span<const std::span<const std::byte>> parts, int threads);

  // Reads all of it five times, of which the middle one counts. 0: there is nothing to read.
  double bytes_per_second();

 private:
  std::vector<std::span<const std::byte>> pieces_;
  double bytes_ = 0;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace weft::cpu
