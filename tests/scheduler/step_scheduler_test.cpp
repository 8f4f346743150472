#include "scheduler/step_scheduler.h"

#include <cmath>
#include <deque>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "tests/scheduler/simulated_runner.h"

namespace weft {
namespace {

using test::next_id;
using test::SimulatedRunner;
using Place = GenerationState::Place;

// A scheduler with a simulated runner and requests whose ids are drawn as the engine draws them.
struct Bench {
  BlockManager blocks;
  StepScheduler scheduler;
  SimulatedRunner runner{blocks};
  std::deque<GenerationState> states;
  double now = 0;
  StepPlan plan;  // of the last step
  // Seconds of a step, as the cost model shall learn them.
  std::function<double(const StepShape&)> seconds = [](const StepShape&) { return 0.001; };

  explicit Bench(int32_t num_blocks, const SchedulerLimits& limits = {}, int32_t block_size = 16)
      : blocks({.num_blocks = num_blocks, .block_size = block_size}), scheduler(limits, blocks) {}

  // Not added yet. Its prompt is like no other's, unless `first` is.
  GenerationState& make(int32_t num_prompt, int32_t max_tokens, int32_t first = -1) {
    GenerationState& state = states.emplace_back();
    if (first < 0) first = static_cast<int32_t>(states.size()) * 10000;
    for (int32_t i = 0; i < num_prompt; ++i) state.sequence.ids.push_back(first + i);
    state.num_prompt = num_prompt;
    state.limits.max_tokens = max_tokens;
    return state;
  }
  GenerationState& add(int32_t num_prompt, int32_t max_tokens,
                       Priority priority = Priority::kNormal) {
    GenerationState& state = make(num_prompt, max_tokens);
    state.priority = priority;
    const auto added = scheduler.add(state, now);
    EXPECT_TRUE(added) << added.error().message;
    return state;
  }

  // One step; what is finished is removed. False: there was nothing to run.
  bool step() {
    plan = scheduler.next(now);
    if (plan.empty()) return false;
    const std::string wrong = runner.run(plan);
    EXPECT_EQ(wrong, "");
    finished.clear();
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      if (plan.steps[i].num_logits == 0) continue;
      GenerationState& state = *plan.states[i];
      state.sequence.ids.push_back(next_id(runner.hash_of(i), 0));
      if (state.num_generated() == state.limits.max_tokens) finished.push_back(&state);
    }
    const double took = seconds(plan.shape);
    now += took;
    scheduler.complete(plan, took);
    for (GenerationState* state : finished) scheduler.remove(*state);
    return wrong.empty();
  }
  int32_t tokens_of(const GenerationState& state) const {
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      if (plan.states[i] == &state) return plan.steps[i].num_tokens;
    }
    return 0;
  }
  void expect_all_blocks_back() const {
    blocks.check_invariants({});
    EXPECT_EQ(blocks.num_available(), blocks.capacity());
  }

  std::vector<GenerationState*> finished;
};

TEST(StepScheduler, AnEmptySchedulerHasNothingToRun) {
  Bench bench(4);
  EXPECT_FALSE(bench.step());
}

TEST(StepScheduler, EachStepAdvancesEveryDecodeByOneWhateverTheBudget) {
  Bench bench(64, {.max_batch_tokens = 2});
  std::vector<GenerationState*> states;
  for (int i = 0; i < 5; ++i) states.push_back(&bench.add(2, 40));
  while (!states.back()->decoding()) ASSERT_TRUE(bench.step());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(bench.step());
    EXPECT_EQ(bench.plan.num_decodes, 5);
    for (const GenerationState* state : states) EXPECT_EQ(bench.tokens_of(*state), 1);
  }
}

TEST(StepScheduler, PromptsRunInChunksOfTheBudgetBehindTheDecodes) {
  Bench bench(64, {.max_batch_tokens = 10});
  GenerationState& a = bench.add(10, 20);
  ASSERT_TRUE(bench.step());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(bench.step());  // the cost of a decode is learnt
  GenerationState& b = bench.add(25, 5);
  std::vector<int32_t> chunks;
  while (b.num_generated() == 0) {
    ASSERT_TRUE(bench.step());
    EXPECT_EQ(bench.plan.states[0], &a);
    EXPECT_EQ(bench.plan.num_decodes, 1);
    chunks.push_back(bench.tokens_of(b));
  }
  EXPECT_EQ(chunks, (std::vector<int32_t>{10, 10, 5}));
}

