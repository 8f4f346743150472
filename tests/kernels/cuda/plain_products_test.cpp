// Prompts by a library's plain products, for those who gave up that bits do not depend on the
// batch.
#include <string>

#include <gtest/gtest.h>

#include "core/model/device_memory.h"
#include "kernels/cuda/cuda_backend.h"
#include "tests/kernels/cuda/test_gpu.h"
#include "tests/support/compare.h"
#include "tests/support/cuda_emulator/async_memory.h"
#include "tests/support/cuda_emulator/emulated_gpu.h"
#include "tests/support/reference_model.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

class CudaPlainProducts : public ::testing::TestWithParam<DType> {
 protected:
  void SetUp() override { emulate_plain_products(true); }
  void TearDown() override { emulate_plain_products(false); }

  static std::unique_ptr<Backend> fastest_backend() {
    auto gpu = make_test_gpu();
    CudaOptions options;
    options.plain_products = gpu->create_plain_products().value();
    return create_cuda_backend(std::move(gpu), options);
  }
  static TokenIds ids(int32_t n, const TestModel& model) {
    TokenIds ids;
    for (int32_t i = 0; i < n; ++i) ids.push_back((i * 37 + 11) % model.config.n_vocab);
    return ids;
  }
};

TEST_P(CudaPlainProducts, ServePromptsAndNothingElse) {
  // Sizes that end within a unit, and biases.
  const TestModel model = make_test_model({.n_embd = 35,
                                           .n_heads = 3,
                                           .n_kv_heads = 1,
                                           .head_dim = 18,
                                           .ffn_dim = 45,
                                           .qkv_bias = true,
                                           .type = GetParam()});
  const auto backend = fastest_backend();
  const auto decoder = make_decoder(model, *backend);
  const TokenIds prompt = ids(35, model);
  const auto made_by = [&](int32_t chunk) {
    const int64_t before = plain_products_made();
    const Logits logits = run_chunked(*decoder, *backend, prompt, chunk, {.kv_type = DType::kF16});
    const LogitsDifference difference =
        compare_logits(reference_logits(model.config, model.tensors, prompt), logits);
    EXPECT_LE(difference.mean_kl, GetParam() == DType::kBF16 ? 3e-3 : 1e-4) << difference;
    return plain_products_made() - before;
  };
  // q, k, v, output, gate, up and down of each layer, and the head.
  const auto layers = static_cast<int64_t>(model.config.layers.size());
  EXPECT_EQ(made_by(0), 7 * layers + 1);
  EXPECT_EQ(made_by(32), 0);

  const auto exact = create_cuda_backend(make_test_gpu());
  const auto exact_decoder = make_decoder(model, *exact);
  const int64_t before = plain_products_made();
  run_chunked(*exact_decoder, *exact, prompt, 0, {.kv_type = DType::kF16});
  EXPECT_EQ(plain_products_made(), before);
}

INSTANTIATE_TEST_SUITE_P(All, CudaPlainProducts, ::testing::Values(DType::kF16, DType::kBF16),
                         [](const auto& param) { return std::string(dtype_name(param.param)); });

using CudaMath = CudaPlainProducts;
INSTANTIATE_TEST_SUITE_P(All, CudaMath, ::testing::Values(DType::kF16));

TEST_P(CudaMath, FastestIsSaidInDescriptionAndIdentity) {
  const auto backend = fastest_backend();
  EXPECT_NE(backend->description().find("math fastest (bits depend on the batch; emulated library"),
            std::string::npos)
      << backend->description();
  EXPECT_EQ(create_cuda_backend(make_test_gpu())->description().find("math"), std::string::npos);
  // What was kept under one is not taken for the other's.
  const auto spec = KvCacheSpec{.n_layers = 1, .n_kv_heads = 1, .head_dim = 8, .num_blocks = 1};
  const auto cache = backend->create_kv_cache(spec).value();
  EXPECT_NE(backend->kv_identity(*cache),
            create_cuda_backend(make_test_gpu())->kv_identity(*cache));
}

TEST_P(CudaMath, FastestTakesWarpgroupsWhateverTheirBits) {
  emulate_warpgroups(true);
  set_warpgroup_arithmetic(false);
  EXPECT_NE(fastest_backend()->description().find("prompts by wgmma: wgmma differs"),
            std::string::npos);
  EXPECT_NE(create_cuda_backend(make_test_gpu())->description().find("prompts by mma.sync"),
            std::string::npos);
  emulate_warpgroups(false);
  set_warpgroup_arithmetic(true);
}

TEST_P(CudaMath, FastestPlansItsSecondCopies) {
  const TestModel model = make_test_model({.type = GetParam()});
  const HostTensor& tensor = model.tensors.layers[0].down;
  const auto backend = fastest_backend();
  const auto weight = backend->load_weight(tensor, WeightUse::kAny).value();
  EXPECT_EQ(dynamic_cast<const DeviceMemory&>(*backend).weight_bytes(tensor),
            weight->memory_bytes());
  const auto once = create_cuda_backend(make_test_gpu());
  EXPECT_GT(weight->memory_bytes(), dynamic_cast<const DeviceMemory&>(*once).weight_bytes(tensor));
  // Rows that are only looked up are multiplied by nothing.
  EXPECT_EQ(backend->load_weight(tensor, WeightUse::kLookup).value()->memory_bytes(),
            dynamic_cast<const DeviceMemory&>(*once).weight_bytes(tensor));
}

}  // namespace
}  // namespace weft::test
