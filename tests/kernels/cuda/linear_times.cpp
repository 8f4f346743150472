// How long linear layers take on a GPU, the preparation of x included, and how long cuBLASLt takes
// for bfloat16 matrices of the same shape: a table, not a test of anything.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/tensor.h"
#include "kernels/cuda/cuda_backend.h"
#include "tests/kernels/cuda/test_gpu.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

// Of Llama-3.1-8B; `outputs` weights share x.
struct LayerShape {
  const char* name;
  int64_t depth, columns;
  int outputs;
};
constexpr LayerShape kShapes[] = {
    {"q", 4096, 4096, 1}, {"gate and up", 4096, 14336, 2}, {"down", 14336, 4096, 1}};
constexpr std::array<int64_t, 5> kRows = {1, 16, 64, 512, 2048};
constexpr int64_t kMostRows = kRows.back();

// A layer of a model finds no weight in the L2 cache (50 MB on Hopper, 126 MB on Blackwell): calls
// take copies in turn, of this size together.
constexpr int64_t kBeyondCacheBytes = 192 << 20;
constexpr int kCalls = 24;  // in one graph, so that launching them takes no time of the host's
constexpr int kRuns = 5;
constexpr double kRunMicroseconds = 1e4;

int copies_of(int64_t size_bytes) {
  return static_cast<int>(
      std::clamp<int64_t>((kBeyondCacheBytes + size_bytes - 1) / size_bytes, 1, kCalls));
}

// A few random rows again and again: making all of them takes longer than what is measured.
std::vector<std::byte> random_matrix(Random& random, DType type, int64_t rows, int64_t cols) {
  constexpr int64_t kDistinctRows = 16;
  const std::vector<std::byte> some = random_blocks(random, type, kDistinctRows * cols);
  std::vector<std::byte> all;
  for (int64_t r = 0; r < rows; r += kDistinctRows) all.insert(all.end(), some.begin(), some.end());
  all.resize(static_cast<std::size_t>(rows * *row_bytes(type, cols)));
  return all;
}

class LinearTimes {
 public:
  LinearTimes() {
    auto gpu = make_test_gpu();
    gpu_ = gpu.get();
    backend_ = create_cuda_backend(std::move(gpu));
    if (auto products = gpu_->create_plain_products()) {
      products_ = std::move(*products);
    } else {
      std::printf("linear without a peer: %s\n", products.error().message.c_str());
    }
  }

  void show(const LayerShape& shape) {
    const Times peer = products_ ? times_of_peer(shape) : Times{};
    for (const DType type : {DType::kQ4_K, DType::kQ8_0, DType::kBF16}) {
      const Times times = times_of(shape, type);
      for (std::size_t i = 0; i < kRows.size(); ++i) {
        char compared[64] = "";
        if (peer[i] > 0) {
          std::snprintf(compared, sizeof compared, "; %.2f of the peer's time", times[i] / peer[i]);
        }
        show_line(shape, kRows[i], std::string(dtype_info(type).name), weight_bytes(shape, type),
                  times[i], compared);
      }
    }
    if (!products_) return;
    for (std::size_t i = 0; i < kRows.size(); ++i) {
      show_line(shape, kRows[i], products_->name() + ", BF16", weight_bytes(shape, DType::kBF16),
                peer[i], "");
    }
  }

 private:
  using Times = std::array<double, kRows.size()>;  // microseconds; 0: it cannot

  static int64_t weight_bytes(const LayerShape& shape, DType type) {
    return shape.outputs * shape.columns * static_cast<int64_t>(*row_bytes(type, shape.depth));
  }

  static void show_line(const LayerShape& shape, int64_t rows, const std::string& what,
                        int64_t bytes, double microseconds, const char* compared) {
    if (microseconds == 0) return;
    const int64_t columns = shape.outputs * shape.columns;
    const double flops = 2.0 * static_cast<double>(rows * columns * shape.depth);
    std::printf(
        "linear %4d rows, %d x %d (%s), %s: %.1f us, %.0f GB/s of weights, %.1f TFLOP/s%s\n",
        static_cast<int>(rows), static_cast<int>(shape.depth), static_cast<int>(columns),
        shape.name, what.c_str(), microseconds, static_cast<double>(bytes) * 1e-3 / microseconds,
        flops * 1e-6 / microseconds, compared);
  }

  Buffer filled(const std::vector<std::byte>& bytes) {
    Buffer buffer = *gpu_->allocate(bytes.size());
    gpu_->upload(buffer.as<void>(), bytes.data(), bytes.size());
    return buffer;
  }

