// weight_sum = Σ e^(logit - best) in fixed point, over a row as the model gave it, with the best
// and the id's own logit: what the id's log-probability is made of.
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/sample_kernels.h"

namespace weft::cuda {
namespace {

struct SumWeights {
  static constexpr const char* kName = "sum_weights";
  static constexpr int kThreads = 256;
  using Shared = NoShared;

  const SampleRow* rows;
  int n_vocab;

  WEFT_DEVICE void operator()(Shared&) const {
    const SampleRow row = load(rows + block_index().y);
    if (!takes_part(row, SamplePass::kScore)) return;
    const uint64_t key = best_of(row, grid_size().x);
    const bool first = block_index().x == 0 && thread_index() == 0;
    if (!can_be_drawn(key)) {
      if (first) store(&row.drawn->id, -1);
      return;
    }
    const float best = logit_of(key);
    if (first) {
      const int32_t id = row.draws() ? load(&row.drawn->id) : row.given;
      store(&row.drawn->id, id);
      store(&row.drawn->best, best);
      if (id >= 0) store(&row.drawn->logit, load(row.logits + id));
    }
    uint64_t sum = 0;
    WEFT_UNROLL
    for (int j = 0; j < kSampleSlice / kThreads; ++j) {
      const int i = block_index().x * kSampleSlice + j * kThreads + thread_index();
      if (i >= n_vocab) continue;
      sum += fixed_exp(static_cast<double>(load(row.logits + i)) - static_cast<double>(best));
    }
    WEFT_UNROLL
    for (int mask = kWarp / 2; mask > 0; mask /= 2) sum += shuffle_xor(sum, mask);
    if (lane_index() == 0) atomic_add(&row.drawn->weight_sum, sum);
  }
};

}  // namespace

void sum_weights(Stream& stream, const SampleRow* rows, int count, int n_vocab) {
  launch(stream, {.x = sample_slices(n_vocab), .y = count}, SumWeights{rows, n_vocab});
}

}  // namespace weft::cuda
