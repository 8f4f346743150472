// Draws that are collected later, and steps that begin with their ids.
#include <bit>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "core/row_draw.h"
#include "kernels/cuda/cuda_backend.h"
#include "scheduler/model_runner.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/support/random.h"
#include "tests/support/step_driver.h"

namespace weft::test {
namespace {

constexpr int32_t kVocab = 3000;  // two slices

std::vector<float> random_logits(int64_t rows, uint64_t seed) {
  Random random(seed);
  std::vector<float> logits;
  for (int64_t i = 0; i < rows * kVocab; ++i) {
    logits.push_back(static_cast<float>(4 * random.bell()));
  }
  return logits;
}

std::vector<RowDraw> draws_of(int64_t rows, uint64_t seed) {
  Random random(seed);
  std::vector<RowDraw> draws;
  for (int64_t row = 0; row < rows; ++row) {
    draws.push_back({.row = row,
                     .wants_logprob = row % 2 == 0,
                     .temperature = row % 3 == 0 ? 0.0f : 1.0f,
                     .top_k = 40,
                     .top_p = 0.9f,
                     .random = static_cast<uint64_t>(random.below(1 << 30)) << 34});
  }
  return draws;
}

void expect_same(const std::vector<DrawnRow>& a, const std::vector<DrawnRow>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].id, b[i].id) << i;
    EXPECT_EQ(std::bit_cast<uint32_t>(a[i].logit), std::bit_cast<uint32_t>(b[i].logit)) << i;
    EXPECT_EQ(a[i].weight_sum, b[i].weight_sum) << i;
  }
}

TEST(CudaDrawnIds, WhatIsCollectedLaterIsTheSame) {
  const auto backend = create_cuda_backend(make_test_gpu());
  const int64_t sizes[] = {5, 3, 4, 2, 2};
  std::vector<std::vector<DrawnRow>> expected;
  std::deque<DeviceArray<float>> logits;
  for (size_t i = 0; i < std::size(sizes); ++i) {
    logits.emplace_back(random_logits(sizes[i], i + 1));
    const Mat mat{logits.back().data(), sizes[i], kVocab};
    expected.emplace_back(static_cast<size_t>(sizes[i]));
    ASSERT_TRUE(backend->sample(mat, draws_of(sizes[i], i), expected.back()));
  }
  // Two are under way at a time.
  std::optional<DrawTicket> before;
  for (size_t i = 0; i <= std::size(sizes); ++i) {
    std::optional<DrawTicket> ticket;
    if (i < std::size(sizes)) {
      const Mat mat{logits[i].data(), sizes[i], kVocab};
      const auto draws = draws_of(sizes[i], i);
      // In two chunks.
      ticket = backend->sample_later(mat, std::span(draws).first(1), 0, sizes[i]);
      ASSERT_TRUE(ticket);
      auto rest = std::vector(draws.begin() + 1, draws.end());
      for (RowDraw& draw : rest) --draw.row;
      const auto same = backend->sample_later(mat.slice(1, sizes[i] - 1), rest, 1, sizes[i]);
      ASSERT_TRUE(same);
      EXPECT_EQ(same->call, ticket->call);
    }
    if (before) {
      std::vector<DrawnRow> drawn(static_cast<size_t>(sizes[i - 1]));
      ASSERT_TRUE(backend->collect(*before, drawn));
      expect_same(drawn, expected[i - 1]);
    }
    before = ticket;
  }
}

// Draws the most likely of each row, at once or later.
class Greedy final : public LogitSink {
 public:
  explicit Greedy(bool later) : later_(later) {}
  void consume(Backend& backend, int64_t, Mat logits) override {
    std::vector<RowDraw> draws;
    for (int64_t row = 0; row < logits.rows; ++row) draws.push_back({.row = row});
    drawn.assign(draws.size(), {});
    if (later_) {
      ticket = backend.sample_later(logits, draws, 0, logits.rows);
      EXPECT_TRUE(ticket);
    } else {
      EXPECT_TRUE(backend.sample(logits, draws, drawn));
    }
  }
  std::optional<DrawTicket> ticket;
  std::vector<DrawnRow> drawn;

 private:
  bool later_;
};

struct Decoding {
  std::vector<std::vector<int32_t>> ids;
  int64_t replays = 0;
};

