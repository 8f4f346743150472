// Prompts by warpgroups: taken where the device's products have mma.sync's bits, and then the
// model's logits have them too.
#include <string>

#include <gtest/gtest.h>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/warpgroup_check.h"
#include "tests/kernels/cuda/test_gpu.h"
#include "tests/support/cuda_emulator/async_memory.h"
#include "tests/support/cuda_emulator/emulated_gpu.h"
#include "tests/support/cuda_emulator/emulator.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

class CudaWarpgroups : public ::testing::Test {
 protected:
  void SetUp() override { emulate_warpgroups(true); }
  void TearDown() override {
    emulate_warpgroups(false);
    set_warpgroup_arithmetic(true);
  }

  static bool says(const Backend& backend, const std::string& text) {
    return backend.description().find(text) != std::string::npos;
  }
};

TEST_F(CudaWarpgroups, AreCheckedInEveryWidth) {
  const auto gpu = make_test_gpu();
  const cuda::WarpgroupCheck check = cuda::check_warpgroups(*gpu);
  EXPECT_TRUE(check.same_bits()) << check.different;
  // Both types, five chains, 64 rows, 8 + 64 + 128 + 256 columns.
  EXPECT_EQ(check.results, 2 * 5 * 64 * 456);
}

TEST_F(CudaWarpgroups, ThatDifferAreFoundAndNotTaken) {
  set_warpgroup_arithmetic(false);
  const auto gpu = make_test_gpu();
  const cuda::PromptProducts strict = cuda::choose_prompt_products(*gpu, false);
  EXPECT_FALSE(strict.by_warpgroups);
  EXPECT_NE(strict.note.find("prompts by mma.sync: wgmma differs in"), std::string::npos);
  const cuda::PromptProducts free = cuda::choose_prompt_products(*gpu, true);
  EXPECT_TRUE(free.by_warpgroups);
  EXPECT_NE(free.note.find("prompts by wgmma: wgmma differs in"), std::string::npos);
}

TEST_F(CudaWarpgroups, ThatCannotBeTriedAreNotTaken) {
  const auto gpu = make_test_gpu();
  fail_operation(1);
  const cuda::PromptProducts products = cuda::choose_prompt_products(*gpu, true);
  EXPECT_FALSE(products.by_warpgroups);
  EXPECT_NE(products.note.find("could not be tried"), std::string::npos);
  EXPECT_FALSE(gpu->synchronize().has_value());
}

TEST_F(CudaWarpgroups, GiveAPromptTheBitsOfItsTokens) {
  // More rows than warps take without staging; formats with and without minima.
  const TestModel model = make_test_model({.n_layers = 1,
                                           .n_embd = 256,
                                           .n_heads = 4,
                                           .head_dim = 64,
                                           .ffn_dim = 256,
                                           .type = DType::kQ4_K,
                                           .role_types = {{"ffn_down", DType::kQ6_K}}});
  TokenIds ids;
  for (int32_t i = 0; i < 66; ++i) ids.push_back((i * 37 + 11) % model.config.n_vocab);
  const auto logits = [&](int32_t chunk) {
    const auto backend = create_cuda_backend(make_test_gpu());
    EXPECT_TRUE(says(*backend, "prompts by wgmma"));
    return run_chunked(*make_decoder(model, *backend), *backend, ids, chunk,
                       {.kv_type = DType::kF16});
  };
  const Logits whole = logits(0);
  EXPECT_TRUE(same_bits(whole, logits(33)));
}

TEST_F(CudaWarpgroups, AreNotSpokenOfWhereThereAreNone) {
  emulate_warpgroups(false);
  EXPECT_FALSE(says(*create_cuda_backend(make_test_gpu()), "wgmma"));
}

}  // namespace
}  // namespace weft::test
