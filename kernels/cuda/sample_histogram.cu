// Of each bucket of distance from the best: how many logits it has, and Σ of their weights,
//   weight = e^((logit - best) / temperature), in fixed point.
//
// A block counts a slice in shared memory and adds what it found to the row's sums. Weights are
// added as two halves there, for which a multiprocessor has an addition of its own.
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/sample_kernels.h"

namespace weft::cuda {
namespace {

// A slice's halves must not overflow: 2^11 of below 2^21 and of at most 2^19.
constexpr int kLowBits = 21;
static_assert(kSampleSlice <= 1 << (32 - kLowBits) && kFixedExpBits - kLowBits < kLowBits);

struct CountAndWeigh {
  static constexpr const char* kName = "count_and_weigh";
  static constexpr int kThreads = 256;
  struct Shared {
    SharedArray<uint32_t, kSampleBuckets> counts, low, high;
  };

  const SampleRow* rows;
  int n_vocab;

  WEFT_DEVICE void operator()(Shared& shared) const {
    const SampleRow row = load(rows + block_index().y);
    if (!row.ranks()) return;
    const uint64_t key = best_of(row, grid_size().x);
    if (!can_be_drawn(key)) return;
    const float best = logit_of(key);
    for (int b = thread_index(); b < kSampleBuckets; b += kThreads) {
      shared.counts[b] = 0;
      shared.low[b] = 0;
      shared.high[b] = 0;
    }
    sync_threads();
    int likely = 0;
    WEFT_UNROLL
    for (int j = 0; j < kSampleSlice / kThreads; ++j) {
      const int i = block_index().x * kSampleSlice + j * kThreads + thread_index();
      if (i >= n_vocab) continue;
      const float logit = load(row.logits + i);
      const uint64_t weight = weight_of(row, best, logit);
      likely += weight >= row.min_weight ? 1 : 0;
      const int bucket = bucket_of(row, best, logit);
      if (bucket == kSampleBuckets) continue;
      shared.counts.atomic_add(bucket, 1u);
      shared.low.atomic_add(bucket, static_cast<uint32_t>(weight) & ((1u << kLowBits) - 1));
      shared.high.atomic_add(bucket, static_cast<uint32_t>(weight >> kLowBits));
    }
    if (row.min_p > 0.0f) {
      WEFT_UNROLL
      for (int mask = kWarp / 2; mask > 0; mask /= 2) likely += shuffle_xor(likely, mask);
      if (lane_index() == 0) atomic_add(row.likely, likely);
    }
    sync_threads();
    for (int b = thread_index(); b < kSampleBuckets; b += kThreads) {
      const uint32_t count = shared.counts[b];
      if (count == 0) continue;
      atomic_add(row.counts + b, static_cast<int>(count));
      atomic_add(row.weights + b, (uint64_t{shared.high[b]} << kLowBits) + shared.low[b]);
    }
  }
};

}  // namespace

void count_and_weigh(Stream& stream, const SampleRow* rows, int count, int n_vocab) {
  launch(stream, {.x = sample_slices(n_vocab), .y = count}, CountAndWeigh{rows, n_vocab});
}

}  // namespace weft::cuda