// Two prompts, then steps of both, of which the last `steps` are each begun ahead of the one before
// where `ahead`.
Decoding decode(bool graphs, bool ahead, int steps) {
  const TestModel model = make_test_model({.type = DType::kQ8_0});
  auto gpu = make_test_gpu();
  const cuda::Gpu& watched = *gpu;
  const std::shared_ptr<Backend> backend =
      create_cuda_backend(std::move(gpu), {.threads = 1, .graphs = graphs});
  const std::shared_ptr<Decoder> decoder = make_decoder(model, *backend);
  auto runner = ModelRunner::create(decoder, backend, {.max_tokens = 16, .max_logit_rows = 16},
                                    {.block_size = 16, .num_blocks = 8, .type = DType::kF16});
  EXPECT_TRUE(runner);
  std::vector<Sequence> sequences(2);
  sequences[0].ids = {1, 5, 9, 2};
  sequences[1].ids = {7, 3, 100, 41, 6};
  const auto append = [&](const std::vector<DrawnRow>& drawn) {
    // In the other order than they were computed in: draws and rows are told apart.
    for (size_t i = 0; i < 2; ++i) sequences[1 - i].ids.push_back(drawn[i].id);
  };
  const auto parts = [&](bool is_ahead) {
    std::vector<SequenceStep> made;
    for (int32_t i = 0; i < 2; ++i) {
      Sequence& sequence = sequences[static_cast<size_t>(1 - i)];
      const auto left = static_cast<int32_t>(std::ssize(sequence.ids) - sequence.num_computed);
      made.push_back({.sequence = &sequence,
                      .num_tokens = is_ahead ? 1 : left,
                      .num_logits = 1,
                      .from_draw = is_ahead ? i : -1});
    }
    return made;
  };
  Greedy prompt(false);
  EXPECT_TRUE((*runner)->run(parts(false), &prompt));
  append(prompt.drawn);
  // A few are at once in any case, and recorded as such where that is done.
  for (int i = 0; i < (ahead ? 3 : 3 + steps); ++i) {
    Greedy sink(false);
    EXPECT_TRUE((*runner)->run(parts(false), &sink));
    append(sink.drawn);
  }
  if (ahead) {
    auto before = std::make_unique<Greedy>(true);
    EXPECT_TRUE((*runner)->submit(parts(false), {}, before.get()));
    for (int i = 1; i <= steps; ++i) {
      auto next = std::make_unique<Greedy>(true);
      if (i < steps) {
        EXPECT_TRUE((*runner)->submit(parts(true), {}, next.get()));
      }
      EXPECT_TRUE(backend->collect(*before->ticket, before->drawn));
      append(before->drawn);
      for (Sequence& sequence : sequences) ++sequence.num_computed;
      before = std::move(next);
    }
  }
  EXPECT_TRUE((*runner)->wait());
  return {{sequences[0].ids, sequences[1].ids}, watched.graph_launches()};
}

TEST(CudaDrawnIds, StepsThatBeginWithThemAreTheSame) {
  const Decoding expected = decode(false, false, 9);
  EXPECT_EQ(decode(false, true, 9).ids, expected.ids);
}

TEST(CudaDrawnIds, SoAreStepsThatAreReplayed) {
  const Decoding expected = decode(false, false, 9);
  const Decoding replayed = decode(true, true, 9);
  EXPECT_EQ(replayed.ids, expected.ids);
  EXPECT_GE(replayed.replays, 8);
}

// What the next step has begun with is no id, and nobody will ask for what came of it.
TEST(CudaDrawnIds, ADrawOfBadLogitsHarmsNobody) {
  const TestModel model = make_test_model({.type = DType::kQ8_0});
  const std::shared_ptr<Backend> backend = create_cuda_backend(make_test_gpu());
  const auto decoder = make_decoder(model, *backend);
  const int32_t n_vocab = decoder->config().n_vocab;
  std::vector<float> logits(static_cast<size_t>(2 * n_vocab), 1.0f);
  logits[7] = std::numeric_limits<float>::quiet_NaN();
  logits[static_cast<size_t>(n_vocab) + 11] = 2.0f;
  const DeviceArray<float> device(logits);
  const RowDraw draws[] = {{.row = 0}, {.row = 1}};
  const auto ticket = backend->sample_later({device.data(), 2, n_vocab}, draws, 0, 2);
  ASSERT_TRUE(ticket);
  const std::vector<int32_t> ids = {StepBatch::from_draw(1), StepBatch::from_draw(0), 5};
  const std::vector<int32_t> known = {11, 0, 5};
  const auto table = backend->load_weight(model.tensors.token_embedding);
  ASSERT_TRUE(table);
  const int64_t cols = (*table)->cols();
  const DeviceArray<float> out(std::vector<float>(static_cast<size_t>(3 * cols)));
  const DeviceArray<float> expected(std::vector<float>(static_cast<size_t>(3 * cols)));
  backend->embed(**table, ids, {out.data(), 3, cols});
  backend->embed(**table, known, {expected.data(), 3, cols});
  std::vector<DrawnRow> drawn(2);
  ASSERT_TRUE(backend->collect(*ticket, drawn));
  EXPECT_EQ(drawn[0].id, -1);
  EXPECT_EQ(drawn[1].id, 11);
  ASSERT_TRUE(backend->wait({}));
  EXPECT_EQ(out.values(), expected.values());
}

}  // namespace
}  // namespace weft::test
