// (a, b) → (a cos - b sin, a sin + b cos), each product rounded by itself.
#include "kernels/cuda/rope.h"

#include "kernels/cuda/device/launch.h"

namespace weft::cuda {
namespace {

struct RopeTableKernel {
  static constexpr const char* kName = "rope_table";
  static constexpr int kThreads = 64;
  using Shared = NoShared;

  const double* inverse;
  double magnitude;
  const int32_t* positions;
  Mat table;

  WEFT_DEVICE void operator()(Shared&) const {
    const int pairs = static_cast<int>(table.cols / 2);
    const int64_t t = block_index().x;
    const double position = static_cast<double>(load(positions + t));
    float* const row = table.data + t * table.cols;
    for (int i = thread_index(); i < pairs; i += kThreads) {
      const double angle = position * load(inverse + i);
      store(row + i, static_cast<float>(cos(angle) * magnitude));
      store(row + pairs + i, static_cast<float>(sin(angle) * magnitude));
    }
  }
};

struct Rope {
  static constexpr const char* kName = "rope";
  static constexpr int kThreads = 128;
  using Shared = NoShared;

  Mat x;
  int head_dim;
  int step, apart;  // pair i is (i × step, i × step + apart)
  Mat table;

  WEFT_DEVICE void operator()(Shared&) const {
    const int pairs = static_cast<int>(table.cols / 2);
    const int heads = static_cast<int>(x.cols / head_dim);
    const int64_t t = block_index().x;
    const float* const turns = table.data + t * table.cols;
    for (int i = thread_index(); i < heads * pairs; i += kThreads) {
      const int pair = i % pairs;
      float* const a = x.data + t * x.cols + int64_t{i / pairs} * head_dim + pair * step;
      const float cosine = load(turns + pair);
      const float sine = load(turns + pairs + pair);
      const float first = load(a);
      const float second = load(a + apart);
      store(a, first * cosine - second * sine);
      store(a + apart, first * sine + second * cosine);
    }
  }
};

}  // namespace

void rope_table(Stream& stream, const double* inverse, double magnitude, const int32_t* positions,
                Mat table) {
  launch(stream, {.x = static_cast<int>(table.rows)},
         RopeTableKernel{
             .inverse = inverse, .magnitude = magnitude, .positions = positions, .table = table});
}

void rope(Stream& stream, Mat x, int32_t head_dim, RopeKind kind, Mat table) {
  const int pairs = static_cast<int>(table.cols / 2);
  launch(stream, {.x = static_cast<int>(x.rows)},
         Rope{.x = x,
              .head_dim = head_dim,
              .step = kind == RopeKind::kNormal ? 2 : 1,
              .apart = kind == RopeKind::kNormal ? 1 : pairs,
              .table = table});
}

}  // namespace weft::cuda