TEST(StepScheduler, OnlyTheChunkThatEndsThePromptHasLogits) {
  Bench bench(64, {.max_batch_tokens = 10});
  bench.add(25, 5);
  std::vector<int32_t> logits;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(bench.step());
    logits.push_back(bench.plan.steps[0].num_logits);
  }
  EXPECT_EQ(logits, (std::vector<int32_t>{0, 0, 1, 1}));
}

TEST(StepScheduler, PromptLogitsAreGivenOnceForEachPosition) {
  Bench bench(8, {.max_batch_tokens = 10}, 8);
  GenerationState& warm = bench.make(20, 1, 500);
  ASSERT_TRUE(bench.scheduler.add(warm, 0));
  while (bench.step()) {
  }
  GenerationState& state = bench.make(20, 30, 500);  // its prompt is cached
  state.logits_from = 0;
  ASSERT_TRUE(bench.scheduler.add(state, 0));
  int32_t logits = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(bench.step());
    for (const SequenceStep& step : bench.plan.steps) logits += step.num_logits;
  }
  EXPECT_EQ(logits, 20 + 1);  // every position, then a decode
  EXPECT_EQ(state.num_cached, 0);
}

TEST(StepScheduler, ARequestThatCanNeverFitIsRefusedWithTheNumbers) {
  Bench bench(4);
  GenerationState& state = bench.make(40, 25);
  const auto added = bench.scheduler.add(state, 0);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::kContextOverflow);
  EXPECT_EQ(added.error().message,
            "prompt of 40 tokens + max_tokens 25 = 65, the KV pool holds 64 (4 blocks of 16)");
  EXPECT_EQ(state.place, Place::kNowhere);
}

TEST(StepScheduler, ARequestAsLargeAsThePoolRuns) {
  Bench bench(4);
  GenerationState& state = bench.add(63, 1);
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(state.num_generated(), 1);
  bench.expect_all_blocks_back();
}

