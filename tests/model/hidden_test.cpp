// The final hidden states of chosen rows: those of the oracle, in chunks, beside logits or alone.
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/cpu_isas.h"
#include "tests/support/random.h"
#include "tests/support/reference_model.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_model.h"

namespace weft::test {
namespace {

constexpr int32_t kTokens = 40;
constexpr int32_t kChunk = 3;  // rows of the head at once

class Rows : public LogitSink {
 public:
  void consume(Backend&, int64_t first_row, Mat chunk) override { take(logits, first_row, chunk); }
  void consume_hidden(Backend&, int64_t first_row, Mat chunk) override {
    EXPECT_TRUE(logits.empty()) << "hidden states come before logits";
    take(hidden, first_row, chunk);
  }
  std::vector<float> hidden, logits;

 private:
  static void take(std::vector<float>& all, int64_t first_row, Mat chunk) {
    EXPECT_EQ(first_row * chunk.cols, std::ssize(all));
    EXPECT_LE(chunk.rows, kChunk);
    all.insert(all.end(), chunk.data, chunk.data + chunk.rows * chunk.cols);
  }
};

Rows run(const TestModel& model, const std::vector<int32_t>& ids,
         const std::vector<int32_t>& hidden_rows, const std::vector<int32_t>& logit_rows) {
  const auto backend = make_cpu_backend("scalar");
  const auto decoder = make_decoder(model, *backend);
  const auto state = DecoderState::create(
      *decoder, *backend, {.max_tokens = kTokens, .max_logit_rows = kChunk}, {.num_blocks = 3});
  EXPECT_TRUE(state.has_value());
  std::vector<int32_t> ascending(kTokens);
  for (int32_t i = 0; i < kTokens; ++i) ascending[i] = i;
  const std::vector<int32_t> seq_starts = {0, kTokens}, blocks = {0, 1, 2}, table_starts = {0, 3};
  const StepBatch batch{.token_ids = ids,
                        .positions = ascending,
                        .slots = ascending,
                        .seq_starts = seq_starts,
                        .block_tables = blocks,
                        .block_table_starts = table_starts,
                        .logit_rows = logit_rows,
                        .hidden_rows = hidden_rows};
  Rows rows;
  EXPECT_TRUE(backend->wait(backend->submit_step(*decoder, **state, batch, &rows)).has_value());
  return rows;
}

TEST(Hidden, ChosenRowsAreThoseOfTheOracle) {
  const TestModel model = make_test_model({.qk_norm = true});
  const auto ids = Random(1).ids(kTokens, model.config.n_vocab);
  const std::vector<int32_t> wanted = {0, 1, 5, 6, 7, 8, 20, 38, 39}, last = {39};
  const Rows both = run(model, ids, wanted, last);
  const DoubleMatrix truth = reference_hidden(model.config, model.tensors, ids);
  const int64_t dim = model.config.n_embd;
  ASSERT_EQ(both.hidden.size(), wanted.size() * static_cast<size_t>(dim));
  for (size_t i = 0; i < both.hidden.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    EXPECT_NEAR(both.hidden[i], truth(wanted[i / dim], at % dim),
                kMaxRelative * truth.cwiseAbs().maxCoeff());
  }
  // What else is wanted changes no bit of either.
  EXPECT_EQ(run(model, ids, wanted, {}).hidden, both.hidden);
  EXPECT_EQ(run(model, ids, {}, last).logits, both.logits);
  EXPECT_TRUE(run(model, ids, {}, last).hidden.empty());
}

}  // namespace
}  // namespace weft::test
