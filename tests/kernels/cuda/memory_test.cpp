// CudaBackend on a GPU whose memory is spent.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/model/decoder.h"
#include "core/row_draw.h"
#include "core/split_backend.h"
#include "kernels/cuda/cuda_backend.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/support/cpu_isas.h"
#include "tests/support/cuda_emulator/emulated_gpu.h"
#include "tests/support/cuda_emulator/emulator.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

TEST(CudaMemory, WhatIsNotThereIsAnErrorThatNamesTheSize) {
  const auto backend = create_cuda_backend(make_emulated_gpu(device_bytes_in_use() + 1000));
  const auto buffer = backend->allocate(5000);
  ASSERT_FALSE(buffer.has_value());
  EXPECT_EQ(buffer.error().code, ErrorCode::kOutOfMemory);
  EXPECT_NE(buffer.error().message.find("5000"), std::string::npos);
}

TEST(CudaMemory, AnOperationsOwnNeedSurfacesFromWait) {
  const DeviceArray<float> x(std::vector<float>(2000, 1.0f)), out(2000);
  const auto backend = create_cuda_backend(make_emulated_gpu(device_bytes_in_use() + 1000));
  const std::vector<int32_t> rows = {0};
  backend->gather_rows({x.data(), 1, 2000}, rows, {out.data(), 1, 2000});
  const auto waited = backend->wait({});
  ASSERT_FALSE(waited.has_value());
  EXPECT_EQ(waited.error().code, ErrorCode::kOutOfMemory);
}

TEST(CudaMemory, WithoutItNothingIsDrawnAndWaitSaysWhy) {
  const DeviceArray<float> logits(std::vector<float>(2000, 1.0f));
  const auto backend = create_cuda_backend(make_emulated_gpu(device_bytes_in_use() + 1000));
  const RowDraw draw{.temperature = 1};
  DrawnRow drawn{.id = 5};
  EXPECT_TRUE(backend->sample({logits.data(), 1, 2000}, {&draw, 1}, {&drawn, 1}));
  EXPECT_EQ(drawn.id, -1);
  const auto waited = backend->wait({});
  ASSERT_FALSE(waited.has_value());
  EXPECT_EQ(waited.error().code, ErrorCode::kOutOfMemory);
}

TEST(CudaMemory, AllOfItIsGivenBack) {
  const std::size_t before = device_bytes_in_use();
  {
    const auto backend = create_cuda_backend(make_test_gpu());
    auto buffer = backend->allocate(5000).value();
    auto cache = backend
                     ->create_kv_cache({.n_layers = 2,
                                        .n_kv_heads = 1,
                                        .head_dim = 8,
                                        .num_blocks = 3,
                                        .type = DType::kF16})
                     .value();
    EXPECT_EQ(device_bytes_in_use() - before, 5000 + backend->kv_cache_bytes(cache->spec()));
  }
  EXPECT_EQ(device_bytes_in_use(), before);
}

// --- Planned before anything is allocated -------------------------------------------------------

// Weights of 64 MiB and more would take long to make here: what a device takes for them is asked of
// it, and the device is as small as it must be.
class CudaMemoryPlan : public ::testing::Test {
 protected:
  void TearDown() override { fail_operation(0); }

  static std::unique_ptr<Backend> gpu_of(std::size_t free_bytes) {
    return create_cuda_backend(make_emulated_gpu(device_bytes_in_use() + free_bytes));
  }
  // Loads on a device that fails at its first operation: it shows whether there was one.
  static Result<std::unique_ptr<Decoder>> load_untouched(const TestModel& model, Backend& backend) {
    const std::size_t before = device_bytes_in_use();
    fail_operation(1);
    auto decoder = Decoder::create(model.config, model.tensors, backend);
    EXPECT_EQ(device_bytes_in_use(), before);
    EXPECT_TRUE(backend.wait({}).has_value()) << "something was uploaded";
    fail_operation(0);
    return decoder;
  }

  const TestModel model_ = make_test_model(
      {.n_layers = 4, .n_heads = 2, .n_kv_heads = 1, .head_dim = 32, .type = DType::kQ8_0});
};

std::size_t bytes_on_gpu(const TestModel& model) {
  const std::size_t before = device_bytes_in_use();
  const auto backend = create_cuda_backend(make_test_gpu());
  const auto decoder = make_decoder(model, *backend);
  EXPECT_EQ(device_bytes_in_use() - before, decoder->weight_memory_bytes());
  return decoder->weight_memory_bytes();
}

// Of a device, the part that steps take: a sixteenth.
std::size_t with_scratch(std::size_t bytes) { return bytes * 16 / 15 + 16; }

TEST_F(CudaMemoryPlan, AModelThatJustFitsIsLoadedAndWithALittleLessItIsRefusedUntouched) {
  const std::size_t wanted = bytes_on_gpu(model_);
  // All that the process has on the device is part of what a sixteenth is taken of.
  ASSERT_EQ(device_bytes_in_use(), 0U);
  const auto enough = gpu_of(with_scratch(wanted));
  EXPECT_TRUE(Decoder::create(model_.config, model_.tensors, *enough).has_value());
  const auto little = gpu_of(with_scratch(wanted) - 64);
  const auto refused = load_untouched(model_, *little);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kOutOfMemory);
}