TEST(StepScheduler, EmptyPromptsAndZeroTokensAreRefused) {
  Bench bench(4);
  EXPECT_EQ(bench.scheduler.add(bench.make(0, 5), 0).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(bench.scheduler.add(bench.make(5, 0), 0).error().code, ErrorCode::kInvalidArgument);
}

TEST(StepScheduler, ARequestIsAdmittedWhenItsBlocksAndOneMoreAreFree) {
  Bench bench(5);
  GenerationState& a = bench.add(32, 32);
  ASSERT_TRUE(bench.step());  // a has 2 blocks, and takes its third with its second token
  GenerationState& b = bench.add(32, 16);
  ASSERT_TRUE(bench.step());  // 2 are left: one too few
  EXPECT_EQ(a.place, Place::kRunning);
  EXPECT_EQ(b.place, Place::kWaiting);
  bench.scheduler.remove(a);
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(b.place, Place::kRunning);
}

TEST(StepScheduler, NothingOvertakesWithinAPriority) {
  Bench bench(8);
  bench.add(64, 40);
  ASSERT_TRUE(bench.step());
  GenerationState& large = bench.add(64, 16);
  GenerationState& small = bench.add(4, 4);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(bench.step());
  EXPECT_EQ(large.place, Place::kWaiting);
  EXPECT_EQ(small.place, Place::kWaiting);  // though it would fit
  while (small.place == Place::kWaiting) ASSERT_TRUE(bench.step());
  EXPECT_EQ(large.place, Place::kRunning);
}

TEST(StepScheduler, HigherPrioritiesGoFirst) {
  Bench bench(64, {.max_sequences = 1});
  bench.add(4, 2);
  ASSERT_TRUE(bench.step());
  GenerationState& low = bench.add(4, 2, Priority::kLow);
  GenerationState& normal = bench.add(4, 2);
  GenerationState& urgent = bench.add(4, 2, Priority::kUrgent);
  GenerationState& high = bench.add(4, 2, Priority::kHigh);
  std::vector<const GenerationState*> order;
  while (bench.step()) {
    for (const GenerationState* state : bench.finished) order.push_back(state);
  }
  order.erase(order.begin());
  EXPECT_EQ(order, (std::vector<const GenerationState*>{&urgent, &high, &normal, &low}));
}

TEST(StepScheduler, AWaitingRequestRisesWithAge) {
  Bench bench(64, {.max_sequences = 1, .ageing_seconds = 5});
  bench.add(4, 2);
  ASSERT_TRUE(bench.step());
  GenerationState& low = bench.add(4, 2, Priority::kLow);
  bench.now += 14;
  GenerationState& overtakes = bench.add(4, 2, Priority::kUrgent);
  bench.now += 2;
  GenerationState& comes_too_late = bench.add(4, 2, Priority::kUrgent);
  std::vector<const GenerationState*> order;
  while (bench.step()) {
    for (const GenerationState* state : bench.finished) order.push_back(state);
  }
  order.erase(order.begin());
  EXPECT_EQ(order, (std::vector<const GenerationState*>{&overtakes, &low, &comes_too_late}));
}

TEST(StepScheduler, ALowRequestIsServedWhileUrgentOnesKeepComing) {
  Bench bench(64, {.max_sequences = 1, .ageing_seconds = 0.02});
  bench.add(4, 2);
  ASSERT_TRUE(bench.step());
  GenerationState& low = bench.add(4, 2, Priority::kLow);
  const double came = bench.now;
  while (low.place == Place::kWaiting) {
    bench.add(4, 2, Priority::kUrgent);  // twice as many as can be served
    ASSERT_TRUE(bench.step());
    ASSERT_LT(bench.now, came + 0.5);
  }
  EXPECT_GT(bench.now, came + 3 * 0.02);  // for so long they overtake
}

TEST(StepScheduler, AnUrgentPromptIsComputedBeforeOneThatHasBegun) {
  Bench bench(64, {.max_batch_tokens = 10});
  GenerationState& normal = bench.add(40, 2);
  ASSERT_TRUE(bench.step());
  GenerationState& urgent = bench.add(15, 2, Priority::kUrgent);
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(bench.tokens_of(urgent), 10);
  EXPECT_EQ(bench.tokens_of(normal), 0);
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(bench.tokens_of(urgent), 5);
  EXPECT_EQ(bench.tokens_of(normal), 5);
}

TEST(StepScheduler, AtMostMaxSequencesRun) {
  Bench bench(64, {.max_sequences = 3});
  for (int i = 0; i < 7; ++i) bench.add(4, 5);
  while (bench.step()) EXPECT_LE(bench.scheduler.counts().running, 3);
  bench.expect_all_blocks_back();
}

TEST(StepScheduler, WhatIsPreemptedIsTheYoungestOfTheLowestPriority) {
  Bench bench(8);
  GenerationState& oldest = bench.add(16, 100, Priority::kLow);
  GenerationState& low = bench.add(16, 100, Priority::kLow);
  GenerationState& normal = bench.add(16, 100);
  GenerationState& young_low = bench.add(8, 10, Priority::kLow);
  ASSERT_TRUE(bench.step());
  bench.scheduler.remove(young_low);
  while (bench.scheduler.counts().preemptions == 0) ASSERT_TRUE(bench.step());
  EXPECT_EQ(low.num_preemptions, 1);
  EXPECT_EQ(low.place, Place::kWaiting);
  EXPECT_EQ(low.sequence.num_computed, 0);
  EXPECT_TRUE(low.sequence.blocks.blocks.empty());
  while (bench.scheduler.counts().preemptions == 1) ASSERT_TRUE(bench.step());
  EXPECT_EQ(normal.num_preemptions, 1);
  EXPECT_EQ(oldest.num_preemptions, 0);
}

TEST(StepScheduler, WhatIsPreemptedGoesOnToTheSameIdsInItsOldOrder) {
  Bench bench(8);
  std::vector<GenerationState*> states;
  for (int i = 0; i < 4; ++i) states.push_back(&bench.add(10 + i, 100));
  std::vector<const GenerationState*> order;
  while (bench.step()) {
    for (const GenerationState* state : bench.finished) order.push_back(state);
  }
  EXPECT_GT(bench.scheduler.counts().preemptions, 0u);
  EXPECT_EQ(order, (std::vector<const GenerationState*>(states.begin(), states.end())));
  EXPECT_EQ(states[0]->num_preemptions, 0);
  for (const GenerationState* state : states) {
    const auto& ids = state->sequence.ids;
    EXPECT_EQ(ids, test::solo({ids.begin(), ids.begin() + state->num_prompt}, 100, 0, 0));
  }
  bench.expect_all_blocks_back();
}

TEST(StepScheduler, APausedRequestKeepsItsBlocksAndIsLeftOut) {
  Bench bench(64);
  GenerationState& a = bench.add(20, 30);
  GenerationState& b = bench.add(20, 30);
  ASSERT_TRUE(bench.step());
  bench.scheduler.set_paused(a, true);
  const auto held = a.sequence.blocks.blocks;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(bench.step());
    EXPECT_EQ(bench.tokens_of(a), 0);
    EXPECT_EQ(bench.tokens_of(b), 1);
  }
  EXPECT_EQ(a.sequence.blocks.blocks, held);
  EXPECT_EQ(bench.scheduler.counts().paused, 1);
  bench.scheduler.set_paused(a, false);
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(bench.tokens_of(a), 1);
}

