// Draws on the device against the host's sampler, which defines them: equal logits give equal ids.
#include <cmath>
#include <limits>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/fixed_exp.h"
#include "core/half.h"
#include "core/row_draw.h"
#include "kernels/cuda/cuda_backend.h"
#include "scheduler/model_runner.h"
#include "scheduler/sampler.h"
#include "tests/kernels/cuda/device_array.h"
#include "tests/support/random.h"
#include "tests/support/step_driver.h"

namespace weft::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kMost = std::numeric_limits<float>::max();
const float kNan = std::nanf("");

using Logits = std::vector<float>;

// A row and how it is drawn from.
struct Row {
  Logits logits;
  SamplingParams params;
  std::vector<int32_t> prompt, generated;
  std::vector<int32_t> forbidden;
  bool wants_logprob = false;
  int64_t position = 0;
};

struct Drawn {
  int32_t id;
  float logit, best;
  uint64_t weight_sum;

  bool operator==(const Drawn&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Drawn& drawn) {
  return out << "id " << drawn.id << ", logit " << drawn.logit << ", best " << drawn.best
             << ", sum " << drawn.weight_sum;
}

// By the host: id −1 where it refuses the logits.
Drawn by_host(const Row& row) {
  Logits logits = row.logits;
  for (const int32_t id : row.forbidden) logits[static_cast<size_t>(id)] = -kInf;
  Sampler sampler = *Sampler::create(row.params, static_cast<int32_t>(logits.size()));
  const auto id = sampler.sample(logits, row.prompt, row.generated, row.position);
  if (!id) return {.id = -1, .logit = 0, .best = 0, .weight_sum = 0};
  Drawn drawn{.id = *id, .logit = 0, .best = 0, .weight_sum = 0};
  if (!row.wants_logprob) return drawn;
  drawn.logit = row.logits[static_cast<size_t>(*id)];
  drawn.best = *std::ranges::max_element(row.logits);
  for (const float logit : row.logits) {
    drawn.weight_sum += fixed_exp(static_cast<double>(logit) - static_cast<double>(drawn.best));
  }
  return drawn;
}

class CudaSample : public ::testing::TestWithParam<TurnOrder> {
 protected:
  void SetUp() override { set_turn_order(GetParam()); }
  void TearDown() override { set_turn_order(TurnOrder::kAscending); }

  // By the device, in one call; the logits must be left as they were.
  std::vector<Drawn> by_device(const std::vector<Row>& rows) {
    const size_t n_vocab = rows.front().logits.size();
    Logits all;
    std::vector<Sampler> samplers;
    for (const Row& row : rows) {
      all.insert(all.end(), row.logits.begin(), row.logits.end());
      samplers.push_back(*Sampler::create(row.params, static_cast<int32_t>(n_vocab)));
    }
    std::vector<RowDraw> draws;
    for (size_t i = 0; i < rows.size(); ++i) {
      const Row& row = rows[i];
      draws.push_back(samplers[i].row_draw(row.prompt, row.generated, row.position).value());
      draws.back().row = static_cast<int64_t>(i);
      draws.back().forbidden = row.forbidden;
      draws.back().wants_logprob = row.wants_logprob;
    }
    const DeviceArray<float> device(all);
    std::vector<DrawnRow> drawn(rows.size());
    const Mat logits{device.data(), static_cast<int64_t>(rows.size()),
                     static_cast<int64_t>(n_vocab)};
    EXPECT_TRUE(backend_->sample(logits, draws, drawn));
    EXPECT_TRUE(backend_->wait({}));
    const Logits after = device.values();
    for (size_t i = 0; i < all.size(); ++i) {
      if (bits_from_float(after[i]) == bits_from_float(all[i])) continue;
      ADD_FAILURE() << "logit " << i << " was " << all[i] << ", is " << after[i];
      break;
    }
    std::vector<Drawn> result;
    for (const DrawnRow& row : drawn) {
      const Drawn none{.id = -1, .logit = 0, .best = 0, .weight_sum = 0};
      result.push_back(row.id < 0 ? none : Drawn{row.id, row.logit, row.best, row.weight_sum});
    }
    return result;
  }

