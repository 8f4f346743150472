// sums[block][thread] = Σ of a chain of a warpgroup's products, as many a round as K has steps.
#include "kernels/cuda/device/hopper.h"
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/peaks_kernels.h"

namespace weft::cuda {
namespace {

struct MultiplyByWarpgroups {
  static constexpr const char* kName = "multiply_by_warpgroups";
  static constexpr int kThreads = kWarpgroup;
  // One's products hide where the other waits for its own.
  static constexpr int kBlocks = 2;
  static constexpr int kTokens = 32;
  struct Shared {
    alignas(1024) SharedArray<uint16_t, kGroupOperands> b;
    SharedBarrier full;
  };

  const uint16_t* operands;
  int rounds;
  float* sums;

  WEFT_DEVICE void operator()(Shared& shared) const {
    if (thread_index() == 0) {
      shared.full.init(1);
      fence_barriers();
    }
    sync_threads();
    if (thread_index() == 0) {
      shared.full.arrive_expecting(2 * kGroupOperands);
      copy_bulk(shared.b, 0, operands, 2 * kGroupOperands, shared.full);
    }
    shared.full.wait(0);
    constexpr uint32_t kHalves = 0x38003800;  // 0.5, 0.5
    const uint32_t a[4] = {kHalves, kHalves, kHalves, kHalves};
    float d[kTokens][4];
    WEFT_NO_UNROLL
    for (int round = 0; round < rounds; ++round) {
      warpgroup_fence();
      WEFT_UNROLL
      for (int step = 0; step < kGroupProducts; ++step) {
        const uint64_t b = matrix_descriptor(shared_address(shared.b, 0), Swizzle::k128, 16, 1024) +
                           static_cast<uint64_t>(2 * step);
        warpgroup_multiply_half(d, a, b, round + step > 0);
      }
      warpgroup_commit();
      warpgroup_wait<0>();
    }
    take_results(d);
    float sum = 0;
    WEFT_UNROLL
    for (int n = 0; n < kTokens; ++n) {
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) sum += d[n][i];
    }
    store(sums + int64_t{block_index().x} * kThreads + thread_index(), sum);
  }
};

}  // namespace

void multiply_by_warpgroups(Stream& stream, int blocks, int rounds, const uint16_t* operands,
                            float* sums) {
  launch(stream, {.x = blocks}, MultiplyByWarpgroups{operands, rounds, sums});
}

}  // namespace weft::cuda
