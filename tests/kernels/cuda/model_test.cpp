// Whole forward passes through CudaBackend: how far its logits are from the
// double-precision oracle, and that they do not depend on batch, chunks, blocks or the order in
// which threads take turns.
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/cuda/cuda_backend.h"
#include "tests/kernels/cuda/test_gpu.h"
#include "tests/support/compare.h"
#include "tests/support/reference_model.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

struct ModelCase {
  std::string name;
  TestModelSpec spec;
  DType kv_type = DType::kF16;
  double max_kl = 1e-4;  // the project's promise for half-float activations
};

void PrintTo(const ModelCase& model, std::ostream* out) { *out << model.name; }

std::vector<ModelCase> cases() {
  return {
      {.name = "llama_f32", .spec = {.tied_head = true}, .kv_type = DType::kF32, .max_kl = 1e-9},
      {.name = "odd_sizes_f16",
       .spec = {.n_embd = 35,
                .n_heads = 3,
                .n_kv_heads = 1,
                .head_dim = 18,
                .ffn_dim = 45,
                .n_vocab = 67,
                .qkv_bias = true,
                .type = DType::kF16}},
      {.name = "qwen3_bf16",
       .spec = {.tied_head = true,
                .qk_norm = true,
                .rope = {.kind = RopeKind::kNeox},
                .windows = {0, 9},
                .type = DType::kBF16},
       .kv_type = DType::kBF16,
       .max_kl = 3e-3},
      {.name = "llama3_q8_0", .spec = {.rope_factors = true, .type = DType::kQ8_0}},
      {.name = "mixed_k",
       .spec = {.n_embd = 256,
                .n_heads = 4,
                .head_dim = 64,
                .ffn_dim = 256,
                .type = DType::kQ4_K,
                .role_types = {{"ffn_down", DType::kQ6_K},
                               {"attn_v", DType::kQ5_K},
                               {"output", DType::kQ6_K},
                               {"token_embd", DType::kQ4_K}}}},
      // What the caches' own rounding costs, to half a 127th of 32 elements' largest and to 2^-4 of
      // each: some seven times as far, and KL goes by the square.
      {.name = "kv_q8_0",
       .spec = {.n_heads = 4, .n_kv_heads = 1, .type = DType::kF16},
       .kv_type = DType::kQ8_0,
       .max_kl = 0x1p-12},
      {.name = "kv_fp8",
       .spec = {.n_heads = 4, .n_kv_heads = 1, .type = DType::kF16},
       .kv_type = DType::kF8_E4M3,
       .max_kl = 0x1p-8},
      {.name = "gelu_q4_1",
       .spec = {.output_bias = true, .activation = Activation::kGelu, .type = DType::kQ4_1}},
  };
}

TokenIds ids_of(int32_t n, int32_t n_vocab, int32_t seed) {
  TokenIds ids;
  for (int32_t i = 0; i < n; ++i) ids.push_back((i * 37 + seed * 11 + i * i % 13) % n_vocab);
  return ids;
}

class CudaModel : public ::testing::TestWithParam<ModelCase> {
 protected:
  void TearDown() override { set_turn_order(TurnOrder::kAscending); }

  TestModel model_ = make_test_model(GetParam().spec);
  std::unique_ptr<Backend> backend_ = create_cuda_backend(make_test_gpu());
  std::unique_ptr<Decoder> decoder_ = make_decoder(model_, *backend_);
};

TEST_P(CudaModel, LogitsAreNearTheOracles) {
  const TokenIds ids = ids_of(21, GetParam().spec.n_vocab, 1);
  const Logits logits = run_chunked(*decoder_, *backend_, ids, 0, {.kv_type = GetParam().kv_type});
  const DoubleMatrix truth = reference_logits(model_.config, model_.tensors, ids);
  const LogitsDifference difference = compare_logits(truth, logits);
  std::ostringstream kl;
  kl << difference.mean_kl;
  RecordProperty("mean_kl", kl.str());
  EXPECT_LE(difference.mean_kl, GetParam().max_kl) << difference;
  // Rounding what is stored and multiplied, and nothing worse.
  EXPECT_GT(difference.mean_kl, 0.0);
}

TEST_P(CudaModel, SameBitsWhateverTheCompany) {
  // More rows than the kernel for few takes. Float32 weights have one kernel.
  const int32_t length = GetParam().spec.type == DType::kF32 ? 9 : 35;
  const std::vector<TokenIds> sequences = {ids_of(length, GetParam().spec.n_vocab, 1),
                                           ids_of(5, GetParam().spec.n_vocab, 2)};
  std::vector<Logits> alone;
  for (const TokenIds& ids : sequences) {
    alone.push_back(run_chunked(*decoder_, *backend_, ids, 0, {.kv_type = GetParam().kv_type}));
  }
  set_turn_order(TurnOrder::kDescending);
  const auto schedule = random_schedule(sequences, 11, 5);
  const auto woven =
      run_schedule(*decoder_, *backend_, sequences, schedule,
                   {.kv_type = GetParam().kv_type, .block_order_seed = 3, .spare_blocks = 5});
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    EXPECT_TRUE(same_bits(alone[i], woven[i])) << "sequence " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, CudaModel, ::testing::ValuesIn(cases()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace weft::test
