// Blocks that are shared, matched from the prefix cache or copied on write hold what a sequence
// would have computed itself: a real forward pass over them gives the bits of a run alone.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/model/decoder.h"
#include "scheduler/block_manager.h"
#include "tests/support/delegating_backend.h"
#include "tests/support/random.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"
#include "tests/support/tested_backends.h"

namespace weft::test {
namespace {

constexpr int32_t kBlocks = 12;

class LastLogits : public LogitSink {
 public:
  void consume(Backend& backend, int64_t, Mat logits) override {
    values.resize(static_cast<size_t>(logits.cols));
    backend.download(values.data(), logits.row(logits.rows - 1), values.size() * sizeof(float));
  }
  std::vector<float> values;
};

// Forgets the copies, to see that a test needs them.
class WithoutCopies : public DelegatingBackend {
 public:
  using DelegatingBackend::DelegatingBackend;
  void copy_blocks(KvCache&, std::span<const BlockCopy>) override {}
};

// Every backend, with each type that its cache may hold.
struct CacheCase {
  TestedBackend backend;
  DType kv_type;
};

void PrintTo(const CacheCase& c, std::ostream* out) {
  *out << c.backend.name << " " << dtype_name(c.kv_type);
}

std::vector<CacheCase> cache_cases(bool slow) {
  std::vector<CacheCase> all;
  for (const TestedBackend& backend : tested_backends(slow)) {
    for (const DType type : backend.kv_types) all.push_back({backend, type});
  }
  return all;
}

std::string cache_case_name(const ::testing::TestParamInfo<CacheCase>& info) {
  return info.param.backend.name + "_kv_" + std::string(dtype_name(info.param.kv_type));
}

class SharedBlocks : public ::testing::TestWithParam<CacheCase> {
 protected:
  explicit SharedBlocks(std::unique_ptr<Backend> backend = GetParam().backend.make(1))
      : block_size_(GetParam().backend.emulated ? 4 : 16),
        model_(make_test_model({.n_layers = 2,
                                .n_embd = 32,
                                .n_heads = 2,
                                .n_kv_heads = 1,
                                .ffn_dim = 64,
                                .n_vocab = 64,
                                .type = GetParam().backend.weight_type})),
        backend_(std::move(backend)),
        decoder_(make_decoder(model_, *backend_)),
        state_(std::move(*DecoderState::create(
            *decoder_, *backend_, {.max_tokens = 128, .max_logit_rows = 1},
            {.block_size = block_size_, .num_blocks = kBlocks, .type = GetParam().kv_type}))),
        blocks_({.num_blocks = kBlocks, .block_size = block_size_}) {}

  // Computes the ids from position `first` on; the logits of the last.
  std::vector<float> compute(BlockTable& table, const TokenIds& ids, int64_t first) {
    const auto size = std::ssize(ids);
    EXPECT_TRUE(blocks_.reserve(table, size));
    if (const auto copy = blocks_.make_writable(table, first).value()) {
      state_->copy_blocks(*backend_, {&*copy, 1});
    }
    std::vector<int32_t> positions, slots;
    for (int64_t p = first; p < size; ++p) {
      positions.push_back(static_cast<int32_t>(p));
      slots.push_back(blocks_.slot(table, p));
    }
    const auto n = static_cast<int32_t>(positions.size());
    const std::vector<int32_t> seq_starts = {0, n};
    const std::vector<int32_t> table_starts = {0, static_cast<int32_t>(table.blocks.size())};
    const std::vector<int32_t> logit_rows = {n - 1};
    const StepBatch batch{.token_ids = std::span(ids).subspan(static_cast<size_t>(first)),
                          .positions = positions,
                          .slots = slots,
                          .seq_starts = seq_starts,
                          .block_tables = table.blocks,
                          .block_table_starts = table_starts,
                          .logit_rows = logit_rows};
    LastLogits sink;
    EXPECT_TRUE(backend_->wait(backend_->submit_step(*decoder_, *state_, batch, &sink)));
    blocks_.publish(table, ids, size);
    return sink.values;
  }

  // By a path of its own, with blocks of its own.
  std::vector<float> alone(const TokenIds& ids) {
    const Logits all = run_chunked(*decoder_, *backend_, ids, 0, {.kv_type = GetParam().kv_type});
    return {all.values.end() - all.n_vocab, all.values.end()};
  }