  void expect_as_on_host(const std::vector<Row>& rows, const std::string& what) {
    const std::vector<Drawn> got = by_device(rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      const SamplingParams& p = rows[i].params;
      EXPECT_EQ(got[i], by_host(rows[i]))
          << what << ", row " << i << " of " << rows[i].logits.size() << " logits, temperature "
          << p.temperature << ", top_k " << p.top_k << ", top_p " << p.top_p << ", min_p "
          << p.min_p << ", penalties " << p.repetition_penalty << " " << p.presence_penalty << " "
          << p.frequency_penalty << ", position " << rows[i].position;
    }
  }

  std::unique_ptr<Backend> backend_ = create_cuda_backend(make_test_gpu());
};

// Some of everything that a row's options can be.
std::vector<SamplingParams> options() {
  return {
      {.temperature = 0},
      {.temperature = 1, .top_k = 0, .top_p = 1},
      {.temperature = 0.7f, .top_k = 0, .top_p = 0.9f},
      {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f},
      {.temperature = 2, .top_k = 300, .top_p = 1, .min_p = 0.3f},
      {.temperature = 0.1f, .top_k = 0, .top_p = 0.5f, .min_p = 0.01f},
      {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 1},
      {.temperature = 1, .top_k = 0, .top_p = 1e-9f},
      {.temperature = 1, .top_k = 1, .top_p = 1},
      {.temperature = 5, .top_k = 3000, .top_p = 0.999f, .min_p = 1e-20f},
      {.temperature = 1e-44f, .top_k = 0, .top_p = 0.9f},
      {.temperature = 0, .repetition_penalty = 1.3f},
      {.temperature = 1, .presence_penalty = 0.7f, .frequency_penalty = -0.2f},
      {.temperature = 1.5f, .top_k = 20, .repetition_penalty = 0.8f, .presence_penalty = -1.1f},
  };
}

Logits random_logits(Random& random, int32_t n, float width) {
  Logits logits(static_cast<size_t>(n));
  for (float& logit : logits) {
    logit = width * static_cast<float>(2 * random.uniform() - 1);
    // Ties, and what may not be drawn.
    if (random.below(4) == 0) logit = std::round(logit);
    if (random.below(50) == 0) logit = -kInf;
  }
  logits[static_cast<size_t>(random.below(n))] = 0.25f;
  return logits;
}

// With ids seen and forbidden, some of them both.
Row random_row(Random& random, int32_t n, float width, const SamplingParams& params) {
  Row row{.logits = random_logits(random, n, width), .params = params};
  row.params.seed = random.next();
  row.prompt = random.ids(random.below(40), n);
  row.generated = random.ids(random.below(20), std::min(n, 30));
  if (random.below(2) == 0) row.forbidden = random.ids(random.below(4), n);
  std::ranges::sort(row.forbidden);
  row.wants_logprob = random.below(2) == 0;
  row.position = static_cast<int64_t>(random.next() >> 24);
  return row;
}

TEST_P(CudaSample, DrawsWhatTheHostWouldDraw) {
  Random random(29);
  for (const int32_t n : {1, 33, 700, 2049}) {
    for (const float width : {0.001f, 5.0f, 60.0f}) {
      std::vector<Row> rows;
      for (const SamplingParams& params : options()) {
        rows.push_back(random_row(random, n, width, params));
      }
      expect_as_on_host(rows, "width " + std::to_string(width));
    }
  }
}

TEST_P(CudaSample, LogitsAtTheEdges) {
  Random random(31);
  constexpr int32_t kVocab = 2500;  // more equal ones than are sorted at a time
  const std::map<std::string, Logits> cases = [&] {
    std::map<std::string, Logits> all;
    all["equal"] = Logits(kVocab, -3.5f);
    Logits& zeros = all["zeros of both signs"] = Logits(kVocab);
    for (float& zero : zeros) zero = random.below(2) == 0 ? 0.0f : -0.0f;
    all["one finite"] = Logits(kVocab, -kInf);
    all["one finite"][2345] = -kMost;
    all["the last"] = Logits(kVocab, -1000.0f);
    all["the last"].back() = 0;
    Logits& huge = all["huge"] = Logits(kVocab, kMost);
    for (float& logit : huge) logit *= static_cast<float>(2 * random.uniform() - 1);
    Logits& tiny = all["subnormal"] = Logits(kVocab);
    for (float& logit : tiny) logit = float_from_bits(static_cast<uint32_t>(random.below(5)));
    // Nearly equal: one bucket, told apart by their last bits.
    Logits& near = all["near"] = Logits(kVocab);
    for (float& logit : near) logit = float_from_bits(0x41200000u + random.next() % 4000);
    // Many equal ones behind a few better.
    all["a plain"] = Logits(kVocab, 1.0f);
    for (const int32_t id : {3, 77, 2400}) all["a plain"][static_cast<size_t>(id)] = 6.0f;
    return all;
  }();
  for (const auto& [name, logits] : cases) {
    std::vector<Row> rows;
    for (const SamplingParams& params : options()) {
      rows.push_back({.logits = logits,
                      .params = params,
                      .prompt = {0, 0, 17},
                      .generated = {17, 2499, 17},
                      .wants_logprob = true});
    }
    expect_as_on_host(rows, name);
  }
}

// Such a row is the host's to refuse, and says so; its neighbours are drawn.
TEST_P(CudaSample, LogitsThatTheHostRefusesAreGivenBack) {
  const Logits good = {1, 2, 3, 4};
  const std::vector<Logits> bad = {
      {1, kNan, 3, 4}, {1, -kNan, 3, 4}, {kInf, 2, 3, 4}, {-kInf, -kInf, -kInf, -kInf}};
  for (const SamplingParams& params : options()) {
    std::vector<Row> rows;
    for (const Logits& logits : bad) {
      rows.push_back({.logits = logits, .params = params});
      rows.push_back({.logits = good, .params = params});
    }
    // Nothing is left of a good row.
    rows.push_back({.logits = good, .params = params, .forbidden = {0, 1, 2, 3}});
    // Bad logits where none may be drawn: a draw, but no log-probability.
    rows.push_back({.logits = bad[0], .params = params, .forbidden = {1}});
    expect_as_on_host(rows, "bad");
    rows = {{.logits = bad[0], .params = params, .forbidden = {1}, .wants_logprob = true}};
    EXPECT_EQ(by_device(rows)[0].id, -1);
  }
}

TEST_P(CudaSample, BatchmatesChangeNothing) {
  Random random(37);
  std::vector<Row> rows;
  for (const SamplingParams& params : options()) {
    rows.push_back(random_row(random, 700, 6.0f, params));
  }
  const std::vector<Drawn> together = by_device(rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(by_device({rows[i]})[0], together[i]) << "row " << i;
  }
}

TEST_P(CudaSample, GivenIdsAreWeighedWithoutADraw) {
  Random random(41);
  const Logits logits = random_logits(random, 3000, 8.0f);
  const DeviceArray<float> device(logits);
  std::vector<DrawnRow> drawn(1);
  for (const int32_t id : {0, 1234, 2999}) {
    const RowDraw draw{.given = id};
    ASSERT_TRUE(backend_->sample({device.data(), 1, 3000}, {&draw, 1}, drawn));
    Row row{.logits = logits, .params = {.temperature = 0}, .wants_logprob = true};
    Drawn expected = by_host(row);
    expected.id = id;
    expected.logit = logits[static_cast<size_t>(id)];
    EXPECT_EQ((Drawn{drawn[0].id, drawn[0].logit, drawn[0].best, drawn[0].weight_sum}), expected);
  }
}

TEST_P(CudaSample, AWholeVocabulary) {
  constexpr int32_t kVocab = 128256;
  Random random(43);
  const std::vector<SamplingParams> all = options();
  // Peaked as a model's are, flat as random weights give, and equal ones.
  const float widths[] = {14.0f, 2.0f, 0.0f};
  std::vector<Row> rows;
  for (size_t i = 0; i < 3; ++i) {
    rows.push_back(random_row(random, kVocab, widths[i], all[2 + i % 2]));
    if (i == 0) {
      for (float& logit : rows.back().logits) logit = -std::abs(logit) * std::abs(logit) / 8.0f;
    }
  }
  expect_as_on_host(rows, "whole");
}

// Draws as the head gives its chunks of rows, and compares each with the host's.
class ComparedDraws : public LogitSink {
 public:
  void consume(Backend& backend, int64_t first_row, Mat logits) override {
    std::vector<RowDraw> draws;
    std::vector<DrawnRow> drawn(static_cast<size_t>(logits.rows));
    for (int64_t r = 0; r < logits.rows; ++r) {
      draws.push_back(*sampler_.row_draw({}, {}, first_row + r));
      draws.back().row = r;
    }
    ASSERT_TRUE(backend.sample(logits, draws, drawn));
    Logits row(static_cast<size_t>(logits.cols));
    for (int64_t r = 0; r < logits.rows; ++r) {
      backend.download(row.data(), logits.row(r), row.size() * sizeof(float));
      EXPECT_EQ(drawn[static_cast<size_t>(r)].id, *sampler_.sample(row, {}, {}, first_row + r));
      ++rows;
    }
  }
  int rows = 0;

