// The ledger says exactly what is allocated, and the logits of many rows are never held at once.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "core/model/decoder.h"
#include "kernels/cpu/cpu_backend.h"
#include "tests/model/isa_test.h"
#include "tests/support/delegating_backend.h"
#include "tests/support/random.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

class CountingBackend : public DelegatingBackend {
 public:
  using DelegatingBackend::DelegatingBackend;

  Result<Buffer> allocate(std::size_t size_bytes) override {
    allocated_bytes += size_bytes;
    return DelegatingBackend::allocate(size_bytes);
  }
  Result<std::unique_ptr<KvCache>> create_kv_cache(const KvCacheSpec& spec) override {
    kv_specs.push_back(spec);
    return DelegatingBackend::create_kv_cache(spec);
  }
  void copy_blocks(KvCache& cache, std::span<const BlockCopy> copies) override {
    copied_caches.insert(&cache);
    DelegatingBackend::copy_blocks(cache, copies);
  }
  void linear(Mat x, std::span<const LinearOutput> outputs) override {
    for (const LinearOutput& output : outputs) {
      if (output.out.cols == n_vocab) most_logit_rows = std::max(most_logit_rows, output.out.rows);
    }
    DelegatingBackend::linear(x, outputs);
  }

  std::size_t allocated_bytes = 0;
  std::vector<KvCacheSpec> kv_specs;
  std::set<const KvCache*> copied_caches;
  int64_t n_vocab = 0;
  int64_t most_logit_rows = 0;
};

// Address space of this process, bytes.
std::size_t virtual_bytes() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// On the best kernels of this machine.
CountingBackend counting_backend() { return CountingBackend(make_cpu_backend("", 1)); }

TEST(Ledger, CountsEveryWeightAsItIsStored) {
  const TestModel model = make_test_model({.qkv_bias = true,
                                           .output_bias = true,
                                           .qk_norm = true,
                                           .rope_factors = true,
                                           .type = DType::kF16});
  CountingBackend backend = counting_backend();
  const auto decoder = make_decoder(model, backend);
  const auto& c = model.config;
  const int64_t matrices = 2 * c.n_vocab * c.n_embd + 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 96);
  const int64_t vectors = 64 + 16 / 2 + 2 * (2 * 64 + 64 + 2 * 32 + 64 + 2 * 16);
  EXPECT_EQ(decoder->weight_bytes(), static_cast<size_t>(2 * matrices + 4 * vectors));
}

TEST(Ledger, EqualsWhatAStateAllocates) {
  TestModel model = make_test_model({.n_layers = 3});
  CountingBackend backend = counting_backend();
  const auto decoder = make_decoder(model, backend);
  const StepLimits limits{.max_tokens = 96, .max_logit_rows = 5};
  const KvPoolSpec pool{.block_size = 32, .num_blocks = 11, .type = DType::kF16};
  const MemoryLedger ledger = DecoderState::ledger(model.config, 123, backend, limits, pool);
  backend.allocated_bytes = 0;
  const auto state = DecoderState::create(*decoder, backend, limits, pool);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(ledger.weight_bytes, 123U);
  EXPECT_EQ(ledger.workspace_bytes, backend.allocated_bytes);
  std::size_t kv_bytes = 0;
  for (const KvCacheSpec& spec : backend.kv_specs) kv_bytes += backend.kv_cache_bytes(spec);
  EXPECT_EQ(ledger.kv_bytes, kv_bytes);
  ASSERT_EQ(backend.kv_specs.size(), 1U) << "layers of one shape share a pool";
  EXPECT_EQ(backend.kv_specs[0].n_layers, 3);
  EXPECT_EQ(ledger.total_bytes(), 123U + backend.allocated_bytes + kv_bytes);
}

// A pool far larger than anything else the process does, so that its size shows from outside.
TEST(Ledger, KvPoolIsAsLargeAsItSays) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    const TestModel model = make_test_model({});
    CountingBackend backend = counting_backend();
    const auto decoder = make_decoder(model, backend);
    const KvPoolSpec pool{.block_size = 16, .num_blocks = 40000, .type = type};
    const StepLimits limits{.max_tokens = 1, .max_logit_rows = 1};
    const MemoryLedger ledger = DecoderState::ledger(model.config, 0, backend, limits, pool);
    const std::size_t before = virtual_bytes();
    if (before == 0) GTEST_SKIP() << "this system does not tell a process its size";
    const auto state = DecoderState::create(*decoder, backend, limits, pool);
    ASSERT_TRUE(state.has_value());
    EXPECT_NEAR(static_cast<double>(virtual_bytes() - before), static_cast<double>(ledger.kv_bytes),
                double{1 << 20});
    // A head of 16 elements: half a block of Q8_0.
    const int64_t row = type == DType::kQ8_0 ? 34 : *row_bytes(type, 16);
    // Layers, K and V, tokens, heads.
    EXPECT_EQ(ledger.kv_bytes, std::size_t{2} * 2 * (40000 * 16) * 2 * row);
  }
}

