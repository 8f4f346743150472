// Blocks that are shared, matched from the prefix cache or copied on write hold what a sequence
// would have computed itself: a real forward pass over them gives the bits of a run alone.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/model/decoder.h"
#include "scheduler/block_manager.h"
#include "tests/support/cpu_isas.h"
#include "tests/support/delegating_backend.h"
#include "tests/support/random.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

constexpr int32_t kBlockSize = 16;
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

// Over the types that the cache may hold.
class SharedBlocks : public ::testing::TestWithParam<DType> {
 protected:
  explicit SharedBlocks(std::unique_ptr<Backend> backend = make_cpu_backend("", 1))
      : model_(make_test_model({.n_layers = 3})),
        backend_(std::move(backend)),
        decoder_(make_decoder(model_, *backend_)),
        state_(std::move(*DecoderState::create(
            *decoder_, *backend_, {.max_tokens = 128, .max_logit_rows = 1},
            {.block_size = kBlockSize, .num_blocks = kBlocks, .type = GetParam()}))),
        blocks_({.num_blocks = kBlocks, .block_size = kBlockSize}) {}

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
    const Logits all = run_chunked(*decoder_, *backend_, ids, 0, {.kv_type = GetParam()});
    return {all.values.end() - all.n_vocab, all.values.end()};
  }

  TokenIds random_ids(int64_t count) { return random_.ids(count, model_.config.n_vocab); }
  static TokenIds joined(TokenIds head, const TokenIds& tail) {
    head.insert(head.end(), tail.begin(), tail.end());
    return head;
  }

  Random random_{3};
  TestModel model_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<DecoderState> state_;
  BlockManager blocks_;
};

TEST_P(SharedBlocks, AMatchedPrefixGivesTheBitsOfComputingIt) {
  const TokenIds prefix = random_ids(40);
  BlockTable a, b;
  const TokenIds first = joined(prefix, random_ids(5));
  EXPECT_EQ(compute(a, first, 0), alone(first));
  blocks_.release(a);

  const TokenIds second = joined(prefix, random_ids(9));
  ASSERT_EQ(blocks_.match_prefix(second, 0, b), 32);
  EXPECT_EQ(compute(b, second, 32), alone(second));
}

TEST_P(SharedBlocks, APrefixComputedTwiceAtOnceGivesTheBitsOfEither) {
  const TokenIds prefix = random_ids(32);
  BlockTable a, b;
  compute(a, prefix, 0);
  compute(b, prefix, 0);
  ASSERT_EQ(a.blocks, b.blocks);
  const TokenIds ids = joined(prefix, random_ids(3));
  EXPECT_EQ(compute(b, ids, 32), alone(ids));
}

TEST_P(SharedBlocks, ForksGoOnFromACopyOfTheirLastBlock) {
  const TokenIds prompt = random_ids(21);
  BlockTable a;
  compute(a, prompt, 0);
  BlockTable b = blocks_.fork(a, 21);
  BlockTable c = blocks_.fork(a, 21);
  for (BlockTable* table : {&a, &b, &c}) {
    const TokenIds ids = joined(prompt, random_ids(20));
    EXPECT_EQ(compute(*table, ids, 21), alone(ids));
  }
  // The first block is shared by all; of the second and third each has its own.
  EXPECT_EQ(blocks_.ledger(), (BlockManager::Ledger{kBlocks, kBlocks - 7, 0, 7}));
}

TEST_P(SharedBlocks, GoingBackIntoAPublishedBlockLeavesItAsItWas) {
  const TokenIds ids = random_ids(48);
  BlockTable a, b;
  compute(a, ids, 0);
  blocks_.truncate(a, 40);
  TokenIds other(ids.begin(), ids.begin() + 40);
  other = joined(other, random_ids(11));
  EXPECT_EQ(compute(a, other, 40), alone(other));

  const TokenIds again = joined(ids, random_ids(2));
  ASSERT_EQ(blocks_.match_prefix(again, 0, b), 48);
  EXPECT_EQ(compute(b, again, 48), alone(again));
}

const auto kKvTypes = ::testing::Values(DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0);
std::string kv_name(const ::testing::TestParamInfo<DType>& info) {
  return std::string(dtype_name(info.param));
}
INSTANTIATE_TEST_SUITE_P(Kv, SharedBlocks, kKvTypes, kv_name);

class SharedBlocksWithoutCopies : public SharedBlocks {
 protected:
  SharedBlocksWithoutCopies()
      : SharedBlocks(std::make_unique<WithoutCopies>(make_cpu_backend("", 1))) {}
};

TEST_P(SharedBlocksWithoutCopies, AForkThatForgetsTheCopyGivesOtherBits) {
  const TokenIds prompt = random_ids(21);
  BlockTable a;
  compute(a, prompt, 0);
  BlockTable b = blocks_.fork(a, 21);
  const TokenIds ids = joined(prompt, random_ids(2));
  EXPECT_NE(compute(b, ids, 21), alone(ids));
}

INSTANTIATE_TEST_SUITE_P(Kv, SharedBlocksWithoutCopies, kKvTypes, kv_name);

}  // namespace
}  // namespace weft::test
