// A GPU that fails while an engine runs on it: every stream ends with the device's error, whichever
// operation it was, and the same process makes the next engine.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/engine.h"
#include "tests/api/fixture_model.h"
#include "tests/support/cuda_emulator/emulated_machine.h"
#include "tests/support/cuda_emulator/emulator.h"

namespace weft::test {
namespace {

// On the GPU whole, and with a layer for each.
class DeviceFault : public testing::TestWithParam<int32_t> {
 protected:
  void TearDown() override {
    fail_operation(0);
    emulated_machine() = {};
  }

  std::unique_ptr<Engine> engine() const {
    auto made = Engine::create(model_, {.max_sequences = 2, .num_blocks = 16});
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  static Request request(int32_t i) {
    return {.prompt_ids = {1, 5 + i, 9, 60 - i},
            .max_tokens = 4,
            .sampling = {.temperature = 0},
            .ignore_eos = true};
  }
  // Three requests of which two run at once.
  static std::vector<TokenStream> submit(Engine& e) {
    std::vector<TokenStream> streams;
    for (int32_t i = 0; i < 3; ++i) streams.push_back(*e.submit(request(i)));
    return streams;
  }
  static Result<std::vector<int32_t>> drain(TokenStream& stream) {
    std::vector<int32_t> ids;
    for (;;) {
      WEFT_TRY_ASSIGN(const auto token, stream.next());
      if (!token) return ids;
      ids.push_back(token->id);
    }
  }
  std::vector<std::vector<int32_t>> run_all() const {
    const auto e = engine();
    auto streams = submit(*e);
    std::vector<std::vector<int32_t>> all;
    for (TokenStream& stream : streams) all.push_back(drain(stream).value());
    return all;
  }
  // Runs the requests on an engine whose device fails, and another one after it.
  void expect_all_end(const std::unique_ptr<Engine>& e, ErrorCode code,
                      const std::vector<std::vector<int32_t>>& truth) {
    auto streams = submit(*e);
    int failed = 0;
    for (size_t i = 0; i < streams.size(); ++i) {
      const auto ids = drain(streams[i]);
      EXPECT_TRUE(streams[i].is_finished());
      if (!ids) {
        EXPECT_EQ(ids.error().code, code) << ids.error().message;
        ++failed;
      } else {
        EXPECT_EQ(*ids, truth[i]);  // it was done before
      }
    }
    EXPECT_GT(failed, 0);
    // A device that has failed says so to who comes later, too.
    auto late = e->submit(request(0));
    ASSERT_TRUE(late);
    const auto ids = drain(*late);
    ASSERT_FALSE(ids);
    EXPECT_EQ(ids.error().code, code);
  }

  const std::shared_ptr<const Model> model_ = load_fixture(
      "weft-mini-qwen3-Q8_0", {.device = "cuda", .gpu_layers = GetParam(), .threads = 1});
};

TEST_P(DeviceFault, AtAnyOperationEndsEveryStreamAndTheNextEngineIsWhole) {
  const auto truth = run_all();
  for (const int64_t operation : {1, 2, 5, 17, 40, 150}) {
    const auto e = engine();
    fail_operation(operation);
    expect_all_end(e, ErrorCode::kDeviceError, truth);
  }
  EXPECT_EQ(run_all(), truth);
}

TEST_P(DeviceFault, MemoryThatRunsOutInAStepDoesTheSame) {
  const auto truth = run_all();
  emulated_machine().memory_bytes = device_bytes_in_use() + (std::size_t{16} << 20);
  auto e = engine();
  // What a step needs of its own is taken when it first runs: by then another process has it.
  void* const taken = allocate_device(emulated_machine().memory_bytes - device_bytes_in_use());
  expect_all_end(e, ErrorCode::kOutOfMemory, truth);
  e.reset();
  free_device(taken);
  emulated_machine() = {};
  EXPECT_EQ(run_all(), truth);
}

INSTANTIATE_TEST_SUITE_P(GpuLayers, DeviceFault, testing::Values(2, 1));

}  // namespace
}  // namespace weft::test