 private:
  Sampler sampler_ = *Sampler::create({.temperature = 3, .top_k = 0}, TestModelSpec().n_vocab);
};

TEST_P(CudaSample, WithinAStepEachChunkOfRowsIsItsOwn) {
  const TestModel model = make_test_model({});
  const std::shared_ptr<Backend> backend = create_cuda_backend(make_test_gpu());
  const std::shared_ptr<Decoder> decoder = make_decoder(model, *backend);
  const auto runner = ModelRunner::create(decoder, backend, {.max_tokens = 7, .max_logit_rows = 2},
                                          {.block_size = 16, .num_blocks = 1});
  ASSERT_TRUE(runner);
  Sequence sequence{.ids = {1, 5, 9, 2, 100, 7, 3}};
  const SequenceStep step{.sequence = &sequence, .num_tokens = 7, .num_logits = 7};
  ComparedDraws draws;
  ASSERT_TRUE((*runner)->run({&step, 1}, &draws));
  EXPECT_EQ(draws.rows, 7);
}

class SlowCudaSample : public CudaSample {};

TEST_P(SlowCudaSample, ThousandsOfRows) {
  Random random(47);
  for (int i = 0; i < 120; ++i) {
    const int32_t n = 1 + random.below(random.below(2) == 0 ? 200 : 9000);
    const float width = std::exp2(static_cast<float>(random.below(16)) - 8.0f);
    std::vector<Row> rows;
    for (const SamplingParams& params : options()) {
      rows.push_back(random_row(random, n, width, params));
    }
    expect_as_on_host(rows, "width " + std::to_string(width));
  }
}

std::string order_name(const ::testing::TestParamInfo<TurnOrder>& order) {
  return order.param == TurnOrder::kAscending ? "ascending" : "descending";
}

INSTANTIATE_TEST_SUITE_P(Turns, CudaSample,
                         ::testing::Values(TurnOrder::kAscending, TurnOrder::kDescending),
                         order_name);
INSTANTIATE_TEST_SUITE_P(Turns, SlowCudaSample, ::testing::Values(TurnOrder::kAscending),
                         order_name);

}  // namespace
}  // namespace weft::test
