// y[r][c] = y[r][c] × inverse_scales[r] (+ bias[c])
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/plain_products.h"

namespace weft::cuda {
namespace {

struct FinishPlainProduct {
  static constexpr const char* kName = "finish_plain_product";
  static constexpr int kThreads = 256;
  using Shared = NoShared;

  float* y;
  int columns;
  const float* inverse_scales;
  const float* bias;

  WEFT_DEVICE void operator()(Shared&) const {
    const int row = block_index().y;
    const int column = block_index().x * kThreads + thread_index();
    if (column >= columns) return;
    float* at = y + int64_t{row} * columns + column;
    float value = load(at) * load(inverse_scales + row);
    if (bias != nullptr) value += load(bias + column);
    store(at, value);
  }
};

}  // namespace

void finish_plain_product(Stream& stream, float* y, int rows, int columns,
                          const float* inverse_scales, const float* bias) {
  constexpr int kThreads = FinishPlainProduct::kThreads;
  launch(stream, {.x = (columns + kThreads - 1) / kThreads, .y = rows},
         FinishPlainProduct{y, columns, inverse_scales, bias});
}

}  // namespace weft::cuda