TEST_F(CudaMemoryPlan, TheErrorSaysWhatIsWantedWhatIsFreeAndHowManyLayersWouldFit) {
  const auto little = gpu_of(bytes_on_gpu(model_) / 2);
  const auto refused = load_untouched(model_, *little);
  ASSERT_FALSE(refused.has_value());
  const std::string& message = refused.error().message;
  EXPECT_NE(message.find("cuda emulated: weights 1 MiB"), std::string::npos) << message;
  EXPECT_NE(message.find("0 of 1 MiB free"), std::string::npos) << message;
  // Half of the model, of which embedding and head are a part.
  EXPECT_NE(message.find("of its 4 layers 2 would fit (gpu_layers)"), std::string::npos) << message;
}

TEST_F(CudaMemoryPlan, OfASplitModelOnlyTheLayersOnTheDeviceCount) {
  const std::size_t half = bytes_on_gpu(model_) / 2;
  const auto split = [&](int32_t layers) {
    return create_split_backend(gpu_of(half), layers, make_cpu_backend("", 1));
  };
  EXPECT_FALSE(load_untouched(model_, *split(4)).has_value());
  EXPECT_TRUE(Decoder::create(model_.config, model_.tensors, *split(2)).has_value());
}

TEST_F(CudaMemoryPlan, AContextThatDoesNotFitSaysWhatWould) {
  const auto backend = gpu_of(std::size_t{4} << 20);
  const auto decoder = make_decoder(model_, *backend);
  const std::size_t before = device_bytes_in_use();
  const StepLimits limits{.max_tokens = 8, .max_logit_rows = 1};
  KvPoolSpec pool{.num_blocks = 600, .type = DType::kF16};
  const auto refused = DecoderState::create(*decoder, *backend, limits, pool);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(device_bytes_in_use(), before);
  const std::string& message = refused.error().message;
  EXPECT_NE(message.find("KV cache 5 MiB"), std::string::npos) << message;
  EXPECT_NE(message.find("or this one with kv_type q8_0"), std::string::npos) << message;

  // What it says would fit does, and a block more does not.
  const std::string before_tokens = "a context of ";
  const std::size_t at = message.find(before_tokens);
  ASSERT_NE(at, std::string::npos) << message;
  const int tokens = std::stoi(message.substr(at + before_tokens.size()));
  pool.num_blocks = tokens / 16 + 1;
  EXPECT_FALSE(DecoderState::create(*decoder, *backend, limits, pool).has_value());
  pool.num_blocks = tokens / 16;
  EXPECT_TRUE(DecoderState::create(*decoder, *backend, limits, pool).has_value());
  pool = {.num_blocks = 600, .type = DType::kQ8_0};
  EXPECT_TRUE(DecoderState::create(*decoder, *backend, limits, pool).has_value());
}

TEST_F(CudaMemoryPlan, ThePoolWithAllRoomThereIsFitsAndOneMoreBlockDoesNot) {
  const StepLimits limits{.max_tokens = 8, .max_logit_rows = 1};
  const auto most = [&](Backend& backend, std::size_t host_block_bytes) {
    const auto decoder = make_decoder(model_, backend);
    KvPoolSpec pool{.num_blocks = 7, .type = DType::kF16};
    const auto room = DecoderState::pool_room(model_.config, backend, limits, pool);
    EXPECT_EQ(room.host_block_bytes, host_block_bytes);
    pool.num_blocks = static_cast<int32_t>(room.device_blocks) + 1;
    EXPECT_FALSE(DecoderState::create(*decoder, backend, limits, pool).has_value());
    --pool.num_blocks;
    EXPECT_TRUE(DecoderState::create(*decoder, backend, limits, pool).has_value());
    return pool.num_blocks;
  };
  const auto whole = gpu_of(std::size_t{4} << 20);
  const int32_t all_layers = most(*whole, 0);
  // Two layers' keys and values, 16 tokens of 32 half floats each, lie with the host.
  const auto split = create_split_backend(gpu_of(std::size_t{4} << 20), 2, make_cpu_backend("", 1));
  EXPECT_GT(most(*split, std::size_t{2} * 2 * 16 * 32 * 2), 2 * all_layers);
}

TEST_F(CudaMemoryPlan, StepsTakeNoMoreThanTheScratchThatWasPlanned) {
  const auto backend = gpu_of(std::size_t{64} << 20);
  const auto decoder = make_decoder(model_, *backend);
  const auto planned = [&](int32_t tokens) {
    return DecoderState::ledger(model_.config, 0, *backend, {.max_tokens = tokens}, {})
        .scratch_bytes;
  };
  const std::vector<TokenIds> sequences = {TokenIds(46, 5)};
  const std::vector<Step> schedule = {{{0, 40}}, {{0, 1}}, {{0, 1}}, {{0, 1}}, {{0, 3}}};
  const std::size_t before = device_bytes_in_use();
  run_schedule(*decoder, *backend, sequences, schedule, {.kv_type = DType::kF16});
  const std::size_t kept = device_bytes_in_use() - before;
  // Rows of 96 elements are two units of 64 half floats.
  constexpr std::size_t kPreparedRow = std::size_t{128} * 2;
  EXPECT_GT(kept, 40 * kPreparedRow);
  EXPECT_LE(kept, planned(40));
  EXPECT_GE(planned(10000) - planned(40), 9960 * kPreparedRow);
}

}  // namespace
}  // namespace weft::test
