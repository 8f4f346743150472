// glu: silu(x) = x / (1 + e^-x);  gelu, the tanh form: x / (1 + e^-2u),  u = √(2/π) (x + 0.044715
// x³).
#include "kernels/cuda/elementwise.h"

#include "kernels/cuda/device/launch.h"

namespace weft::cuda {
namespace {

// Elements of a thread. Neighbouring threads read neighbouring elements; more blocks than this
// would only wait.
constexpr int kMaxBlocks = 4096;

int blocks_for(int64_t elements, int threads) {
  const int64_t blocks = (elements + threads - 1) / threads;
  return static_cast<int>(blocks < kMaxBlocks ? blocks : kMaxBlocks);
}

WEFT_DEVICE float over_one_plus_exp(float x, float exponent) {
  constexpr float kLog2e = 1.4426950408889634f;
  return x / (1.0f + fast_exp2(exponent * kLog2e));
}

struct Glu {
  static constexpr const char* kName = "glu";
  static constexpr int kThreads = 256;
  using Shared = NoShared;

  const float* gate;
  const float* up;
  float* out;
  int64_t elements;
  Activation activation;

  WEFT_DEVICE void operator()(Shared&) const {
    const int64_t step = int64_t{grid_size().x} * kThreads;
    for (int64_t i = int64_t{block_index().x} * kThreads + thread_index(); i < elements;
         i += step) {
      const float x = load(gate + i);
      const float exponent = activation == Activation::kSilu
                                 ? -x
                                 : -1.5957691216057308f * x * (1.0f + 0.044715f * x * x);
      store(out + i, over_one_plus_exp(x, exponent) * load(up + i));
    }
  }
};

struct Add {
  static constexpr const char* kName = "add";
  static constexpr int kThreads = 256;
  using Shared = NoShared;

  float* x;
  const float* y;
  int64_t elements;

  WEFT_DEVICE void operator()(Shared&) const {
    const int64_t step = int64_t{grid_size().x} * kThreads;
    for (int64_t i = int64_t{block_index().x} * kThreads + thread_index(); i < elements;
         i += step) {
      store(x + i, load(x + i) + load(y + i));
    }
  }
};

struct GatherRows {
  static constexpr const char* kName = "gather_rows";
  static constexpr int kThreads = 256;
  using Shared = NoShared;

  Mat x;
  const int32_t* rows;
  Mat out;

  WEFT_DEVICE void operator()(Shared&) const {
    const int64_t from = int64_t{load(rows + block_index().x)} * x.cols;
    const int64_t to = int64_t{block_index().x} * x.cols;
    for (int64_t i = thread_index(); i < x.cols; i += kThreads) {
      store(out.data + to + i, load(x.data + from + i));
    }
  }
};

}  // namespace

void glu(Stream& stream, Mat gate, Mat up, Activation activation, Mat out) {
  const int64_t elements = gate.rows * gate.cols;
  launch(stream, {.x = blocks_for(elements, Glu::kThreads)},
         Glu{.gate = gate.data,
             .up = up.data,
             .out = out.data,
             .elements = elements,
             .activation = activation});
}

void add(Stream& stream, Mat x, Mat y) {
  const int64_t elements = x.rows * x.cols;
  launch(stream, {.x = blocks_for(elements, Add::kThreads)},
         Add{.x = x.data, .y = y.data, .elements = elements});
}

void gather_rows(Stream& stream, Mat x, const int32_t* rows, Mat out) {
  launch(stream, {.x = static_cast<int>(out.rows)}, GatherRows{.x = x, .rows = rows, .out = out});
}

}  // namespace weft::cuda
