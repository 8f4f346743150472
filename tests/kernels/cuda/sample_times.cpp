// How long draws take on a GPU, what comes back included: a table, not a test of anything.
#include <chrono>
#include <cstdio>
#include <vector>

#include <gtest/gtest.h>

#include "core/row_draw.h"
#include "kernels/cuda/cuda_backend.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

constexpr int64_t kVocab = 128256;
constexpr int kCalls = 50;

struct Options {
  const char* name;
  RowDraw draw;
};

double microseconds_a_call(Backend& backend, Mat logits, const RowDraw& options) {
  std::vector<RowDraw> draws(static_cast<size_t>(logits.rows), options);
  for (size_t i = 0; i < draws.size(); ++i) draws[i].row = static_cast<int64_t>(i);
  std::vector<DrawnRow> drawn(draws.size());
  Random random(1);
  std::chrono::steady_clock::time_point start;
  for (int call = -5; call < kCalls; ++call) {  // what is negative warms up
    if (call == 0) start = std::chrono::steady_clock::now();
    for (RowDraw& draw : draws) draw.random = random.next();
    backend.sample(logits, draws, drawn);
  }
  EXPECT_TRUE(backend.wait({}));
  for (const DrawnRow& row : drawn) EXPECT_GE(row.id, 0);
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
  return time.count() / kCalls;
}

TEST(CudaSampleTimes, OfRowsOf128256Logits) {
  const auto backend = create_cuda_backend(make_test_gpu());
  const Options all[] = {
      {"greedy", {}},
      {"top_k 40", {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f}},
      {"top_p 0.9", {.temperature = 0.7f, .top_p = 0.9f}},
      {"all", {.temperature = 1.0f}},
      {"top_p 0.9, logprob", {.wants_logprob = true, .temperature = 0.7f, .top_p = 0.9f}},
  };
  for (const int64_t rows : {1, 16, 64}) {
    // Bell-shaped, with tails as long as a model's; and as random weights give.
    for (const bool peaked : {true, false}) {
      Random random(7);
      std::vector<float> values(static_cast<size_t>(rows * kVocab));
      for (float& value : values) {
        const double bell = random.bell();
        value = static_cast<float>(peaked ? 2.0 * bell + 0.4 * bell * bell * bell : 0.7 * bell);
      }
      const DeviceArray<float> logits(values);
      for (const Options& options : all) {
        const double time =
            microseconds_a_call(*backend, {logits.data(), rows, kVocab}, options.draw);
        std::printf("sample %3d rows, %s, %s: %.1f us, %.1f GB/s of logits\n",
                    static_cast<int>(rows), peaked ? "peaked" : "flat", options.name, time,
                    static_cast<double>(rows * kVocab) * sizeof(float) * 1e-3 / time);
      }
    }
  }
}

}  // namespace
}  // namespace weft::test
