// bests[slice] = the first in rank of a slice of a row's logits: the largest, the lowest id first.
// Also makes the row's sums zero, for what is launched next.
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/sample_kernels.h"

namespace weft::cuda {
namespace {

struct FindBest {
  static constexpr const char* kName = "find_best";
  static constexpr int kThreads = 256;
  static constexpr int kWarps = kThreads / kWarp;
  struct Shared {
    SharedArray<uint64_t, kWarps> bests;
  };

  const SampleRow* rows;
  int n_vocab;
  SamplePass pass;

  WEFT_DEVICE void operator()(Shared& shared) const {
    const SampleRow row = load(rows + block_index().y);
    if (!takes_part(row, pass)) return;
    const int slice = block_index().x;
    uint64_t best = 0;
    WEFT_UNROLL
    for (int j = 0; j < kSampleSlice / kThreads; ++j) {
      const int i = slice * kSampleSlice + j * kThreads + thread_index();
      if (i < n_vocab) {
        const uint64_t key = rank_key(load(row.logits + i), i);
        best = key > best ? key : best;
      }
    }
    best = warp_max(best);
    if (lane_index() == 0) shared.bests[warp_index()] = best;
    sync_threads();
    if (warp_index() == 0) {
      best = warp_max(lane_index() < kWarps ? uint64_t{shared.bests[lane_index() % kWarps]} : 0);
      if (lane_index() == 0) store(row.bests + slice, best);
    }

    if (slice == 0 && thread_index() == 0) {
      store(row.likely, 0);
      if (pass == SamplePass::kScore) store(&row.drawn->weight_sum, uint64_t{0});
    }
    if (pass != SamplePass::kDraw || !row.ranks()) return;
    const int threads = grid_size().x * kThreads;
    for (int b = slice * kThreads + thread_index(); b < kSampleBuckets; b += threads) {
      store(row.counts + b, 0);
      store(row.weights + b, uint64_t{0});
    }
  }
};

}  // namespace

void find_best(Stream& stream, const SampleRow* rows, int count, int n_vocab, SamplePass pass) {
  launch(stream, {.x = sample_slices(n_vocab), .y = count}, FindBest{rows, n_vocab, pass});
}

}  // namespace weft::cuda
