#include "kernels/cuda/peaks.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "kernels/cuda/peaks_kernels.h"

namespace weft::cuda {
namespace {

constexpr int kAttempts = 5;

// The shortest of a few runs after the first, which loads code.
Result<double> best_seconds(Gpu& gpu, const std::function<void()>& queue) {
  double best = 0;
  for (int attempt = 0; attempt <= kAttempts; ++attempt) {
    WEFT_TRY(gpu.synchronize());
    const auto start = std::chrono::steady_clock::now();
    queue();
    WEFT_TRY(gpu.synchronize());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (attempt == 1 || (attempt > 1 && took.count() < best)) best = took.count();
  }
  return best;
}

Result<double> read_bytes_per_second(Gpu& gpu, const PeakEffort& effort) {
  const std::size_t free_bytes = gpu.memory().free_bytes;
  const auto count =
      static_cast<int64_t>(std::min(effort.buffer_bytes, free_bytes / 4) / sizeof(Vec4));
  const auto bytes = static_cast<double>(count) * sizeof(Vec4);
  WEFT_TRY_ASSIGN(const Buffer buffer,
                  gpu.allocate(static_cast<std::size_t>(count) * sizeof(Vec4)));
  WEFT_TRY_ASSIGN(const Buffer found,
                  gpu.allocate(static_cast<std::size_t>(effort.blocks) * sizeof(uint32_t)));
  const int passes = std::max(1, static_cast<int>(effort.bytes / bytes));
  WEFT_TRY_ASSIGN(const double seconds, best_seconds(gpu, [&] {
                    read_memory(gpu.stream(), effort.blocks, buffer.as<const Vec4>(), count, passes,
                                found.as<uint32_t>());
                  }));
  return bytes * passes / seconds;
}

Result<double> flops_per_second(Gpu& gpu, const PeakEffort& effort) {
  const bool groups = gpu.has_warpgroups();
  const double of_product = groups ? 2.0 * 64 * 16 * 256 : 2.0 * 16 * 16 * 8;
  const int blocks = effort.blocks;
  const double of_round =
      of_product * blocks * (groups ? kGroupProducts : kChainProducts * kPeakWarps);
  const int rounds = std::max(1, static_cast<int>(effort.flops / of_round));
  WEFT_TRY_ASSIGN(const Buffer sums,
                  gpu.allocate(static_cast<std::size_t>(blocks) * 128 * sizeof(float)));
  const std::vector<uint16_t> halves(kGroupOperands, 0x3800);
  WEFT_TRY_ASSIGN(const Buffer operands, gpu.allocate(halves.size() * sizeof(uint16_t)));
  gpu.upload(operands.as<uint16_t>(), halves.data(), halves.size() * sizeof(uint16_t));
  WEFT_TRY_ASSIGN(const double seconds, best_seconds(gpu, [&] {
                    if (groups) {
                      multiply_by_warpgroups(gpu.stream(), blocks, rounds,
                                             operands.as<const uint16_t>(), sums.as<float>());
                    } else {
                      multiply_by_warps(gpu.stream(), blocks, rounds, sums.as<float>());
                    }
                  }));
  return of_round * rounds / seconds;
}

}  // namespace

Result<DevicePeaks> measure_peaks(Gpu& gpu, const PeakEffort& effort) {
  DevicePeaks peaks;
  WEFT_TRY_ASSIGN(peaks.read_bytes_per_s, read_bytes_per_second(gpu, effort));
  WEFT_TRY_ASSIGN(peaks.flops, flops_per_second(gpu, effort));
  return peaks;
}

}  // namespace weft::cuda
