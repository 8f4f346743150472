// What this machine can do at most, measured where a benchmark runs: its figures are shares of it.
#pragma once

namespace weft::cpu {

struct Peaks {
  double read_bytes_per_s = 0;  // from memory, far beyond the caches
  double flops = 0;  // of all threads, float32, eight lanes (SSE where there is no AVX2), two a FMA
};

// About half a second.
Peaks measure_peaks(int threads);

}  // namespace weft::cpu
