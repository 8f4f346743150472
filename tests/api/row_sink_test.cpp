// A step's rows give the same tokens wherever they are drawn, and each is drawn where its own
// options say.
#include "api/engine/row_sink.h"

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/cpu/cpu_backend.h"
#include "tests/support/delegating_backend.h"
#include "tests/support/random.h"
#include "tests/support/reference_draw.h"

namespace weft::engine {
namespace {

constexpr int32_t kVocab = 50;

// A backend with memory of its own, which draws where `draws`, and counts what comes out of it.
class Device final : public test::DelegatingBackend {
 public:
  explicit Device(bool draws)
      : DelegatingBackend(*create_cpu_backend({.threads = 1})), draws_(draws) {}

  bool memory_is_hosts() const override { return false; }
  bool sample(Mat logits, std::span<const RowDraw> draws, std::span<DrawnRow> drawn) override {
    if (!draws_) return false;
    for (size_t i = 0; i < draws.size(); ++i) {
      const float* const row = logits.row(draws[i].row);
      drawn[i] = test::reference_draw({row, static_cast<size_t>(logits.cols)}, draws[i]);
    }
    return true;
  }
  std::optional<DrawTicket> sample_later(Mat logits, std::span<const RowDraw> draws, int64_t first,
                                         int64_t total) override {
    if (!draws_) return std::nullopt;
    later.resize(static_cast<size_t>(total));
    sample(logits, draws, std::span(later).subspan(static_cast<size_t>(first), draws.size()));
    return DrawTicket{};
  }
  Result<void> collect(DrawTicket, std::span<DrawnRow> drawn) override {
    std::ranges::copy(later, drawn.begin());
    return {};
  }
  void download(void* host, const void* device, size_t size_bytes) override {
    rows_downloaded += size_bytes / (kVocab * sizeof(float));
    DelegatingBackend::download(host, device, size_bytes);
  }
  size_t rows_downloaded = 0;
  std::vector<DrawnRow> later;

