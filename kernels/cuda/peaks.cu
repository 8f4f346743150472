// found[block] = xor of the words read;  sums[block][thread] = Σ of a chain's results.
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/peaks_kernels.h"

namespace weft::cuda {
namespace {

// Neighbouring threads read neighbouring vectors, and a thread has eight on their way.
struct ReadMemory {
  static constexpr const char* kName = "read_memory";
  static constexpr int kThreads = 256;
  static constexpr int kAtOnce = 8;
  struct Shared {
    SharedArray<uint32_t, kThreads / kWarp> found;
  };

  const Vec4* from;
  int64_t count;
  int blocks, passes;
  uint32_t* found;

  WEFT_DEVICE static uint32_t fold(const Vec4& v) { return v.x ^ v.y ^ v.z ^ v.w; }

  WEFT_DEVICE void operator()(Shared& shared) const {
    const int64_t step = int64_t{kThreads} * blocks;
    uint32_t own = 0;
    for (int pass = 0; pass < passes; ++pass) {
      int64_t i = int64_t{block_index().x} * kThreads + thread_index();
      for (; i + (kAtOnce - 1) * step < count; i += kAtOnce * step) {
        Vec4 v[kAtOnce];
        WEFT_UNROLL
        for (int j = 0; j < kAtOnce; ++j) v[j] = load(from + i + j * step);
        WEFT_UNROLL
        for (int j = 0; j < kAtOnce; ++j) own ^= fold(v[j]);
      }
      for (; i < count; i += step) own ^= fold(load(from + i));
    }
    for (int mask = kWarp / 2; mask > 0; mask /= 2) own ^= shuffle_xor(own, mask);
    if (lane_index() == 0) shared.found[warp_index()] = own;
    sync_threads();
    if (thread_index() != 0) return;
    uint32_t all = 0;
    for (int w = 0; w < kThreads / kWarp; ++w) all ^= shared.found[w];
    store(found + block_index().x, all);
  }
};

// Sixteen chains in each warp hide the latency of a product.
struct MultiplyByWarps {
  static constexpr const char* kName = "multiply_by_warps";
  static constexpr int kThreads = kPeakWarps * kWarp;
  using Shared = NoShared;

  int rounds;
  float* sums;

  WEFT_DEVICE void operator()(Shared&) const {
    constexpr uint32_t kHalves = 0x38003800;  // 0.5, 0.5
    const uint32_t a[4] = {kHalves, kHalves, kHalves, kHalves};
    const uint32_t b[2] = {kHalves, kHalves};
    float d[kChainProducts][4];
    WEFT_UNROLL
    for (int n = 0; n < kChainProducts; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) d[n][i] = 0.0f;
    }
    WEFT_NO_UNROLL
    for (int round = 0; round < rounds; ++round) {
      WEFT_UNROLL
      for (int n = 0; n < kChainProducts; ++n) mma_half(d[n], a, b);
    }
    float sum = 0;
    WEFT_UNROLL
    for (int n = 0; n < kChainProducts; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) sum += d[n][i];
    }
    store(sums + int64_t{block_index().x} * kThreads + thread_index(), sum);
  }
};

}  // namespace

void read_memory(Stream& stream, int blocks, const Vec4* from, int64_t count, int passes,
                 uint32_t* found) {
  launch(stream, {.x = blocks}, ReadMemory{from, count, blocks, passes, found});
}

void multiply_by_warps(Stream& stream, int blocks, int rounds, float* sums) {
  launch(stream, {.x = blocks}, MultiplyByWarps{rounds, sums});
}

}  // namespace weft::cuda
