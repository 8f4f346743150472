// out[r][i] = x[r][i] × f[r] × gain[i],  f[r] = 1 / sqrt(Σ x[r][i]² / n + eps); x += y before.
//
// A block is a row: each thread adds up every 256th square in ascending order, then the lanes of a
// warp, then the warps are added. Sums are kept in double, of which there are two operations an
// element: the row is read from memory in that time.
#include "kernels/cuda/rms_norm.h"

#include "kernels/cuda/device/launch.h"

namespace weft::cuda {
namespace {

struct RmsNorm {
  static constexpr const char* kName = "rms_norm";
  static constexpr int kThreads = 256;
  static constexpr int kWarps = kThreads / kWarp;
  struct Shared {
    SharedArray<double, kWarps> sums;
  };

  Mat x;
  const float* y;
  const float* gain;
  float eps;
  Mat out;

  WEFT_DEVICE void operator()(Shared& shared) const {
    const int cols = static_cast<int>(x.cols);
    float* const row = x.data + int64_t{block_index().x} * cols;
    const float* const addend = y == nullptr ? nullptr : y + int64_t{block_index().x} * cols;
    double sum = 0.0;
    for (int i = thread_index(); i < cols; i += kThreads) {
      float value = load(row + i);
      if (addend != nullptr) {
        value += load(addend + i);
        store(row + i, value);
      }
      sum += static_cast<double>(value) * static_cast<double>(value);
    }
    WEFT_UNROLL
    for (int mask = kWarp / 2; mask > 0; mask /= 2) sum += shuffle_xor(sum, mask);
    if (lane_index() == 0) shared.sums[warp_index()] = sum;
    sync_threads();
    double total = 0.0;
    WEFT_UNROLL
    for (int warp = 0; warp < kWarps; ++warp) total += shared.sums[warp];
    const double mean = total / static_cast<double>(cols);
    const float factor = static_cast<float>(1.0 / sqrt(mean + static_cast<double>(eps)));

    // A thread reads what it wrote itself.
    float* const to = out.data + int64_t{block_index().x} * cols;
    for (int i = thread_index(); i < cols; i += kThreads) {
      store(to + i, load(row + i) * factor * load(gain + i));
    }
  }
};

}  // namespace

void rms_norm(Stream& stream, Mat x, const float* y, const float* gain, float eps, Mat out) {
  launch(stream, {.x = static_cast<int>(x.rows)},
         RmsNorm{.x = x, .y = y, .gain = gain, .eps = eps, .out = out});
}

}  // namespace weft::cuda