  TokenIds random_ids(int64_t count) { return random_.ids(count, model_.config.n_vocab); }
  static TokenIds joined(TokenIds head, const TokenIds& tail) {
    head.insert(head.end(), tail.begin(), tail.end());
    return head;
  }

  const int32_t block_size_;  // divides by 4
  Random random_{3};
  TestModel model_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<DecoderState> state_;
  BlockManager blocks_;
};

TEST_P(SharedBlocks, AMatchedPrefixGivesTheBitsOfComputingIt) {
  const TokenIds prefix = random_ids(2 * block_size_ + block_size_ / 2);
  BlockTable a, b;
  const TokenIds first = joined(prefix, random_ids(5));
  EXPECT_EQ(compute(a, first, 0), alone(first));
  blocks_.release(a);

  const TokenIds second = joined(prefix, random_ids(7));
  ASSERT_EQ(blocks_.match_prefix(second, 0, b), 2 * block_size_);
  EXPECT_EQ(compute(b, second, 2 * block_size_), alone(second));
}

TEST_P(SharedBlocks, APrefixComputedTwiceAtOnceGivesTheBitsOfEither) {
  const TokenIds prefix = random_ids(2 * block_size_);
  BlockTable a, b;
  compute(a, prefix, 0);
  compute(b, prefix, 0);
  ASSERT_EQ(a.blocks, b.blocks);
  const TokenIds ids = joined(prefix, random_ids(3));
  EXPECT_EQ(compute(b, ids, 2 * block_size_), alone(ids));
}

TEST_P(SharedBlocks, ForksGoOnFromACopyOfTheirLastBlock) {
  const int32_t length = block_size_ + block_size_ / 4;
  const TokenIds prompt = random_ids(length);
  BlockTable a;
  compute(a, prompt, 0);
  BlockTable b = blocks_.fork(a, length);
  BlockTable c = blocks_.fork(a, length);
  for (BlockTable* table : {&a, &b, &c}) {
    const TokenIds ids = joined(prompt, random_ids(block_size_));
    EXPECT_EQ(compute(*table, ids, length), alone(ids));
  }
  // The first block is shared by all; of the second and third each has its own.
  EXPECT_EQ(blocks_.ledger(), (BlockManager::Ledger{kBlocks, kBlocks - 7, 0, 7}));
}

TEST_P(SharedBlocks, GoingBackIntoAPublishedBlockLeavesItAsItWas) {
  const int32_t back = 2 * block_size_ + block_size_ / 2;
  const TokenIds ids = random_ids(3 * block_size_);
  BlockTable a, b;
  compute(a, ids, 0);
  blocks_.truncate(a, back);
  TokenIds other(ids.begin(), ids.begin() + back);
  other = joined(other, random_ids(block_size_ / 2 + 3));
  EXPECT_EQ(compute(a, other, back), alone(other));

  const TokenIds again = joined(ids, random_ids(2));
  ASSERT_EQ(blocks_.match_prefix(again, 0, b), 3 * block_size_);
  EXPECT_EQ(compute(b, again, 3 * block_size_), alone(again));
}

INSTANTIATE_TEST_SUITE_P(On, SharedBlocks, ::testing::ValuesIn(cache_cases(false)),
                         cache_case_name);
INSTANTIATE_TEST_SUITE_P(SlowOn, SharedBlocks, ::testing::ValuesIn(cache_cases(true)),
                         cache_case_name);

class SharedBlocksWithoutCopies : public SharedBlocks {
 protected:
  SharedBlocksWithoutCopies()
      : SharedBlocks(std::make_unique<WithoutCopies>(GetParam().backend.make(1))) {}
};

TEST_P(SharedBlocksWithoutCopies, AForkThatForgetsTheCopyGivesOtherBits) {
  const int32_t length = block_size_ + 2;
  const TokenIds prompt = random_ids(length);
  BlockTable a;
  compute(a, prompt, 0);
  BlockTable b = blocks_.fork(a, length);
  const TokenIds ids = joined(prompt, random_ids(2));
  EXPECT_NE(compute(b, ids, length), alone(ids));
}

INSTANTIATE_TEST_SUITE_P(On, SharedBlocksWithoutCopies, ::testing::ValuesIn(cache_cases(false)),
                         cache_case_name);
INSTANTIATE_TEST_SUITE_P(SlowOn, SharedBlocksWithoutCopies, ::testing::ValuesIn(cache_cases(true)),
                         cache_case_name);

}  // namespace
}  // namespace weft::test