  // The median of some runs, each of many calls. call(n): the nth in turn.
  double microseconds_a_call(const std::function<void(int)>& call) {
    const auto all = [&] {
      for (int i = 0; i < kCalls; ++i) call(i);
    };
    all();  // buffers grow, kernels are loaded
    std::unique_ptr<cuda::Graph> graph;
    if (gpu_->begin_capture()) {
      all();
      graph = gpu_->end_capture();
    }
    if (!graph) std::printf("linear not recorded: the next time is of launches one by one\n");
    const auto microseconds_of = [&](int launches) {
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < launches; ++i) graph ? gpu_->launch(*graph) : all();
      EXPECT_TRUE(gpu_->synchronize());
      return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
          .count();
    };
    EXPECT_TRUE(gpu_->synchronize());
    microseconds_of(1);
    const int launches =
        static_cast<int>(std::clamp(kRunMicroseconds / microseconds_of(1), 1.0, 200.0));
    std::array<double, kRuns> runs{};
    for (double& run : runs) run = microseconds_of(launches) / (launches * kCalls);
    std::ranges::sort(runs);
    return runs[kRuns / 2];
  }

  Times times_of(const LayerShape& shape, DType type) {
    Random random(3);
    const auto bytes = random_matrix(random, type, shape.columns, shape.depth);
    const HostTensor tensor{.name = shape.name,
                            .type = type,
                            .shape = {shape.depth, shape.columns, 1, 1},
                            .bytes = bytes};
    const int copies = copies_of(weight_bytes(shape, type));
    std::vector<std::unique_ptr<Weight>> weights;
    for (int i = 0; i < copies * shape.outputs; ++i) {
      weights.push_back(*backend_->load_weight(tensor));
    }
    const std::vector<float> values = random_floats(random, kMostRows * shape.depth);
    const auto* const first = reinterpret_cast<const std::byte*>(values.data());
    const Buffer x = filled({first, first + values.size() * sizeof(float)});
    std::vector<Buffer> outs;
    for (int i = 0; i < shape.outputs; ++i) {
      outs.push_back(
          *gpu_->allocate(static_cast<std::size_t>(kMostRows * shape.columns) * sizeof(float)));
    }
    Times times{};
    for (std::size_t r = 0; r < kRows.size(); ++r) {
      times[r] = microseconds_a_call([&](int n) {
        std::vector<LinearOutput> outputs;
        for (int i = 0; i < shape.outputs; ++i) {
          const auto weight = static_cast<std::size_t>(n % copies * shape.outputs + i);
          outputs.push_back(
              {.weight = weights[weight].get(),
               .out = {outs[static_cast<std::size_t>(i)].as<float>(), kRows[r], shape.columns}});
        }
        backend_->linear({x.as<float>(), kRows[r], shape.depth}, outputs);
      });
    }
    return times;
  }

  // All outputs as one matrix, and x in bfloat16 already: as favourable as an engine of bfloat16
  // weights could have it.
  Times times_of_peer(const LayerShape& shape) {
    Random random(5);
    const int64_t columns = shape.outputs * shape.columns;
    const auto bytes = random_matrix(random, DType::kBF16, columns, shape.depth);
    std::vector<Buffer> weights;
    const int copies = copies_of(weight_bytes(shape, DType::kBF16));
    for (int i = 0; i < copies; ++i) weights.push_back(filled(bytes));
    const Buffer x = filled(random_matrix(random, DType::kBF16, kMostRows, shape.depth));
    const Buffer out =
        *gpu_->allocate(static_cast<std::size_t>(kMostRows * columns) * sizeof(float));
    Times times{};
    for (std::size_t r = 0; r < kRows.size(); ++r) {
      const auto multiply = [&](int n) {
        const auto& weight = weights[static_cast<std::size_t>(n % copies)];
        return products_->multiply(gpu_->stream(), {.bfloat = true,
                                                    .rows = static_cast<int>(kRows[r]),
                                                    .columns = static_cast<int>(columns),
                                                    .depth = static_cast<int>(shape.depth),
                                                    .x = x.as<const uint16_t>(),
                                                    .weight = weight.as<const uint16_t>(),
                                                    .out = out.as<float>()});
      };
      if (multiply(0)) times[r] = microseconds_a_call([&](int n) { multiply(n); });
    }
    return times;
  }

  cuda::Gpu* gpu_;  // the backend's
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<cuda::PlainProducts> products_;  // ends before its Gpu
};

TEST(CudaLinearTimes, OfLayersOfLlama8B) {
  LinearTimes times;
  for (const LayerShape& shape : kShapes) times.show(shape);
}

}  // namespace
}  // namespace weft::test
