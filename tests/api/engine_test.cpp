// The engine over a small model with random weights: what every request is promised, whoever is
// there beside it.
#include "api/engine.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include <gtest/gtest.h>

#include "core/platform/cpus.h"
#include "core/platform/thread.h"
#include "core/text/tokenizer.h"
#include "tests/support/fixtures.h"

namespace weft {
namespace {

using std::chrono::milliseconds;

struct Output {
  std::vector<int32_t> ids;
  std::string text;
  std::optional<FinishReason> reason;
  std::optional<ErrorCode> error;

  bool operator==(const Output&) const = default;
};

// Reads a stream to its end, after what was read of it already.
Output drain_rest(TokenStream& stream, Output out) {
  while (true) {
    auto token = stream.next();
    if (!token) {
      out.error = token.error().code;
      break;
    }
    if (!*token) break;
    out.ids.push_back((*token)->id);
    out.text += (*token)->text;
  }
  EXPECT_TRUE(stream.is_finished());
  out.reason = stream.finish_reason();
  return out;
}

Output drain(TokenStream& stream) { return drain_rest(stream, {}); }

// A prompt of `n` ids, different for each `i`.
std::vector<int32_t> prompt(int32_t i, int32_t n) {
  std::vector<int32_t> ids = {1};
  for (int32_t j = 1; j < n; ++j) ids.push_back(3 + (i * 31 + j * 17 + i * j) % 90);
  return ids;
}

Request request(int32_t i, int32_t max_tokens = 20) {
  return {.prompt_ids = prompt(i, 3 + (i * 7) % 40),
          .max_tokens = max_tokens,
          .sampling = {.temperature = 1,
                       .top_k = 0,
                       .top_p = 0.95f,
                       .seed = 100 + static_cast<uint64_t>(i)},
          .ignore_eos = true};
}

// More tokens than any test waits for, and a pool that holds them.
constexpr int32_t kEndless = 30000;
constexpr int32_t kLargePool = 2048;

class EngineTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto path = test::fixtures_folder() / "weft-mini-llama-F32.gguf";
    auto model = Model::load(path.string(), {.threads = 1});
    ASSERT_TRUE(model) << model.error().message;
    model_ = *model;
  }
  static void TearDownTestSuite() { model_.reset(); }

  static std::unique_ptr<Engine> engine(const EngineConfig& config = {.num_blocks = 256}) {
    auto engine = Engine::create(model_, config);
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }
  static TokenStream submit(Engine& engine, const Request& r) {
    auto stream = engine.submit(r);
    EXPECT_TRUE(stream) << stream.error().message;
    return std::move(*stream);
  }
  static Output solo(const Request& r, const EngineConfig& config = {.num_blocks = 256}) {
    auto e = engine(config);
    auto stream = submit(*e, r);
    return drain(stream);
  }
  // Waits until the step thread has nothing left and gives the pool's state.
  static EngineStats settled(Engine& engine) {
    // What was posted before is done with the first, and published with the second.
    for (int round = 0; round < 2; ++round) EXPECT_TRUE(engine.run_between_steps([] {}));
    for (int i = 0; i < 2000; ++i) {
      const EngineStats stats = engine.stats();
      if (stats.running == 0 && stats.waiting == 0) return stats;
      std::this_thread::sleep_for(milliseconds(1));
    }
    ADD_FAILURE() << "requests are still running";
    return engine.stats();
  }
  static void expect_pool_whole(Engine& engine) {
    const EngineStats stats = settled(engine);
    EXPECT_EQ(stats.blocks_owned, 0);
    EXPECT_EQ(stats.blocks_free + stats.blocks_cached, stats.blocks_capacity);
  }

  static std::shared_ptr<const Model> model_;
};
std::shared_ptr<const Model> EngineTest::model_;

TEST_F(EngineTest, ARequestGivesWhatTheSynchronousCoreGives) {
  const Request r = request(1);
  auto context = Context::create(model_, {.n_ctx = 256});
  ASSERT_TRUE(context);
  const auto expected = (*context)->generate(
      r.prompt_ids, {.max_tokens = r.max_tokens, .sampling = r.sampling, .ignore_eos = true});
  ASSERT_TRUE(expected);
  const Output out = solo(r);
  EXPECT_EQ(out.ids, expected->ids);
  EXPECT_EQ(out.text, expected->text);
  EXPECT_EQ(out.reason, FinishReason::kLength);
}