 private:
  bool draws_;
};

// One job's part of a step: its options, and the logits that it gives.
struct Part {
  std::string name;
  bool by_device = true;
  SamplingParams sampling;
  int32_t logprobs = -1;
  int32_t num_generated = 0;
  int32_t min_tokens = 0;
  std::vector<int32_t> stop_ids;
  int32_t num_forks = 0;
  bool prompt_logprobs = false;
  float spoilt = 0;  // a logit that is not finite, of the first row
};

// Some of them twice, as a request may name what the model has too.
std::vector<int32_t> all_but_the_last() {
  std::vector<int32_t> ids = {0, 1, 1, 2};
  for (int32_t id = 3; id + 1 < kVocab; ++id) ids.push_back(id);
  return ids;
}

std::vector<Part> parts() {
  return {{.name = "greedy", .sampling = {.temperature = 0}},
          {.name = "plain"},
          {.name = "logprob", .logprobs = 0},
          {.name = "penalties",
           .sampling = {.repetition_penalty = 1.5f, .frequency_penalty = 0.4f},
           .logprobs = 0,
           .num_generated = 4},
          {.name = "min_tokens",
           .sampling = {.temperature = 0},
           .logprobs = 0,
           .num_generated = 2,
           .min_tokens = 3,
           .stop_ids = all_but_the_last()},
          {.name = "prompt", .prompt_logprobs = true},
          {.name = "bias", .by_device = false, .sampling = {.logit_bias = {{3, 9.0f}, {3, -1.0f}}}},
          {.name = "top_logprobs", .by_device = false, .logprobs = 3},
          {.name = "forks", .by_device = false, .num_forks = 2},
          {.name = "not a number", .by_device = false, .spoilt = std::nanf("")},
          {.name = "a prompt not a number",
           .by_device = false,
           .prompt_logprobs = true,
           .spoilt = std::nanf("")},
          {.name = "infinite", .by_device = false, .logprobs = 0, .spoilt = INFINITY}};
}

std::shared_ptr<Job> make_job(const Part& part, uint32_t sample_index) {
  auto job = std::make_shared<Job>();
  SamplingParams sampling = part.sampling;
  sampling.sample_index = sample_index;
  job->sampler = *Sampler::create(sampling, kVocab);
  job->logprobs = part.logprobs;
  job->state.sequence.ids = {5, 9, 2, 9};
  job->state.num_prompt = 4;
  job->state.limits.min_tokens = part.min_tokens;
  job->state.limits.stop_ids = part.stop_ids;
  for (int32_t i = 0; i < part.num_generated; ++i) job->state.sequence.ids.push_back(7 + i % 2);
  return job;
}

// What a job has of a step, in words: every bit of it shows.
std::string text_of(const Result<Token>& token) {
  if (!token) return token.error().message;
  std::string text = std::to_string(token->id);
  if (token->logprob) text += " " + std::to_string(std::bit_cast<uint32_t>(*token->logprob));
  for (const auto& [id, logprob] : token->top_logprobs) {
    text += ", " + std::to_string(id) + " " + std::to_string(std::bit_cast<uint32_t>(logprob));
  }
  return text;
}

// By name, what each part's job came to when all of them were one step.
std::map<std::string, std::string> run(Backend& backend, const std::vector<Part>& all,
                                       RowSink::When when = RowSink::When::kAtOnce,
                                       bool* was_open = nullptr, int64_t chunk = 1000) {
  std::vector<std::shared_ptr<Job>> jobs;
  std::vector<SequenceStep> steps;
  std::vector<float> logits;
  for (const Part& part : all) {
    jobs.push_back(make_job(part, 0));
    for (int32_t i = 1; i <= part.num_forks; ++i) {
      jobs.back()->forks.push_back(make_job(part, static_cast<uint32_t>(i)));
    }
    const auto n = static_cast<int32_t>(jobs.back()->state.sequence.ids.size());
    steps.push_back({.sequence = &jobs.back()->state.sequence,
                     .num_tokens = n,
                     .num_logits = part.prompt_logprobs ? n : 1});
    test::Random random(3, part.name);
    const size_t first = logits.size();
    for (int32_t i = 0; i < steps.back().num_logits * kVocab; ++i) {
      logits.push_back(static_cast<float>(3 * random.bell()));
    }
    if (part.spoilt != 0) logits[first + 11] = part.spoilt;
  }
  RowSink sink;
  sink.prepare(steps, jobs, when);
  const auto num_rows = static_cast<int64_t>(logits.size()) / kVocab;
  for (int64_t first = 0; first < num_rows; first += chunk) {
    const int64_t rows = std::min(chunk, num_rows - first);
    sink.consume(backend, first, {logits.data() + first * kVocab, rows, kVocab});
  }
  if (was_open != nullptr) *was_open = sink.is_open();
  if (sink.is_open()) {
    EXPECT_TRUE(sink.collect(backend));
  }
  std::map<std::string, std::string> result;
  for (size_t i = 0; i < all.size(); ++i) {
    const RowSink::Drawn& drawn = sink.drawn()[i];
    EXPECT_TRUE(drawn.has_token || (when == RowSink::When::kLater && all[i].spoilt != 0));
    if (!drawn.has_token) continue;
    std::string& text = result[all[i].name];
    text = text_of(drawn.token);
    for (const auto& token : drawn.fork_tokens) text += "; " + text_of(token);
    for (const auto& [id, logprob] : jobs[i]->prompt_logprobs) {
      text += "; " + std::to_string(id) + " " + std::to_string(std::bit_cast<uint32_t>(logprob));
    }
  }
  return result;
}

TEST(RowSink, TokensAreTheSameWhereverTheyAreDrawn) {
  const auto host = create_cpu_backend({.threads = 1});
  const auto expected = run(**host, parts());
  for (const bool draws : {false, true}) {
    Device device(draws);
    EXPECT_EQ(run(device, parts()), expected) << draws;
  }
}

// All of a step's rows are, or none.
TEST(RowSink, WhatIsDrawnLaterIsTheSame) {
  std::vector<Part> later, all = parts();
  for (const Part& part : all) {
    if (part.by_device && !part.prompt_logprobs) later.push_back(part);
  }
  ASSERT_GE(later.size(), 5U);
  const auto host = create_cpu_backend({.threads = 1});
  bool open = false;
  Device device(true);
  EXPECT_EQ(run(device, later, RowSink::When::kLater, &open), run(**host, later));
  EXPECT_TRUE(open);
  EXPECT_EQ(run(device, later, RowSink::When::kLater, &open, 2), run(**host, later));
  EXPECT_TRUE(open);
  EXPECT_EQ(run(device, all, RowSink::When::kLater, &open), run(**host, all));
  EXPECT_FALSE(open);
  for (const Part& part : all) {
    if (part.spoilt != 0 || (part.by_device && !part.prompt_logprobs)) continue;
    later.push_back(part);
    run(device, later, RowSink::When::kLater, &open);
    EXPECT_FALSE(open) << part.name;
    later.pop_back();
  }
  EXPECT_EQ(run(**host, later, RowSink::When::kLater, &open), run(**host, later));
  EXPECT_FALSE(open);
}

TEST(RowSink, ARowThatCannotBeDrawnLaterWasNotDrawn) {
  std::vector<Part> some = {{.name = "plain"}, {.name = "spoilt", .spoilt = std::nanf("")}};
  const auto host = create_cpu_backend({.threads = 1});
  Device device(true);
  const auto result = run(device, some, RowSink::When::kLater);
  EXPECT_EQ(result.at("plain"), run(**host, some).at("plain"));
  EXPECT_FALSE(result.contains("spoilt"));
}

TEST(RowSink, ARowIsDrawnWhereItsOwnOptionsSay) {
  size_t left = 0;
  std::map<std::string, std::string> alone;
  for (const Part& part : parts()) {
    Device device(true);
    alone.merge(run(device, {part}));
    EXPECT_EQ(device.rows_downloaded, part.by_device ? 0u : 1u) << part.name;
    left += device.rows_downloaded;
  }
  Device device(true);
  EXPECT_EQ(run(device, parts()), alone);
  EXPECT_EQ(device.rows_downloaded, left);
}

}  // namespace
}  // namespace weft::engine