TEST(StepScheduler, NothingRunsWhereEverythingIsPaused) {
  Bench bench(64);
  GenerationState& a = bench.add(20, 30);
  GenerationState& b = bench.add(20, 30);
  ASSERT_TRUE(bench.step());
  bench.scheduler.set_paused(a, true);
  bench.scheduler.set_paused(b, true);
  EXPECT_FALSE(bench.step());
}

TEST(StepScheduler, APausedRequestStallsNobody) {
  Bench bench(4);
  GenerationState& paused = bench.add(30, 30);
  ASSERT_TRUE(bench.step());
  bench.scheduler.set_paused(paused, true);
  GenerationState& other = bench.add(30, 30);  // they do not fit together
  while (bench.step()) {
  }
  EXPECT_EQ(other.num_generated(), 30);
  EXPECT_EQ(paused.num_preemptions, 1);
  bench.scheduler.set_paused(paused, false);
  while (bench.step()) {
  }
  EXPECT_EQ(paused.num_generated(), 30);
  bench.expect_all_blocks_back();
}

TEST(StepScheduler, TheOldestActiveRequestOutlivesAnOlderPausedOne) {
  Bench bench(4);
  GenerationState& paused = bench.add(10, 50);
  GenerationState& active = bench.add(10, 50);
  ASSERT_TRUE(bench.step());
  bench.scheduler.set_paused(paused, true);
  while (bench.step()) {
  }
  EXPECT_EQ(active.num_generated(), 50);
  EXPECT_EQ(active.num_preemptions, 0);
}

TEST(StepScheduler, RemovingReturnsTheBlocksInThatCall) {
  Bench bench(64, {.max_batch_tokens = 16});
  GenerationState& running = bench.add(10, 50);
  GenerationState& in_prefill = bench.add(100, 50);
  GenerationState& waiting = bench.make(10, 10);
  ASSERT_TRUE(bench.step());
  ASSERT_TRUE(bench.step());
  ASSERT_TRUE(bench.scheduler.add(waiting, 0));
  EXPECT_GT(in_prefill.sequence.num_computed, 0);
  EXPECT_LT(in_prefill.sequence.num_computed, 100);
  const int32_t before = bench.blocks.num_available();
  bench.scheduler.remove(in_prefill);
  EXPECT_EQ(bench.blocks.num_available(), before + 7);
  bench.scheduler.remove(waiting);
  bench.scheduler.remove(running);
  bench.expect_all_blocks_back();
  EXPECT_FALSE(bench.step());
}

TEST(StepScheduler, ACachedPrefixIsNotComputedAgain) {
  Bench bench(64);
  GenerationState& first = bench.make(50, 3, 7000);
  ASSERT_TRUE(bench.scheduler.add(first, 0));
  ASSERT_TRUE(bench.step());
  GenerationState& second = bench.make(50, 3, 7000);
  ASSERT_TRUE(bench.scheduler.add(second, 0));
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(second.num_cached, 48);
  EXPECT_EQ(bench.tokens_of(second), 2);
  while (bench.step()) {
  }
  EXPECT_EQ(first.sequence.ids, second.sequence.ids);
  EXPECT_EQ(bench.scheduler.counts().cached_tokens, 48u);
}

TEST(StepScheduler, ASaltKeepsPrefixesApart) {
  Bench bench(64);
  GenerationState& first = bench.make(50, 3, 7000);
  ASSERT_TRUE(bench.scheduler.add(first, 0));
  ASSERT_TRUE(bench.step());
  GenerationState& second = bench.make(50, 3, 7000);
  second.cache_salt = 1;
  ASSERT_TRUE(bench.scheduler.add(second, 0));
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(second.num_cached, 0);
}

TEST(StepScheduler, WhatAStopStringMayTakeBackIsNotCached) {
  Bench bench(64);
  GenerationState& first = bench.make(16, 40, 7000);
  first.publish_limit = 16;
  ASSERT_TRUE(bench.scheduler.add(first, 0));
  while (bench.step()) {
  }
  GenerationState& second = bench.make(16, 3, 7000);
  second.sequence.ids = first.sequence.ids;
  second.num_prompt = std::ssize(second.sequence.ids);
  ASSERT_TRUE(bench.scheduler.add(second, 0));
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(second.num_cached, 16);
}