TEST_F(EngineTest, InterleavedEqualsSoloForAnyBatchBlockSizeAndBudget) {
  std::vector<Output> alone;
  for (int32_t i = 0; i < 24; ++i) alone.push_back(solo(request(i)));
  const EngineConfig configs[] = {
      {.num_blocks = 256},
      {.max_sequences = 1, .num_blocks = 256},
      {.max_sequences = 3, .max_batch_tokens = 1, .num_blocks = 256},
      {.max_batch_tokens = 7, .block_size = 8, .num_blocks = 512},
      {.max_batch_tokens = 512, .block_size = 32, .num_blocks = 128, .prefix_cache = false},
      {.max_sequences = 64, .num_blocks = 5},  // barely more than the largest: preemption
  };
  for (const EngineConfig& config : configs) {
    auto e = engine(config);
    std::vector<TokenStream> streams;
    for (int32_t i = 0; i < 24; ++i) streams.push_back(submit(*e, request(i)));
    for (int32_t i = 0; i < 24; ++i) EXPECT_EQ(drain(streams[i]), alone[i]) << i;
    expect_pool_whole(*e);
  }
}

TEST_F(EngineTest, TightPoolsPreemptAndStillFinishEverything) {
  auto e = engine({.max_sequences = 16, .num_blocks = 6, .prefix_cache = false});
  std::vector<TokenStream> streams;
  for (int32_t i = 0; i < 16; ++i) streams.push_back(submit(*e, request(i % 4, 40)));
  for (auto& stream : streams) EXPECT_EQ(drain(stream).ids.size(), 40u);
  EXPECT_GT(e->stats().preemptions, 0u);
  expect_pool_whole(*e);
}

TEST_F(EngineTest, ASharedPrefixIsFoundInTheCacheAndChangesNoBit) {
  Request r = request(5);
  r.prompt_ids = prompt(5, 100);
  auto e = engine();
  auto first = submit(*e, r);
  const Output cold = drain(first);
  EXPECT_EQ(first.usage().cached_tokens, 0);
  auto second = submit(*e, r);
  EXPECT_EQ(drain(second), cold);
  EXPECT_EQ(second.usage().cached_tokens, 96);  // whole blocks of 16
  // Another salt shares nothing.
  r.cache_salt = 7;
  auto third = submit(*e, r);
  EXPECT_EQ(drain(third), cold);
  EXPECT_EQ(third.usage().cached_tokens, 0);
  // Part of it is shared with a prompt that goes on differently.
  Request partly = r;
  partly.cache_salt = 0;
  partly.prompt_ids[50] ^= 1;
  auto fourth = submit(*e, partly);
  EXPECT_EQ(drain(fourth), solo(partly));
  EXPECT_EQ(fourth.usage().cached_tokens, 48);
}

TEST_F(EngineTest, SamplesOfOnePromptShareItAndDifferBySampleIndex) {
  Request r = request(9);
  r.prompt_ids = prompt(9, 37);
  r.n = 4;
  auto e = engine();
  auto streams = e->submit_all(r);
  ASSERT_TRUE(streams) << streams.error().message;
  ASSERT_EQ(streams->size(), 4u);
  for (uint32_t i = 0; i < 4; ++i) {
    Request one = r;
    one.n = 1;
    one.sampling.sample_index = i;
    EXPECT_EQ(drain((*streams)[i]), solo(one)) << i;
  }
  // The prompt was computed once.
  EXPECT_EQ(e->stats().prompt_tokens, 37u);
  expect_pool_whole(*e);
}

TEST_F(EngineTest, CancellingOneSampleLeavesTheOthersAlone) {
  Request r = request(9);
  r.n = 3;
  r.buffer = 4;  // so that none can end before it is read
  auto e = engine({.max_batch_tokens = 1, .num_blocks = 256});
  auto streams = e->submit_all(r);
  ASSERT_TRUE(streams);
  (*streams)[0].cancel();
  EXPECT_EQ(drain((*streams)[0]).error, ErrorCode::kCancelled);
  for (uint32_t i = 1; i < 3; ++i) {
    Request one = r;
    one.n = 1;
    one.sampling.sample_index = i;
    EXPECT_EQ(drain((*streams)[i]), solo(one)) << i;
  }
}

