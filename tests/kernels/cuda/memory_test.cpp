// CudaBackend on a GPU whose memory is spent.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/row_draw.h"
#include "kernels/cuda/cuda_backend.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/support/cuda_emulator/emulated_gpu.h"
#include "tests/support/cuda_emulator/emulator.h"

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

}  // namespace
}  // namespace weft::test
