// A token's logits depend on its own prefix, the model and the kernels, and on nothing else: not
// on how the prompt is cut, what else is in the batch, how many threads work or where the KV
// blocks lie. All of it as equality of bits, over prompts that cross the attention's splits, for
// every instruction set and every way to hold activations.
#include <algorithm>
#include <cmath>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/model/isa_test.h"
#include "tests/support/compare.h"
#include "tests/support/delegating_backend.h"
#include "tests/support/random.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

struct BitsCase {
  std::string name;
  TestModelSpec spec;
  DType kv_type;
  bool quantised = false;  // its linear layers depend on how activations are held
};

std::vector<BitsCase> bits_cases() {
  return {
      {.name = "llama_f32_kv_f32",
       .spec = {.n_embd = 32, .n_heads = 4, .head_dim = 8, .ffn_dim = 48, .n_vocab = 64},
       .kv_type = DType::kF32},
      {.name = "odd_sizes_f16_kv_f16",
       .spec = {.n_embd = 35,
                .n_heads = 3,
                .n_kv_heads = 1,
                .head_dim = 18,
                .ffn_dim = 45,
                .n_vocab = 67,
                .qkv_bias = true,
                .type = DType::kF16},
       .kv_type = DType::kF16},
      {.name = "windows_qk_norm_bf16_kv_bf16",
       .spec = {.tied_head = true,
                .qk_norm = true,
                .rope = {.kind = RopeKind::kNeox},
                .windows = {300, 37},
                .type = DType::kBF16},
       .kv_type = DType::kBF16},
      {.name = "grouped_heads_kv_q8_0",
       .spec = {.n_embd = 16,
                .n_heads = 2,
                .n_kv_heads = 1,
                .head_dim = 40,
                .ffn_dim = 16,
                .n_vocab = 32,
                .windows = {0, 290}},
       .kv_type = DType::kQ8_0},
      {.name = "quantised_kv_f16",
       .spec = {.ffn_dim = 256,
                .n_vocab = 133,
                .tied_head = true,
                .type = DType::kQ8_0,
                .role_types = {{"ffn_down", DType::kQ4_K}, {"attn_q", DType::kQ5_1}}},
       .kv_type = DType::kF16,
       .quantised = true},
  };
}

// Activations matter to quantised weights alone.
struct KernelsCase {
  CpuKernels kernels;
  BitsCase bits;
  std::string name() const { return as_test_name(kernels_name(kernels) + "_" + bits.name); }
};

void PrintTo(const KernelsCase& c, std::ostream* out) { *out << c.name(); }

std::vector<KernelsCase> kernels_cases() {
  std::vector<KernelsCase> cases;
  for (const CpuKernels& kernels : cpu_kernels()) {
    for (const BitsCase& bits : bits_cases()) {
      if (bits.quantised || kernels.activations == "f32") cases.push_back({kernels, bits});
    }
  }
  return cases;
}

// Beyond two splits of 256, and no multiple of anything.
constexpr int32_t kLongPrompt = 531;

class SameBits : public testing::TestWithParam<KernelsCase> {
 protected:
  void SetUp() override {
    model_ = make_test_model(test_case().spec);
    ids_ = Random(11, "ids").ids(kLongPrompt, model_.config.n_vocab);
    backend_ = backend(1);
    decoder_ = make_decoder(model_, *backend_);
    whole_ = run_chunked(*decoder_, *backend_, ids_, 0, options_with());
  }

  const BitsCase& test_case() const { return GetParam().bits; }
  std::unique_ptr<Backend> backend(int threads) {
    return make_cpu_backend(GetParam().kernels, threads);
  }
  DriverOptions options_with(int32_t block_size = 16, uint64_t order = 0) const {
    return {.block_size = block_size, .kv_type = test_case().kv_type, .block_order_seed = order};
  }

  Logits chunks_of(int32_t chunk) {
    return run_chunked(*decoder_, *backend_, ids_, chunk, options_with());
  }

  TestModel model_;
  TokenIds ids_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Decoder> decoder_;
  Logits whole_;  // the whole prompt in one step, one thread
};

TEST_P(SameBits, OneTokenAtATime) { EXPECT_TRUE(same_bits(whole_, chunks_of(1))); }

TEST_P(SameBits, ChunksOfAnySize) {
  for (const int32_t chunk : {7, 255}) {
    EXPECT_TRUE(same_bits(whole_, chunks_of(chunk))) << "chunks of " << chunk;
  }
}

