// How long a decode step takes where launching is most of it, replayed and not, and what graphs
// take of memory: a table, not a test of anything.
#include <chrono>
#include <cstdio>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/cuda/cuda_backend.h"
#include "tests/kernels/cuda/test_gpu.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

constexpr int32_t kSteps = 400;
constexpr double kMib = 1 << 20;

// Logits come back in each step, as drawn ids would.
void show(const TestModel& model, int32_t rows, bool graphs) {
  auto gpu = make_test_gpu();
  const cuda::Gpu& its_gpu = *gpu;
  const auto backend = create_cuda_backend(std::move(gpu), {.graphs = graphs});
  const auto decoder = make_decoder(model, *backend);
  const std::vector<TokenIds> sequences(static_cast<size_t>(rows), TokenIds(kSteps, 1));
  std::vector<Step> schedule(kSteps);
  for (Step& step : schedule) {
    for (int32_t s = 0; s < rows; ++s) step.push_back({s, 1});
  }
  const auto run = [&] {
    run_schedule(*decoder, *backend, sequences, schedule, {.kv_type = DType::kF16});
  };
  run();  // loads kernels
  const size_t free_before = its_gpu.memory().free_bytes;
  const int64_t replayed_before = its_gpu.graph_launches();
  const auto start = std::chrono::steady_clock::now();
  run();
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
  const size_t free_after = its_gpu.memory().free_bytes;
  std::printf("step %d rows, %d layers, %s: %.1f us, %d of %d replayed, %.1f MiB kept\n", rows,
              static_cast<int>(model.config.layers.size()), graphs ? "graphs" : "launches",
              time.count() / kSteps, static_cast<int>(its_gpu.graph_launches() - replayed_before),
              kSteps, (static_cast<double>(free_before) - static_cast<double>(free_after)) / kMib);
}

TEST(CudaStepTimes, WithAndWithoutGraphs) {
  const TestModel model =
      make_test_model({.n_layers = 16, .n_embd = 256, .ffn_dim = 512, .type = DType::kQ8_0});
  for (const int32_t rows : {1, 16}) {
    for (const bool graphs : {false, true}) show(model, rows, graphs);
  }
}

}  // namespace
}  // namespace weft::test
