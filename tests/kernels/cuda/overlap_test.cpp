// Steps that are begun before the ids of the one before are known: they are, and nobody can tell.
// On a GPU that does what it was given when it is waited for, so that whoever is too early sees it.
#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/engine.h"
#include "tests/api/fixture_model.h"
#include "tests/support/cuda_emulator/emulated_gpu.h"
#include "tests/support/cuda_emulator/emulated_machine.h"
#include "tests/support/cuda_emulator/emulator.h"
#include "tests/support/model_file.h"
#include "tests/support/temp_folder.h"

namespace weft::test {
namespace {

// All that a reader sees of a generation.
struct Output {
  std::vector<int32_t> ids;
  std::string text;
  std::vector<float> logprobs;
  std::vector<int32_t> likely;  // the ids of top_logprobs
  std::optional<FinishReason> reason;
  std::string error;
  size_t num_blocks = 0;
  int32_t completion_tokens = 0;

  bool operator==(const Output&) const = default;
};

void PrintTo(const Output& output, std::ostream* out) {
  for (const int32_t id : output.ids) *out << id << ' ';
  *out << '"' << output.text << "\" " << output.error << ", " << output.num_blocks << " blocks, "
       << (output.reason ? static_cast<int>(*output.reason) : -1);
}

// Calls `after` with the number of tokens read.
Output read(TokenStream& stream, const std::function<void(size_t)>& after = nullptr) {
  Output out;
  for (;;) {
    auto token = stream.next();
    if (!token) out.error = token.error().message;
    if (!token || !*token) break;
    out.ids.push_back((*token)->id);
    out.text += (*token)->text;
    out.logprobs.push_back((*token)->logprob.value_or(1.0f));
    for (const auto& [id, logprob] : (*token)->top_logprobs) out.likely.push_back(id);
    if (after) after(out.ids.size());
  }
  out.reason = stream.finish_reason();
  out.num_blocks = stream.block_ids().size();
  out.completion_tokens = stream.usage().completion_tokens;
  return out;
}

class Overlap : public testing::Test {
 protected:
  void TearDown() override {
    fail_operation(0);
    unlimit_pinned_memory();
    emulated_machine() = {};
  }