TEST_P(SameBits, AnyBatchmates) {
  const TokenIds shorter(ids_.begin() + 3, ids_.begin() + 280);
  const TokenIds other = Random(12, "ids").ids(90, model_.config.n_vocab);
  const std::vector<TokenIds> sequences = {ids_, shorter, other};
  const std::vector<Logits> alone = {whole_,
                                     run_chunked(*decoder_, *backend_, shorter, 0, options_with()),
                                     run_chunked(*decoder_, *backend_, other, 0, options_with())};
  const auto together = run_schedule(*decoder_, *backend_, sequences,
                                     random_schedule(sequences, 29, 13), options_with(16, 14));
  for (size_t i = 0; i < sequences.size(); ++i) {
    EXPECT_TRUE(same_bits(alone[i], together[i])) << "sequence " << i;
  }
}

// Few tokens over a long context also share out the splits of the attention.
TEST_P(SameBits, AnyNumberOfThreads) {
  for (const auto& [threads, chunk] : {std::pair{2, 1}, std::pair{3, 0}, std::pair{3, 5}}) {
    const auto other = backend(threads);
    EXPECT_TRUE(same_bits(whole_, run_chunked(*decoder_, *other, ids_, chunk, options_with())))
        << threads << " threads, chunks of " << chunk;
  }
}

TEST_P(SameBits, AnyPhysicalBlocks) {
  EXPECT_TRUE(same_bits(whole_, run_chunked(*decoder_, *backend_, ids_, 100, options_with(16, 1))));
}

TEST_P(SameBits, AnyBlockSize) {
  for (const int32_t block_size : {1, 256}) {
    EXPECT_TRUE(same_bits(
        whole_, run_chunked(*decoder_, *backend_, ids_, 100, options_with(block_size, 3))))
        << "blocks of " << block_size;
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, SameBits, testing::ValuesIn(kernels_cases()),
                         [](const auto& test) { return test.param.name(); });

// --- Would the comparison notice? -----------------------------------------------------------

// Moves one number of one output by one bit, where a step has many rows.
class RowCountDependent : public DelegatingBackend {
 public:
  using DelegatingBackend::DelegatingBackend;

  void linear(Mat x, std::span<const LinearOutput> outputs) override {
    DelegatingBackend::linear(x, outputs);
    if (x.rows < 8) return;
    float& last = outputs[0].out.row(x.rows - 1)[0];
    last = std::nextafter(last, 1e30f);
  }
};

// Moves one number of the key that is stored in slot 0, by more than what is rounded off wherever
// activations are.
class SlotDependent : public DelegatingBackend {
 public:
  using DelegatingBackend::DelegatingBackend;

  void kv_store(KvCache& cache, int32_t layer, Mat k, Mat v,
                std::span<const int32_t> slots) override {
    DelegatingBackend::kv_store(cache, layer, k, v, slots);
    if (slots[0] != 0) return;
    k.row(0)[0] += 0.5f;
    DelegatingBackend::kv_store(cache, layer, k, v, slots);
  }
};

class SameBitsIsNoticed : public KernelsTest {
 protected:
  template <class Broken>
  Logits run(const DriverOptions& options, int32_t chunk) {
    const TestModel model = make_test_model({.type = GetParam().weight_type()});
    Broken backend(make_cpu_backend(GetParam(), 1));
    const auto decoder = make_decoder(model, backend);
    return run_chunked(*decoder, backend, Random(15, "ids").ids(40, 128), chunk, options);
  }
};

TEST_P(SameBitsIsNoticed, WhenOneBitDependsOnTheNumberOfRows) {
  EXPECT_TRUE(same_bits(run<DelegatingBackend>({}, 0), run<DelegatingBackend>({}, 1)));
  EXPECT_FALSE(same_bits(run<RowCountDependent>({}, 0), run<RowCountDependent>({}, 1)));
}

TEST_P(SameBitsIsNoticed, WhenAKeyDependsOnThePhysicalSlot) {
  const DriverOptions shuffled{.block_order_seed = 4};
  EXPECT_TRUE(same_bits(run<DelegatingBackend>({}, 0), run<DelegatingBackend>(shuffled, 0)));
  EXPECT_FALSE(same_bits(run<SlotDependent>({}, 0), run<SlotDependent>(shuffled, 0)));
}

INSTANTIATE_TEST_SUITE_P(Cpu, SameBitsIsNoticed, testing::ValuesIn(cpu_kernels()),
                         kernels_param_name);

}  // namespace
}  // namespace weft::test