TEST_F(EngineTest, ACancelledRequestGivesItsBlocksBackAndKeepsWhatWasRead) {
  auto e = engine();
  const Output whole = solo(request(2, 200));
  Request r = request(2, 200);
  r.buffer = 4;  // so that it cannot end before it is cancelled
  auto stream = submit(*e, r);
  Output part;
  for (int i = 0; i < 5; ++i) part.ids.push_back(stream.next().value().value().id);
  stream.cancel();
  stream.cancel();
  const Output rest = drain_rest(stream, part);
  EXPECT_EQ(rest.error, ErrorCode::kCancelled);
  EXPECT_TRUE(std::equal(rest.ids.begin(), rest.ids.end(), whole.ids.begin()));
  EXPECT_LT(rest.ids.size(), whole.ids.size());
  expect_pool_whole(*e);
}

TEST_F(EngineTest, AReaderThatGoesAwayEndsItsGeneration) {
  auto e = engine();
  Request r = request(2, 2000);
  r.buffer = 4;  // so that it cannot end by itself
  { auto stream = submit(*e, r); }
  expect_pool_whole(*e);
  EXPECT_EQ(e->stats().cancelled, 1u);
}

TEST_F(EngineTest, TheLastTokenIsKnownForTheLast) {
  auto e = engine();
  Request r = request(4, 30);
  for (const bool by_stop_token : {false, true}) {
    const Output whole = solo(r);
    if (by_stop_token) {
      r.stop_ids = {whole.ids[10]};
      r.emit_stop_token = true;
    }
    auto stream = submit(*e, r);
    int32_t finished = 0;
    while (auto token = stream.next().value()) finished += stream.is_finished();
    EXPECT_EQ(finished, 1) << by_stop_token;
  }
}

TEST_F(EngineTest, BlocksOfARequestAreReportedWhenItHasEnded) {
  auto e = engine({.num_blocks = 64, .prefix_cache = false});
  Request r = request(3, 40);
  r.prompt_ids = prompt(3, 30);
  r.report_blocks = true;
  auto stream = submit(*e, r);
  drain(stream);
  auto blocks = stream.block_ids();
  EXPECT_EQ(blocks.size(), 5u);  // 69 computed tokens of 16
  std::sort(blocks.begin(), blocks.end());
  EXPECT_EQ(std::unique(blocks.begin(), blocks.end()), blocks.end());
  for (const int32_t id : blocks) EXPECT_TRUE(id >= 0 && id < 64) << id;
}

