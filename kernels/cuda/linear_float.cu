// out[t][n] = Σ_k w[n][k] × x[t][k] (+ bias[n]) for float32 weights, whose mantissa bits tensor
// cores would drop. A lane adds up every 32nd product in ascending order, then the lanes are added.
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/linear.h"

namespace weft::cuda {
namespace {

struct LinearFloat {
  static constexpr const char* kName = "linear_float";
  static constexpr int kThreads = 256;
  static constexpr int kColumns = kThreads / kWarp;  // a warp is an output column
  static constexpr int kRows = 4;                    // of x at a time, for one read of the weight
  using Shared = NoShared;

  Mat x;
  const float* weight;
  const float* bias;
  Mat out;

  WEFT_DEVICE void operator()(Shared&) const {
    const int64_t column = int64_t{block_index().x} * kColumns + warp_index();
    const int64_t first_row = int64_t{block_index().y} * kRows;
    if (column >= out.cols) return;
    float sums[kRows] = {};
    for (int64_t k = lane_index(); k < x.cols; k += kWarp) {
      const float w = load(weight + column * x.cols + k);
      WEFT_UNROLL
      for (int i = 0; i < kRows; ++i) {
        if (first_row + i < x.rows) {
          sums[i] = fused_multiply_add(w, load(x.data + (first_row + i) * x.cols + k), sums[i]);
        }
      }
    }
    WEFT_UNROLL
    for (int i = 0; i < kRows; ++i) {
      float y = warp_sum(sums[i]);
      if (lane_index() != 0 || first_row + i >= x.rows) continue;
      if (bias != nullptr) y += load(bias + column);
      store(out.data + (first_row + i) * out.cols + column, y);
    }
  }
};

}  // namespace

void linear_float(Stream& stream, Mat x, const float* weight, const float* bias, Mat out) {
  launch(stream,
         {.x = static_cast<int>((out.cols + LinearFloat::kColumns - 1) / LinearFloat::kColumns),
          .y = static_cast<int>((x.rows + LinearFloat::kRows - 1) / LinearFloat::kRows)},
         LinearFloat{.x = x, .weight = weight, .bias = bias, .out = out});
}

}  // namespace weft::cuda