TEST(StepScheduler, AFinishedAnswerIsAPrefixForTheNextTurn) {
  Bench bench(64);
  GenerationState& first = bench.make(16, 40, 7000);
  ASSERT_TRUE(bench.scheduler.add(first, 0));
  while (bench.step()) {
  }
  GenerationState& second = bench.make(16, 3, 7000);
  second.sequence.ids = first.sequence.ids;
  second.num_prompt = std::ssize(second.sequence.ids);
  ASSERT_TRUE(bench.scheduler.add(second, 0));
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(second.num_cached, 48);
}

TEST(StepScheduler, ForksShareThePromptAndCopyItsTailBeforeTheyWrite) {
  Bench bench(64);
  GenerationState& leader = bench.make(40, 20);
  leader.num_forks = 2;
  ASSERT_TRUE(bench.scheduler.add(leader, 0));
  ASSERT_TRUE(bench.step());
  const int32_t before = bench.blocks.num_available();
  leader.num_forks = 0;
  std::vector<GenerationState*> forks;
  for (int32_t i = 0; i < 2; ++i) {
    GenerationState& fork = *forks.emplace_back(&bench.make(1, 20));
    fork.sequence.ids.assign(leader.sequence.ids.begin(), leader.sequence.ids.begin() + 40);
    fork.num_prompt = 40;
    ASSERT_TRUE(bench.scheduler.add_fork(fork, leader, 0));
    fork.sequence.ids.push_back(i);  // drawn by a seed of its own
  }
  EXPECT_EQ(bench.blocks.num_available(), before);
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(bench.plan.num_decodes, 3);
  EXPECT_EQ(bench.plan.copies.size(), 2u);  // the last of the three keeps the original
  EXPECT_EQ(bench.blocks.num_available(), before - 2);
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(bench.plan.copies.size(), 0u);
  while (bench.step()) {
  }
  for (int32_t i = 0; i < 2; ++i) {
    const auto& ids = forks[i]->sequence.ids;
    EXPECT_EQ(ids, test::solo({ids.begin(), ids.begin() + 41}, 19, 0, 0));
  }
  bench.expect_all_blocks_back();
}

TEST(StepScheduler, PlacesAreKeptForForksToCome) {
  Bench bench(64, {.max_sequences = 4});
  bench.add(10, 10);
  GenerationState& leader = bench.make(10, 10);
  leader.num_forks = 2;
  ASSERT_TRUE(bench.scheduler.add(leader, 0));
  GenerationState& other = bench.add(10, 10);
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(leader.place, Place::kRunning);
  EXPECT_EQ(other.place, Place::kWaiting);
}

TEST(StepScheduler, AForkOfAPreemptedLeaderWaitsAndComesToTheSameIds) {
  Bench bench(64);
  GenerationState& leader = bench.add(40, 20);
  ASSERT_TRUE(bench.step());
  GenerationState& fork = bench.make(40, 20, 10000);
  fork.sequence.ids.assign(leader.sequence.ids.begin(), leader.sequence.ids.begin() + 40);
  bench.scheduler.remove(leader);
  ASSERT_TRUE(bench.scheduler.add_fork(fork, leader, 0));
  EXPECT_EQ(fork.place, Place::kWaiting);
  fork.sequence.ids.push_back(5);
  while (bench.step()) {
  }
  const auto& ids = fork.sequence.ids;
  EXPECT_EQ(ids, test::solo({ids.begin(), ids.begin() + 41}, 19, 0, 0));
}

TEST(StepScheduler, ATruncatedStateGoesOnFromWhereItWasCut) {
  Bench bench(64);
  GenerationState& state = bench.add(20, 40);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(bench.step());
  bench.scheduler.truncate(state, 32);  // a block's border
  EXPECT_EQ(state.sequence.blocks.blocks.size(), 2u);
  while (bench.step()) {
  }
  const auto& ids = state.sequence.ids;
  EXPECT_EQ(ids, test::solo({ids.begin(), ids.begin() + 20}, 40, 0, 0));
}

TEST(StepScheduler, ASharedCacheIsSeenByTheSimulation) {
  Bench bench(64);
  GenerationState& a = bench.add(20, 10);
  GenerationState& b = bench.add(20, 10);
  ASSERT_TRUE(bench.step());
  const StepPlan plan = bench.scheduler.next(0);
  b.sequence.blocks.blocks = a.sequence.blocks.blocks;  // on purpose
  EXPECT_NE(bench.runner.run(plan), "");
}

