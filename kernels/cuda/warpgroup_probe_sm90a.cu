// A chain of products by a warpgroup and the same by its warps, 8 columns at a time:
//   different += bits(d_wgmma) != bits(d_mma),  d = Σ_step a[step] · b[step]  in order.
#include "kernels/cuda/device/hopper.h"
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/warpgroup_probe.h"

namespace weft::cuda {
namespace {

template <bool kBfloat, int kTokens>
struct WarpgroupProbe {
  static constexpr const char* kName = "warpgroup_probe";
  static constexpr int kThreads = kWarpgroup;
  static constexpr int kBlocks = 1;
  static constexpr int kUnits = kProbeSteps / 4;
  static constexpr int kUnitElements = 8 * kTokens * 64;
  struct Shared {
    alignas(1024) SharedArray<uint16_t, kUnits * kUnitElements> b;
    SharedBarrier full;
  };

  const uint16_t* operands;
  int32_t* different;

  // Words 2t and 2t + 1 of K of a step and those eight further, of a column: as mma takes them.
  WEFT_DEVICE void right_operand(const uint16_t* b, int step, int column,
                                 uint32_t (&words)[2]) const {
    const uint16_t* row = b + (step / 4 * kProbeColumns + column) * 64;
    WEFT_UNROLL
    for (int h = 0; h < 2; ++h) {
      const int piece = (step % 4 * 2 + h) ^ (column % 8);
      words[h] = load(reinterpret_cast<const uint32_t*>(row + 8 * piece) + lane_index() % 4);
    }
  }

  WEFT_DEVICE void left_operand(const uint16_t* chain, int step, uint32_t (&words)[4]) const {
    const Vec4 v = load(reinterpret_cast<const Vec4*>(chain) + step * kWarpgroup + thread_index());
    words[0] = v.x;
    words[1] = v.y;
    words[2] = v.z;
    words[3] = v.w;
  }

  WEFT_DEVICE void operator()(Shared& shared) const {
    const uint16_t* chain = operands + int64_t{block_index().x} * kProbeChainElements;
    const uint16_t* right = chain + kProbeLeftElements;
    if (thread_index() == 0) {
      shared.full.init(1);
      fence_barriers();
    }
    sync_threads();
    if (thread_index() == 0) {
      shared.full.arrive_expecting(2 * kUnits * kUnitElements);
      for (int unit = 0; unit < kUnits; ++unit) {
        copy_bulk(shared.b, unit * kUnitElements, right + unit * kProbeColumns * 64,
                  2 * kUnitElements, shared.full);
      }
    }
    uint32_t a[kProbeSteps][4];
    WEFT_UNROLL
    for (int step = 0; step < kProbeSteps; ++step) left_operand(chain, step, a[step]);
    shared.full.wait(0);

    float d[kTokens][4];
    warpgroup_fence();
    WEFT_UNROLL
    for (int step = 0; step < kProbeSteps; ++step) {
      const uint64_t b = matrix_descriptor(shared_address(shared.b, step / 4 * kUnitElements),
                                           Swizzle::k128, 16, 1024) +
                         static_cast<uint64_t>(2 * (step % 4));
      if constexpr (kBfloat) {
        warpgroup_multiply_bfloat(d, a[step], b, step > 0);
      } else {
        warpgroup_multiply_half(d, a[step], b, step > 0);
      }
    }
    warpgroup_commit();
    warpgroup_wait<0>();
    take_results(d);

    int count = 0;
    WEFT_UNROLL
    for (int n = 0; n < kTokens; ++n) {
      float expected[4] = {0.0f, 0.0f, 0.0f, 0.0f};
      // Operands are loaded anew: kept, with the results above, they would not fit in registers.
      WEFT_NO_UNROLL
      for (int step = 0; step < kProbeSteps; ++step) {
        uint32_t left[4];
        left_operand(chain, step, left);
        uint32_t b[2];
        right_operand(right, step, 8 * n + lane_index() / 4, b);
        if constexpr (kBfloat) {
          mma_bfloat(expected, left, b);
        } else {
          mma_half(expected, left, b);
        }
      }
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) {
        count += bits_from_float(d[n][i]) != bits_from_float(expected[i]) ? 1 : 0;
      }
    }
    if (count != 0) atomic_add(different, count);
  }
};

template <bool kBfloat, int kTokens>
int64_t probe(Stream& stream, const uint16_t* operands, int32_t* different) {
  launch(stream, {.x = kProbeChains}, WarpgroupProbe<kBfloat, kTokens>{operands, different});
  return int64_t{kProbeChains} * 64 * 8 * kTokens;
}

template <bool kBfloat>
int64_t probe_all(Stream& stream, const uint16_t* operands, int32_t* different) {
  return probe<kBfloat, 1>(stream, operands, different) +
         probe<kBfloat, 8>(stream, operands, different) +
         probe<kBfloat, 16>(stream, operands, different) +
         probe<kBfloat, 32>(stream, operands, different);
}

}  // namespace

int64_t probe_warpgroups(Stream& stream, bool bfloat, const uint16_t* operands,
                         int32_t* different) {
  return bfloat ? probe_all<true>(stream, operands, different)
                : probe_all<false>(stream, operands, different);
}

}  // namespace weft::cuda