TEST_F(EngineTest, ThreadsAreSetUpAsAskedForAndChangeNoBit) {
  const Output expected = solo(request(1));
  const int cpu = platform::allowed_cpus().back();
  for (const bool stealing : {true, false}) {
    auto e =
        engine({.num_blocks = 256,
                .threads = 3,
                .thread_setup = {
                    .stack_bytes = 16 << 20, .worker_cpus = {{cpu}}, .work_stealing = stealing}});
    auto stream = submit(*e, request(1));
    EXPECT_EQ(drain(stream), expected);
    std::vector<int> cpus;
    size_t stack_bytes = 0;
    ASSERT_TRUE(e->run_between_steps([&] {
      cpus = platform::allowed_cpus();
      stack_bytes = platform::current_thread_stack_bytes();
    }));
    EXPECT_EQ(cpus, std::vector<int>{cpu});
    EXPECT_GE(stack_bytes + (64 << 10), size_t{16 << 20});
    EXPECT_NE(e->device_description().find("3 threads"), std::string::npos);
  }
  const auto refused = Engine::create(model_, {.thread_setup = {.worker_cpus = {{1 << 20}}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(EngineTest, ASlowReaderPausesItselfAlone) {
  auto e = engine();
  Request slow = request(1, 60);
  slow.buffer = 4;
  auto slow_stream = submit(*e, slow);
  auto fast_stream = submit(*e, request(2, 100));
  EXPECT_EQ(drain(fast_stream).ids.size(), 100u);
  EXPECT_EQ(e->stats().paused, 1);
  EXPECT_LE(e->stats().generated_tokens, 104u);
  EXPECT_EQ(drain(slow_stream), solo(request(1, 60)));
}

TEST_F(EngineTest, AStopStringEndsBeforeItselfAndTakesBackWhatCameAfter) {
  const Output whole = solo(request(3, 40));
  ASSERT_GT(whole.text.size(), 8u);
  Request r = request(3, 40);
  const std::string stop = whole.text.substr(whole.text.size() / 2, 4);
  r.stop_strings = {"never there", stop};
  auto e = engine();
  auto stream = submit(*e, r);
  const Output out = drain(stream);
  EXPECT_EQ(out.reason, FinishReason::kStopString);
  EXPECT_EQ(out.text, whole.text.substr(0, whole.text.find(stop)));
  EXPECT_TRUE(std::equal(out.ids.begin(), out.ids.end(), whole.ids.begin()));
  EXPECT_LT(out.ids.size(), whole.ids.size());
  EXPECT_EQ(stream.usage().completion_tokens, std::ssize(out.ids));
  settled(*e);
  EXPECT_EQ(e->stats().generated_tokens, out.ids.size());
}

TEST_F(EngineTest, StopTokensEndAndAreLeftOutUnlessAskedFor) {
  const int32_t eos = model_->tokenizer().stop_ids().front();
  Request r = request(4, 8);
  r.ignore_eos = false;
  r.sampling.logit_bias = {{eos, 1e4f}};
  const Output left_out = solo(r);
  EXPECT_EQ(left_out.reason, FinishReason::kStop);
  EXPECT_TRUE(left_out.ids.empty());
  r.emit_stop_token = true;
  EXPECT_EQ(solo(r).ids, std::vector<int32_t>{eos});
  r.min_tokens = 3;  // the bias cannot win before
  const Output later = solo(r);
  ASSERT_EQ(later.ids.size(), 4u);
  EXPECT_EQ(later.ids.back(), eos);
  EXPECT_EQ(std::count(later.ids.begin(), later.ids.end(), eos), 1);
  r = request(4, 8);
  r.stop_ids = {solo(r).ids[2]};
  const Output own = solo(r);
  EXPECT_EQ(own.reason, FinishReason::kStop);
  EXPECT_LE(own.ids.size(), 2u);
}

TEST_F(EngineTest, LogprobsAreThoseOfTheModel) {
  Request r = request(6, 5);
  r.logprobs = 3;
  r.prompt_logprobs = true;
  auto e = engine({.max_batch_tokens = 5, .num_blocks = 256});
  auto stream = submit(*e, r);
  std::vector<int32_t> ids = r.prompt_ids;
  std::vector<TokenOutput> outputs;
  while (auto token = stream.next().value()) {
    ids.push_back(token->id);
    outputs.push_back(*token);
  }
  // The truth: logits of the whole sequence.
  auto context = Context::create(model_, {.n_ctx = 128, .max_logit_rows = 128});
  std::vector<std::vector<double>> rows;
  ASSERT_TRUE((*context)->evaluate(ids, 0, [&](int64_t, std::span<const float> logits) {
    double sum = 0;
    for (const float l : logits) sum += std::exp(static_cast<double>(l));
    std::vector<double> row;
    for (const float l : logits) row.push_back(l - std::log(sum));
    rows.push_back(row);
  }));
  const auto n = r.prompt_ids.size();
  const auto prompt_logprobs = stream.prompt_logprobs();
  ASSERT_EQ(prompt_logprobs.size(), n - 1);
  for (size_t i = 0; i + 1 < n; ++i) {
    EXPECT_EQ(prompt_logprobs[i].id, ids[i + 1]);
    EXPECT_NEAR(prompt_logprobs[i].logprob, rows[i][ids[i + 1]], 1e-5);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto& row = rows[n - 1 + i];
    EXPECT_NEAR(*outputs[i].logprob, row[outputs[i].id], 1e-5);
    ASSERT_EQ(outputs[i].top_logprobs.size(), 3u);
    const double best = *std::max_element(row.begin(), row.end());
    EXPECT_NEAR(outputs[i].top_logprobs[0].logprob, best, 1e-5);
    EXPECT_GE(outputs[i].top_logprobs[1].logprob, outputs[i].top_logprobs[2].logprob);
  }
}

TEST_F(EngineTest, BadRequestsAreRefusedAtOnceByName) {
  auto e = engine({.max_sequences = 4, .num_blocks = 4});
  const auto code = [&](auto change) {
    Request r = request(1);
    change(r);
    auto stream = e->submit_all(r);
    EXPECT_FALSE(stream);
    return stream ? ErrorCode::kGenerationFailed : stream.error().code;
  };
  using enum ErrorCode;
  EXPECT_EQ(code([](Request& r) { r.max_tokens = 0; }), kInvalidArgument);
  EXPECT_EQ(code([](Request& r) { r.max_tokens = -1; }), kInvalidArgument);
  EXPECT_EQ(code([](Request& r) { r.max_tokens = INT32_MAX; }), kContextOverflow);
  EXPECT_EQ(code([](Request& r) { r.min_tokens = 21; }), kInvalidArgument);
  EXPECT_EQ(code([](Request& r) { r.n = 0; }), kInvalidArgument);
  EXPECT_EQ(code([](Request& r) { r.n = 5; }), kInvalidArgument);
  EXPECT_EQ(code([](Request& r) { r.sampling.temperature = -1; }), kInvalidArgument);
  EXPECT_EQ(code([](Request& r) { r.prompt_ids = {96}; }), kTokenOutOfRange);
  EXPECT_EQ(code([](Request& r) { r.stop_ids = {-1}; }), kTokenOutOfRange);
  EXPECT_EQ(code([](Request& r) {
              r.prompt_ids.clear();
              r.add_bos = false;
            }),
            kInvalidArgument);
  EXPECT_EQ(code([](Request& r) { r.prompt_ids.resize(64, 5); }), kContextOverflow);
  EXPECT_EQ(solo(request(1)).ids.size(), 20u);
}

TEST_F(EngineTest, AFullQueueRefusesAndTheRestGoesOn) {
  auto e = engine({.max_sequences = 1, .max_queue = 2, .num_blocks = kLargePool});
  auto running = submit(*e, request(1, kEndless));
  ASSERT_TRUE(running.next());
  auto waiting1 = submit(*e, request(2)), waiting2 = submit(*e, request(3));
  const auto refused = e->submit(request(4));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kQueueFull);
  running.cancel();
  EXPECT_EQ(drain(waiting1), solo(request(2)));
  EXPECT_EQ(drain(waiting2), solo(request(3)));
}

TEST_F(EngineTest, ShutdownNowResolvesEveryStream) {
  auto e = engine({.max_sequences = 2, .num_blocks = kLargePool});
  std::vector<TokenStream> streams;
  for (int32_t i = 0; i < 8; ++i) streams.push_back(submit(*e, request(i, kEndless)));
  e->shutdown(Engine::Shutdown::kNow);
  for (auto& stream : streams) EXPECT_EQ(drain(stream).error, ErrorCode::kShutDown);
  EXPECT_EQ(e->submit(request(1)).error().code, ErrorCode::kShutDown);
  EXPECT_EQ(e->run_between_steps([] {}).error().code, ErrorCode::kShutDown);
}

TEST_F(EngineTest, ShutdownDrainFinishesWhatWasSubmitted) {
  auto e = engine({.max_sequences = 2, .num_blocks = 256});
  std::vector<TokenStream> streams;
  for (int32_t i = 0; i < 6; ++i) {
    Request r = request(i);
    r.buffer = 2;  // nobody reads meanwhile
    streams.push_back(submit(*e, r));
  }
  e->shutdown(Engine::Shutdown::kDrain);
  for (int32_t i = 0; i < 6; ++i) EXPECT_EQ(drain(streams[i]), solo(request(i))) << i;
}

TEST_F(EngineTest, StreamsOutliveTheirEngine) {
  std::optional<TokenStream> stream;
  {
    auto e = engine({.num_blocks = kLargePool});
    stream = submit(*e, request(1, kEndless));
    ASSERT_TRUE(stream->next());
  }
  EXPECT_EQ(drain_rest(*stream, {}).error, ErrorCode::kShutDown);
  stream->cancel();
}

TEST_F(EngineTest, TryNextAndDeadlinesDoNotWait) {
  auto e = engine({.max_sequences = 1, .num_blocks = kLargePool});
  auto blocker = submit(*e, request(1, kEndless));
  ASSERT_TRUE(blocker.next());
  auto stream = submit(*e, request(2, 2));
  EXPECT_FALSE(stream.try_next());
  const auto late = stream.next_until(std::chrono::steady_clock::now() + milliseconds(5));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimedOut);
  blocker.cancel();
  EXPECT_EQ(drain(stream), solo(request(2, 2)));
  ASSERT_TRUE(stream.try_next());
  EXPECT_FALSE(stream.try_next()->value());
}

TEST_F(EngineTest, WorkBetweenStepsRunsAloneAndInOrder) {
  auto e = engine();
  auto stream = submit(*e, request(1, 300));
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(e->run_between_steps([&order, i] { order.push_back(i); }));
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(EngineTest, SteppedGenerationsGiveTheSoloIds) {
  constexpr int kRequests = 6;
  std::vector<Output> alone;
  for (int32_t i = 0; i < kRequests; ++i) alone.push_back(solo(request(i)));
  auto e = engine();
  std::vector<std::vector<int32_t>> ids(kRequests);
  {
    std::vector<std::jthread> handlers;
    for (int32_t i = 0; i < kRequests; ++i) {
      handlers.emplace_back([&, i] {
        const Request r = request(i);
        auto generation = SteppedGeneration::create(*e, r);
        ASSERT_TRUE(generation);
        auto sampler = Sampler::create(r.sampling, model_->info().n_vocab);
        while (true) {
          auto turn = generation->next(*sampler);
          ASSERT_TRUE(turn) << turn.error().message;
          ids[i].push_back(turn->id);
          if (turn->done) break;
        }
        EXPECT_EQ(generation->next(*sampler).error().code, ErrorCode::kMaxTokensReached);
      });
    }
  }
  for (int32_t i = 0; i < kRequests; ++i) EXPECT_EQ(ids[i], alone[i].ids) << i;
  expect_pool_whole(*e);
}

TEST_F(EngineTest, ASteppedGenerationThatIsKeptAndNotAskedStopsNobody) {
  for (const double wait_ms : {0.0, 0.1}) {
    auto e = engine({.num_blocks = 256, .max_turn_wait_ms = wait_ms});
    auto kept = SteppedGeneration::create(*e, request(1));
    auto sampler = Sampler::create(request(1).sampling, model_->info().n_vocab);
    ASSERT_TRUE(kept->next(*sampler));
    auto beside = SteppedGeneration::create(*e, request(2));
    auto draws = Sampler::create(request(2).sampling, model_->info().n_vocab);
    std::vector<int32_t> ids;
    while (std::ssize(ids) < 20) ids.push_back(beside->next(*draws).value().id);
    EXPECT_EQ(ids, solo(request(2)).ids);
    auto stream = submit(*e, request(3));
    EXPECT_EQ(drain(stream), solo(request(3)));
    EXPECT_TRUE(kept->next(*sampler));  // and comes back
  }
}

TEST_F(EngineTest, AnEngineThatClosesDoesNotWaitForTurnsThatNeverCome) {
  auto e = engine({.num_blocks = 256, .max_turn_wait_ms = 1e9});
  auto kept = SteppedGeneration::create(*e, request(1));
  auto sampler = Sampler::create(request(1).sampling, model_->info().n_vocab);
  ASSERT_TRUE(kept->next(*sampler));
  e->shutdown(Engine::Shutdown::kDrain);
  EXPECT_EQ(kept->next(*sampler).error().code, ErrorCode::kShutDown);
}

TEST_F(EngineTest, ASteppedGenerationCanBeCancelledFromAnotherThread) {
  auto e = engine();
  auto generation = SteppedGeneration::create(*e, request(1, 1500));
  ASSERT_TRUE(generation);
  auto sampler = Sampler::create({}, model_->info().n_vocab);
  std::jthread canceller([&] {
    std::this_thread::sleep_for(milliseconds(5));
    generation->cancel();
  });
  Result<SteppedGeneration::Turn> turn = generation->next(*sampler);
  while (turn && !turn->done) turn = generation->next(*sampler);
  if (!turn) {
    EXPECT_EQ(turn.error().code, ErrorCode::kCancelled);
  }
}

TEST_F(EngineTest, TwoEnginesLiveSideBySide) {
  auto a = engine(), b = engine({.num_blocks = 64});
  auto from_a = submit(*a, request(1)), from_b = submit(*b, request(1));
  EXPECT_EQ(drain(from_a), drain(from_b));
}

TEST_F(EngineTest, BadConfigurationsAreRefused) {
  const EngineConfig bad[] = {{.max_sequences = 0},     {.max_batch_tokens = 0},
                              {.max_queue = -1},        {.block_size = 0},
                              {.block_size = 24},       {.num_blocks = -5},
                              {.kv_type = "q3"},        {.max_inter_token_ms = -1},
                              {.max_turn_wait_ms = -1}, {.max_turn_wait_ms = std::nan("")}};
  for (const EngineConfig& config : bad) {
    const auto engine = Engine::create(model_, config);
    ASSERT_FALSE(engine);
    EXPECT_EQ(engine.error().code, ErrorCode::kInvalidArgument) << engine.error().message;
  }
  EXPECT_EQ(Engine::create(model_, {.num_blocks = INT32_MAX}).error().code,
            ErrorCode::kOutOfMemory);
}

}  // namespace
}  // namespace weft
