// What a GPU can do at most, measured where a benchmark runs: its figures are shares of it.
#pragma once

#include <string>

#include "core/error.h"
#include "kernels/cuda/gpu.h"

namespace weft::cuda {

struct DevicePeaks {
  double read_bytes_per_s = 0;  // of memory, far beyond the second cache level
  double flops = 0;             // of tensor cores over half floats, two a multiply-add
};

// How much a launch does: some milliseconds, beside which it does not count itself, by more blocks
// than any GPU runs at once, so that the last of them are a small part.
struct PeakEffort {
  std::size_t buffer_bytes = std::size_t{2} << 30;  // at most a quarter of what is free
  int blocks = 4096;
  double bytes = 16e9;  // read; at least the buffer
  double flops = 2e12;
};

// The best of a few runs after one. Fails with kOutOfMemory, or kDeviceError where a launch did.
Result<DevicePeaks> measure_peaks(Gpu& gpu, const PeakEffort& effort = {});

}  // namespace weft::cuda