TEST(Ledger, LayersOfDifferentShapeHavePoolsOfTheirOwn) {
  TestModel model = make_test_model({.n_layers = 3});
  model.config.layers[1].n_kv_heads = 4;
  CountingBackend backend = counting_backend();
  const auto decoder = make_decoder(model, backend);
  const KvPoolSpec pool{.num_blocks = 3};
  const auto state = DecoderState::create(*decoder, backend, {}, pool);
  ASSERT_TRUE(state.has_value());
  ASSERT_EQ(backend.kv_specs.size(), 2U);
  EXPECT_EQ(backend.kv_specs[0].n_layers, 2);
  EXPECT_EQ(backend.kv_specs[1].n_layers, 1);
  EXPECT_EQ(backend.kv_specs[1].n_kv_heads, 4);

  const BlockCopy copies[] = {{0, 2}};
  (*state)->copy_blocks(backend, copies);
  EXPECT_EQ(backend.copied_caches.size(), 2U) << "a block is copied in every pool";
}

// What is read on demand: of the matrices that are packed one at a time is in memory.
TEST(Loading, PackedTensorsAreReadOneByOneAndLetGo) {
  for (const bool tied : {true, false}) {
    TestModel model = make_test_model({.tied_head = tied, .type = DType::kQ8_0});
    std::set<const std::byte*> held;
    std::size_t most_matrices = 0;
    std::size_t matrices = 0;
    const auto embedding = model.tensors.token_embedding.bytes.data();
    const auto is_vector = [](std::span<const std::byte> part) { return part.size() <= 4 * 64; };
    model.tensors.fetch = [&](std::span<const std::byte> part) -> Result<void> {
      EXPECT_TRUE(held.insert(part.data()).second) << "read twice";
      most_matrices = std::max(most_matrices, matrices += is_vector(part) ? 0 : 1);
      return {};
    };
    model.tensors.release = [&](std::span<const std::byte> part) {
      EXPECT_EQ(held.erase(part.data()), 1U);
      --matrices;
    };
    auto backend = create_cpu_backend({.threads = 1, .activations = Activations::kI16});
    ASSERT_TRUE(backend);
    const auto decoder = Decoder::create(model.config, model.tensors, **backend);
    ASSERT_TRUE(decoder);
    // An embedding that is no head is looked up where it lies.
    EXPECT_EQ(held.count(embedding), tied ? 0U : 1U);
    EXPECT_EQ(matrices, tied ? 0U : 1U);
    EXPECT_EQ(most_matrices, tied ? 1U : 2U);
  }
}

TEST(Loading, WhatCannotBeReadFailsTheLoad) {
  TestModel model = make_test_model({});
  model.tensors.fetch = [](std::span<const std::byte>) -> Result<void> {
    return fail(ErrorCode::kFileChanged, "m.gguf: ended at byte 7");
  };
  CountingBackend backend = counting_backend();
  const auto decoder = Decoder::create(model.config, model.tensors, backend);
  ASSERT_FALSE(decoder);
  EXPECT_EQ(decoder.error().code, ErrorCode::kFileChanged);
}

class RowCounter : public LogitSink {
 public:
  void consume(Backend&, int64_t first_row, Mat logits) override {
    EXPECT_EQ(first_row, rows);
    rows += logits.rows;
    ++chunks;
  }
  int64_t rows = 0;
  int chunks = 0;
};

TEST(Head, LogitsOfManyRowsAreNeverHeldAtOnce) {
  // 512 rows of this vocabulary would take 61 MiB.
  constexpr int32_t kRows = 512;
  const TestModel model = make_test_model({.n_layers = 1,
                                           .n_embd = 8,
                                           .n_heads = 1,
                                           .n_kv_heads = 1,
                                           .head_dim = 8,
                                           .ffn_dim = 8,
                                           .n_vocab = 31250});
  CountingBackend backend = counting_backend();
  backend.n_vocab = model.config.n_vocab;
  const auto decoder = make_decoder(model, backend);
  const KvPoolSpec pool{.num_blocks = kRows / 16};
  const auto state = DecoderState::create(*decoder, backend, {}, pool);
  ASSERT_TRUE(state.has_value());
  std::vector<int32_t> ids = Random(1).ids(kRows, model.config.n_vocab);
  std::vector<int32_t> ascending(kRows), blocks(kRows / 16);
  for (int32_t i = 0; i < kRows; ++i) ascending[i] = i;
  for (int32_t i = 0; i < kRows / 16; ++i) blocks[i] = i;
  const std::vector<int32_t> seq_starts = {0, kRows}, table_starts = {0, kRows / 16};
  RowCounter sink;
  const StepBatch batch{.token_ids = ids,
                        .positions = ascending,
                        .slots = ascending,
                        .seq_starts = seq_starts,
                        .block_tables = blocks,
                        .block_table_starts = table_starts,
                        .logit_rows = ascending};
  ASSERT_TRUE(backend.wait(backend.submit_step(*decoder, **state, batch, &sink)).has_value());
  EXPECT_EQ(sink.rows, kRows);
  EXPECT_GE(sink.chunks, 4);
  EXPECT_LE(backend.most_logit_rows * model.config.n_vocab * 4, int64_t{16} << 20);
  EXPECT_LT(backend.allocated_bytes, std::size_t{kRows} * model.config.n_vocab * 4 / 2);
}

}  // namespace
}  // namespace weft::test