  static Request request(int32_t i, int32_t max_tokens) {
    return {.prompt_ids = {1, 5 + i, 9, 60 - i},
            .max_tokens = max_tokens,
            .sampling = {.temperature = 1, .top_k = 0, .seed = 100 + static_cast<uint64_t>(i)},
            .ignore_eos = true,
            .logprobs = 0,
            .report_blocks = true};
  }
  std::unique_ptr<Engine> engine(bool overlap, EngineConfig config = {.num_blocks = 32}) const {
    config.block_size = 4;
    config.max_batch_tokens = 16;
    config.overlap_steps = overlap;
    auto made = Engine::create(model_, config);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  static std::vector<TokenStream> submit_together(Engine& e, const std::vector<Request>& requests) {
    std::vector<TokenStream> streams;
    EXPECT_TRUE(e.run_between_steps([&] {
      for (const Request& r : requests) streams.push_back(*e.submit(r));
    }));
    return streams;
  }
  struct Run {
    std::vector<Output> outputs;
    EngineStats stats;
    int64_t overlapped = 0;  // steps whose ids were collected with the next one begun
  };
  Run run(bool overlap, const std::vector<Request>& requests,
          const EngineConfig& config = {.num_blocks = 32}) const {
    const int64_t before = waits_with_work_behind();
    const auto e = engine(overlap, config);
    auto streams = submit_together(*e, requests);
    Run run;
    for (TokenStream& stream : streams) run.outputs.push_back(read(stream));
    // The second time, what was under way when the last reader was done is over too.
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(e->run_between_steps([] {}));
    run.stats = e->stats();
    EXPECT_EQ(run.stats.blocks_owned, 0);
    run.overlapped = waits_with_work_behind() - before;
    return run;
  }
  static void expect_same(const Run& with, const Run& without) {
    EXPECT_EQ(with.outputs, without.outputs);
    EXPECT_EQ(with.stats.generated_tokens, without.stats.generated_tokens);
    EXPECT_EQ(with.stats.finished, without.stats.finished);
    EXPECT_EQ(with.stats.failed, without.stats.failed);
    EXPECT_EQ(with.stats.prompt_tokens, without.stats.prompt_tokens);
    EXPECT_EQ(without.overlapped, 0);
  }

  // From the `least`-th token on, the first that is like none before it.
  static size_t first_new(const std::vector<int32_t>& ids, size_t least) {
    for (size_t n = least; n < ids.size(); ++n) {
      const auto before = ids.begin() + static_cast<std::ptrdiff_t>(n);
      if (std::find(ids.begin(), before, ids[n]) == before) return n;
    }
    ADD_FAILURE() << "no token is new";
    return least;
  }

  std::shared_ptr<const Model> model_ =
      load_fixture("weft-mini-qwen3-Q8_0", {.device = "cuda", .threads = 1});
};

TEST_F(Overlap, AStepIsBegunBeforeTheIdsOfTheOneBeforeAreCollected) {
  const std::vector<Request> requests = {request(1, 12)};
  const Run with = run(true, requests);
  expect_same(with, run(false, requests));
  EXPECT_EQ(with.outputs[0].ids.size(), 12U);
  // The prompt's step gives the first token, eleven steps the others, of which ten have one behind.
  EXPECT_EQ(with.overlapped, 10);
  EXPECT_EQ(with.stats.steps, 12U);
}

// Rows that the host must draw, or whose draw needs its ids, are never ahead, and whoever shares
// their steps has the same tokens as without them.
TEST_F(Overlap, WhateverIsAskedForIsAsWithoutIt) {
  std::vector<Request> plain;
  for (int32_t i = 0; i < 3; ++i) plain.push_back(request(i, 6 + 2 * i));
  plain[1].sampling.temperature = 0;
  plain[2].min_tokens = 7;
  plain[2].stop_ids = {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
  const Run with = run(true, plain);
  expect_same(with, run(false, plain));
  EXPECT_GT(with.overlapped, 4);

  std::vector<Request> odd = {request(1, 9), request(2, 7), request(3, 6), request(4, 5)};
  odd[1].sampling.repetition_penalty = 1.4f;
  odd[1].sampling.frequency_penalty = 0.3f;
  odd[2].logprobs = 3;
  odd[3].sampling.logit_bias = {{7, 4.0f}};
  const Run mixed = run(true, odd);
  expect_same(mixed, run(false, odd));
  EXPECT_EQ(mixed.outputs[0], run(true, {odd[0]}).outputs[0]);
  EXPECT_GE(mixed.overlapped, 1);  // the first, once it is alone
}

TEST_F(Overlap, SamplesOfOnePromptAreTheSame) {
  Request r = request(1, 7);
  r.n = 3;
  std::vector<Output> outputs[2];
  for (const bool overlap : {false, true}) {
    const auto e = engine(overlap);
    auto streams = e->submit_all(r);
    ASSERT_TRUE(streams) << streams.error().message;
    for (TokenStream& stream : *streams) outputs[overlap].push_back(read(stream));
  }
  EXPECT_EQ(outputs[1], outputs[0]);
}

TEST_F(Overlap, AStopIdDropsTheRowThatWasBegunAfterIt) {
  std::vector<Request> requests = {request(1, 9), request(2, 9)};
  const auto ids = run(false, requests).outputs[0].ids;
  const size_t at = first_new(ids, 3);
  ASSERT_LT(at, 8U);  // there would have been more
  requests[0].stop_ids = {ids[at]};
  for (const bool emitted : {false, true}) {
    requests[0].emit_stop_token = emitted;
    const Run with = run(true, requests);
    const Run without = run(false, requests);
    expect_same(with, without);
    EXPECT_EQ(with.stats.steps, without.stats.steps);
    EXPECT_EQ(with.outputs[0].ids.size(), at + emitted);
    EXPECT_EQ(with.outputs[1].ids.size(), 9U);
    EXPECT_EQ(with.overlapped, 7);
  }
  // Alone, the step that is begun after it is for nobody, and is no step.
  const Run alone = run(true, {requests[0]});
  const Run expected = run(false, {requests[0]});
  expect_same(alone, expected);
  EXPECT_EQ(alone.stats.steps, expected.stats.steps);
  EXPECT_EQ(alone.overlapped, static_cast<int64_t>(at));
}

TEST_F(Overlap, BlocksOfADroppedRowServeTheNextRequestRightly) {
  // Two at a time, many after one another, each ended by a stop id in a step that has one behind.
  std::vector<Request> requests;
  for (int32_t i = 0; i < 4; ++i) requests.push_back(request(i, 8));
  const Run whole = run(false, requests);
  for (size_t i = 0; i < 4; ++i) {
    const auto& ids = whole.outputs[i].ids;
    requests[i].stop_ids = {ids[first_new(ids, 1 + i)]};
  }
  const EngineConfig config{.max_sequences = 2, .num_blocks = 8, .prefix_cache = false};
  const Run with = run(true, requests, config);
  expect_same(with, run(false, requests, config));
  EXPECT_GT(with.overlapped, 2);
}

TEST_F(Overlap, AStopStringFoundByTheReaderEndsTheTextInTheSamePlace) {
  std::vector<Request> requests = {request(1, 10), request(2, 10)};
  const Run truth = run(false, requests);
  const std::string& text = truth.outputs[0].text;
  ASSERT_GT(text.size(), 5U);
  requests[0].stop_strings = {text.substr(text.size() / 2, 2)};
  const Run with = run(true, requests);
  const Run without = run(false, requests);
  EXPECT_EQ(with.outputs[0].text, without.outputs[0].text);
  EXPECT_EQ(with.outputs[0].reason, FinishReason::kStopString);
  EXPECT_EQ(with.outputs[0].ids, without.outputs[0].ids);
  EXPECT_EQ(with.outputs[1], without.outputs[1]);
  EXPECT_EQ(with.stats.generated_tokens, without.stats.generated_tokens);
  EXPECT_GT(with.overlapped, 2);
}

TEST_F(Overlap, ACancelEndsItWithinAStepAndNobodyElse) {
  std::vector<Request> requests = {request(1, 40), request(2, 9)};
  std::vector<Request> ended = requests;
  ended[0].max_tokens = 12;
  const Run truth = run(false, ended, {.num_blocks = 64});
  for (const size_t at : {1U, 2U, 5U}) {
    const auto e = engine(true, {.num_blocks = 64});
    auto streams = submit_together(*e, requests);
    uint64_t steps_at_cancel = 0;
    const Output cancelled = read(streams[0], [&](size_t n) {
      if (n != at) return;
      // Heard between two steps, of which the later one is begun: it gives no more than one token.
      EXPECT_TRUE(e->run_between_steps([&] {
        streams[0].cancel();
        steps_at_cancel = e->stats().steps;
      }));
    });
    EXPECT_EQ(cancelled.error, "Generation cancelled");
    EXPECT_LE(cancelled.ids.size(), steps_at_cancel + 1);
    ASSERT_LE(cancelled.ids.size(), 12U);
    EXPECT_TRUE(std::ranges::equal(cancelled.ids,
                                   std::span(truth.outputs[0].ids).first(cancelled.ids.size())));
    EXPECT_EQ(read(streams[1]), truth.outputs[1]);
    ASSERT_TRUE(e->run_between_steps([] {}));
    EXPECT_EQ(e->stats().blocks_owned, 0);
    EXPECT_EQ(e->stats().cancelled, 1U);
  }
}

TEST_F(Overlap, AReaderThatIsBehindPausesItsRequestAndLosesNothing) {
  std::vector<Request> requests = {request(1, 12), request(2, 12)};
  const Run truth = run(false, requests);
  requests[0].buffer = 2;
  const auto e = engine(true);
  auto streams = submit_together(*e, requests);
  EXPECT_EQ(read(streams[1]), truth.outputs[1]);  // while the first has stood still
  ASSERT_TRUE(e->run_between_steps([] {}));
  EXPECT_EQ(e->stats().paused, 1);
  EXPECT_EQ(e->stats().generated_tokens, 14U);  // two of them are its own
  EXPECT_EQ(read(streams[0]), truth.outputs[0]);
}

TEST_F(Overlap, AHoldStopsEverybodyAndTheyGoOnAsIfNothingHadBeen) {
  const std::vector<Request> requests = {request(1, 9), request(2, 9)};
  const Run truth = run(false, requests);
  const auto e = engine(true);
  auto streams = submit_together(*e, requests);
  const auto pause = [&](size_t n) {
    if (n % 3 != 0) return;
    const auto hold = e->hold();
    ASSERT_TRUE(hold);
    ASSERT_TRUE(e->run_between_steps([] {}));
    const uint64_t generated = e->stats().generated_tokens;
    ASSERT_TRUE(e->run_between_steps([] {}));
    ASSERT_TRUE(e->run_between_steps([] {}));
    EXPECT_EQ(e->stats().generated_tokens, generated);
  };
  EXPECT_EQ(read(streams[0], pause), truth.outputs[0]);
  EXPECT_EQ(read(streams[1]), truth.outputs[1]);
}

TEST_F(Overlap, RequestsThatComeLaterJoin) {
  const std::vector<Request> requests = {request(1, 12), request(2, 6), request(3, 7)};
  const Run truth = run(false, requests);
  const auto e = engine(true);
  auto first = e->submit(requests[0]);
  std::optional<TokenStream> second, third;
  EXPECT_EQ(read(*first,
                 [&](size_t n) {
                   if (n == 3) second = *e->submit(requests[1]);
                   if (n == 6) third = *e->submit(requests[2]);
                 }),
            truth.outputs[0]);
  EXPECT_EQ(read(*second), truth.outputs[1]);
  EXPECT_EQ(read(*third), truth.outputs[2]);
}

TEST_F(Overlap, PreemptionWaitsForWhatIsUnderWay) {
  std::vector<Request> requests = {request(1, 12), request(2, 12)};
  for (Request& r : requests) r.report_blocks = false;
  const EngineConfig tight{.num_blocks = 6, .prefix_cache = false};
  const Run with = run(true, requests, tight);
  expect_same(with, run(false, requests, tight));
  EXPECT_GT(with.stats.preemptions, 0U);
  EXPECT_GT(with.overlapped, 5);
}

TEST_F(Overlap, WithoutPageLockedMemoryStepsGoOneAfterTheOther) {
  const std::vector<Request> requests = {request(1, 8)};
  const Run truth = run(true, requests);
  limit_pinned_memory(0);
  const Run refused = run(true, requests);
  EXPECT_EQ(refused.outputs, truth.outputs);
  EXPECT_EQ(refused.overlapped, 0);
}

// Faults at operations all along, most of them with two steps under way.
TEST_F(Overlap, AFaultEndsEveryStreamAndTheNextEngineIsWhole) {
  const std::vector<Request> requests = {request(1, 12), request(2, 8), request(3, 12)};
  const EngineConfig config{.max_sequences = 2, .num_blocks = 32};
  const Run truth = run(false, requests, config);
  for (int64_t operation = 90; operation < 700; operation += 240) {
    const auto e = engine(true, config);
    const int64_t before = waits_with_work_behind();
    fail_operation(operation);
    auto streams = submit_together(*e, requests);
    int failed = 0;
    for (size_t i = 0; i < streams.size(); ++i) {
      const Output output = read(streams[i]);
      EXPECT_TRUE(streams[i].is_finished());
      const std::vector<int32_t>& expected = truth.outputs[i].ids;
      ASSERT_LE(output.ids.size(), expected.size());
      EXPECT_TRUE(std::ranges::equal(output.ids, std::span(expected).first(output.ids.size())));
      if (output.error.empty()) {
        EXPECT_EQ(output, truth.outputs[i]);
      } else {
        EXPECT_NE(output.error.find("emulated fault"), std::string::npos) << output.error;
        ++failed;
      }
    }
    EXPECT_GT(failed, 0) << operation;
    if (operation > 250) {
      EXPECT_GT(waits_with_work_behind(), before) << operation;
    }
  }
  fail_operation(0);
  EXPECT_EQ(run(true, requests, config).outputs, truth.outputs);
}

// The engine goes while two steps are under way.
TEST_F(Overlap, AnEngineThatIsShutDownEndsItsStreams) {
  const std::vector<Request> requests = {request(1, 40), request(2, 40)};
  auto e = engine(true);
  auto streams = submit_together(*e, requests);
  ASSERT_TRUE(streams[0].next());
  ASSERT_TRUE(streams[0].next());
  e->shutdown(Engine::Shutdown::kNow);
  EXPECT_EQ(read(streams[0]).error, "the engine was shut down");
  EXPECT_EQ(read(streams[1]).error, "the engine was shut down");
}

// A row whose logits are no numbers is found when the step after it has begun, which has written
// over them: it is refused in the words, and with the tokens before, that it always has.
TEST_F(Overlap, LogitsThatAreNoNumbersAreRefusedAsEver) {
  const TempFolder folder;
  const auto load = [&](const TestModel& model) {
    EXPECT_TRUE(write_model_file(folder.path("model.gguf"), model, character_vocab(98)));
    auto loaded = Model::load(folder.path("model.gguf"), {.device = "cuda", .threads = 1});
    EXPECT_TRUE(loaded) << loaded.error().message;
    return *loaded;
  };
  TestModel model = make_test_model({.n_layers = 1,
                                     .n_vocab = 98,
                                     .type = DType::kQ8_0,
                                     .role_types = {{"token_embd", DType::kF32}}});
  model_ = load(model);
  std::vector<Request> requests = {request(1, 8), request(2, 8)};
  for (Request& r : requests) r.sampling.temperature = 0;
  const auto truth = run(false, requests).outputs;
  // The first id that neither it nor its neighbour had before.
  size_t at = 2;
  const auto had = [&](size_t n) {
    const int32_t id = truth[0].ids[n];
    return std::ranges::count(truth[0].ids.begin(), truth[0].ids.begin() + n, id) +
               std::ranges::count(truth[1].ids, id) +
               std::ranges::count(requests[0].prompt_ids, id) +
               std::ranges::count(requests[1].prompt_ids, id) >
           0;
  };
  while (at < 7 && had(at)) ++at;
  ASSERT_LT(at, 7U);
  const HostTensor& table = model.tensors.token_embedding;
  const size_t row_bytes = table.bytes.size() / 98;
  auto* const row = const_cast<std::byte*>(table.bytes.data()) +
                    row_bytes * static_cast<size_t>(truth[0].ids[at]);
  std::fill_n(reinterpret_cast<float*>(row), row_bytes / sizeof(float),
              std::numeric_limits<float>::quiet_NaN());
  model_ = load(model);
  const Run with = run(true, requests);
  const Run without = run(false, requests);
  expect_same(with, without);
  EXPECT_EQ(with.outputs[0].ids.size(), at + 1);
  EXPECT_NE(with.outputs[0].error.find("nan"), std::string::npos) << with.outputs[0].error;
  EXPECT_EQ(with.outputs[1], truth[1]);
}

}  // namespace
}  // namespace weft::test