TEST(StepScheduler, LimitsOutsideTheirRangeAreRefusedByName) {
  const std::pair<SchedulerLimits, const char*> cases[] = {
      {{.max_batch_tokens = 0}, "max_batch_tokens"},
      {{.max_batch_tokens = std::numeric_limits<int32_t>::max()}, "max_batch_tokens"},
      {{.max_sequences = 0}, "max_sequences"},
      {{.max_inter_token_seconds = -1}, "max_inter_token_seconds"},
      {{.max_inter_token_seconds = std::nan("")}, "max_inter_token_seconds"},
      {{.ageing_seconds = INFINITY}, "ageing_seconds"},
  };
  for (const auto& [limits, field] : cases) {
    const auto valid = limits.validate();
    ASSERT_FALSE(valid) << field;
    EXPECT_TRUE(valid.error().message.starts_with(field)) << valid.error().message;
  }
  EXPECT_TRUE(SchedulerLimits{}.validate());
}

// --- Pace -----------------------------------------------------------------------------------

// A machine whose steps cost what the model of costs can say.
double linear_cost(const StepShape& shape) {
  return 0.010 + 0.0005 * shape.decodes + 0.0004 * shape.prompt_tokens +
         1e-8 * static_cast<double>(shape.context_tokens);
}

// Decodes that run while a long prompt arrives: the longest step, the step without a chunk, and
// prompt tokens a second.
struct Stall {
  double longest = 0, without = 0, rate = 0;
};
Stall stall(const SchedulerLimits& limits, int32_t num_decodes,
            const std::function<double(const StepShape&)>& seconds) {
  Bench bench(4096, limits);
  bench.seconds = seconds;
  for (int32_t i = 0; i < num_decodes; ++i) bench.add(30, 2000);
  for (int i = 0; i < 50; ++i) bench.step();
  StepShape decodes = bench.plan.shape;
  Stall result{.without = seconds(decodes)};
  GenerationState& prompt = bench.add(4000, 10);
  const double start = bench.now;
  while (prompt.num_generated() == 0 && bench.step()) {
    result.longest = std::max(result.longest, seconds(bench.plan.shape));
  }
  result.rate = 4000 / (bench.now - start);
  return result;
}

double undisturbed_rate(const SchedulerLimits& limits,
                        const std::function<double(const StepShape&)>& seconds) {
  return stall(limits, 0, seconds).rate;
}

TEST(StepScheduler, DecodesKeepTheirPaceAndAPromptAQuarterOfItsRate) {
  for (const int32_t decodes : {1, 4, 32}) {
    const Stall result = stall({}, decodes, linear_cost);
    EXPECT_LE(result.longest, 1.5 * result.without) << decodes;
    EXPECT_GE(result.rate, 0.25 * undisturbed_rate({}, linear_cost)) << decodes;
  }
}

TEST(StepScheduler, AnExplicitBoundBetweenTokensIsKept) {
  for (const double bound : {0.020, 0.040, 0.100}) {
    const Stall result = stall({.max_inter_token_seconds = bound}, 8, linear_cost);
    EXPECT_LE(result.longest, bound);
    EXPECT_GE(result.longest, 0.8 * bound);  // and made use of
  }
}

TEST(StepScheduler, APromptWaitsWhereDecodesAloneTakeTheBound) {
  Bench bench(4096, {.max_inter_token_seconds = 0.005});
  bench.seconds = linear_cost;
  GenerationState& decode = bench.add(30, 200);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(bench.step());
  GenerationState& prompt = bench.add(100, 10);
  while (decode.place == Place::kRunning) {
    EXPECT_EQ(prompt.sequence.num_computed, 0);
    ASSERT_TRUE(bench.step());
  }
  ASSERT_TRUE(bench.step());
  EXPECT_EQ(bench.tokens_of(prompt), 100);
}

TEST(StepScheduler, APromptMovesByATokenAStepWhereOneIsDearerThanTheStep) {
  const auto dear = [](const StepShape& shape) { return 0.001 + 0.01 * shape.prompt_tokens; };
  Bench bench(4096);
  bench.seconds = dear;
  bench.add(30, 1000);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(bench.step());
  GenerationState& prompt = bench.add(100, 10);
  while (prompt.num_generated() == 0) {
    ASSERT_TRUE(bench.step());
    EXPECT_GE(bench.tokens_of(prompt), 1);
  }
}

}  // namespace
}  // namespace weft
