// Every feature of the decoder, on every kernel table, against the oracle.
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/model/isa_test.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

struct FeatureCase {
  std::string name;
  TestModelSpec spec = {};
  int32_t num_tokens = 40;
};

void PrintTo(const FeatureCase& feature, std::ostream* out) { *out << feature.name; }

const std::vector<FeatureCase>& features() {
  static const std::vector<FeatureCase> cases = {
      {.name = "plain"},
      {.name = "one_token", .num_tokens = 1},
      {.name = "one_layer", .spec = {.n_layers = 1}},
      {.name = "every_query_head_has_its_kv_head", .spec = {.n_heads = 4, .n_kv_heads = 4}},
      {.name = "one_kv_head_for_all", .spec = {.n_heads = 6, .n_kv_heads = 1}},
      {.name = "heads_wider_than_embedding",
       .spec = {.n_heads = 3, .n_kv_heads = 3, .head_dim = 48}},
      {.name = "heads_narrower_than_embedding", .spec = {.n_heads = 2, .head_dim = 8}},
      {.name = "odd_sizes",
       .spec = {.n_embd = 67,
                .n_heads = 3,
                .n_kv_heads = 1,
                .head_dim = 18,
                .ffn_dim = 101,
                .n_vocab = 131}},
      {.name = "neox_rope", .spec = {.rope = {.kind = RopeKind::kNeox}}},
      {.name = "partial_rope", .spec = {.rope = {.kind = RopeKind::kNeox, .dims = 6}}},
      {.name = "rope_factors", .spec = {.rope = {.freq_base = 500000.0}, .rope_factors = true}},
      {.name = "linear_rope", .spec = {.rope = {.scaling = RopeScaling::kLinear, .factor = 4.0}}},
      {.name = "yarn_rope",
       .spec = {.head_dim = 32,
                .rope = {.kind = RopeKind::kNeox,
                         .scaling = RopeScaling::kYarn,
                         .factor = 4.0,
                         .original_context = 512}}},
      {.name = "qk_norm",
       .spec = {.qk_norm = true, .rope = {.kind = RopeKind::kNeox, .freq_base = 1e6}}},
      {.name = "qkv_bias", .spec = {.qkv_bias = true, .rope = {.kind = RopeKind::kNeox}}},
      {.name = "output_bias", .spec = {.output_bias = true}},
      {.name = "tied_head", .spec = {.tied_head = true}},
      {.name = "gelu", .spec = {.activation = Activation::kGelu}},
      {.name = "sliding_window", .spec = {.n_layers = 3, .windows = {24, 0, 1}}, .num_tokens = 70},
      {.name = "window_across_splits", .spec = {.windows = {270, 40}}, .num_tokens = 600},
      {.name = "three_splits", .num_tokens = 530},
      {.name = "f16_weights", .spec = {.type = DType::kF16}},
      {.name = "bf16_weights", .spec = {.type = DType::kBF16}},
      {.name = "q8_0_weights", .spec = {.ffn_dim = 160, .type = DType::kQ8_0}},
      {.name = "k_mix",
       .spec = {.n_embd = 256,
                .n_heads = 4,
                .head_dim = 64,
                .ffn_dim = 512,
                .type = DType::kQ4_K,
                .role_types = {{"attn_v", DType::kQ6_K},
                               {"ffn_down", DType::kQ6_K},
                               {"output", DType::kQ6_K}}}},
      {.name = "tied_f16_head", .spec = {.tied_head = true, .type = DType::kF16}},
  };
  return cases;
}

using Features = IsaCaseTest<FeatureCase>;

TEST_P(Features, AgreeWithTheOracle) {
  const TestModel model = make_test_model(test_case().spec);
  const TokenIds ids = Random(7, "ids").ids(test_case().num_tokens, model.config.n_vocab);
  const auto backend = make_cpu_backend(isa());
  const auto decoder = make_decoder(model, *backend);
  const Logits measured = run_chunked(*decoder, *backend, ids, 0);
  const DoubleMatrix truth = reference_logits(model.config, model.tensors, ids);
  const LogitsDifference difference = compare_logits(truth, measured);
  EXPECT_LE(difference.mean_kl, kMaxMeanKl) << difference;
  EXPECT_LE(difference.max_relative, kMaxRelative) << difference;
}

INSTANTIATE_TEST_SUITE_P(Cpu, Features,
                         testing::Combine(testing::ValuesIn(cpu_isas()),
                                          testing::ValuesIn(features())),
                         isa_case_name<FeatureCase>);

// A KV type rounds K and V once, to 2^-p of themselves (q8_0: to half a 127th of a block's largest,
// which is some 2.5 times the typical one: 2^-6.7 of that). Logits of order one move by about that
// much, and KL by its square.
struct KvCase {
  std::string name;
  DType type;
  double max_relative, max_mean_kl;
};

void PrintTo(const KvCase& kv, std::ostream* out) { *out << kv.name; }

using KvTypes = IsaCaseTest<KvCase>;

TEST_P(KvTypes, LoseNoMoreThanTheirRounding) {
  const TestModel model = make_test_model({});
  const TokenIds ids = Random(8, "ids").ids(300, model.config.n_vocab);
  const auto backend = make_cpu_backend(isa());
  const auto decoder = make_decoder(model, *backend);
  const Logits measured = run_chunked(*decoder, *backend, ids, 0, {.kv_type = test_case().type});
  const DoubleMatrix truth = reference_logits(model.config, model.tensors, ids);
  const LogitsDifference difference = compare_logits(truth, measured);
  EXPECT_LE(difference.mean_kl, test_case().max_mean_kl) << difference;
  EXPECT_LE(difference.max_relative, test_case().max_relative) << difference;
}

INSTANTIATE_TEST_SUITE_P(
    Cpu, KvTypes,
    testing::Combine(testing::ValuesIn(cpu_isas()),
                     testing::Values(KvCase{"f32", DType::kF32, kMaxRelative, kMaxMeanKl},
                                     KvCase{"f16", DType::kF16, 0x1p-10, 0x1p-21},
                                     KvCase{"bf16", DType::kBF16, 0x1p-7, 0x1p-15},
                                     KvCase{"q8_0", DType::kQ8_0, 0x1p-6, 0x1p-13})),
    isa_case_name<KvCase>);

}  // namespace
}  // namespace weft::test
