#include "scheduler/step_scheduler.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "bench/allocation_counter.h"
#include "tests/scheduler/simulated_runner.h"

namespace weft {
namespace {

using test::next_id;
using test::SimulatedRunner;
using Place = GenerationState::Place;

// A scheduler with a simulated runner and requests whose ids are drawn as the engine draws them.
struct Scene {
  BlockManager blocks;
  StepScheduler scheduler;
  SimulatedRunner runner{blocks};
  std::deque<GenerationState> states;
  double now = 0;
  StepPlan plan;  // of the last step
  // Seconds of a step, as the cost model shall learn them.
  std::function<double(const StepShape&)> seconds = [](const StepShape&) { return 0.001; };

  explicit Scene(int32_t num_blocks, const SchedulerLimits& limits = {}, int32_t block_size = 16)
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
  Scene scene(4);
  EXPECT_FALSE(scene.step());
}

TEST(StepScheduler, EachStepAdvancesEveryDecodeByOneWhateverTheBudget) {
  Scene scene(64, {.max_batch_tokens = 2});
  std::vector<GenerationState*> states;
  for (int i = 0; i < 5; ++i) states.push_back(&scene.add(2, 40));
  while (!states.back()->decoding()) ASSERT_TRUE(scene.step());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(scene.step());
    EXPECT_EQ(scene.plan.num_decodes, 5);
    for (const GenerationState* state : states) EXPECT_EQ(scene.tokens_of(*state), 1);
  }
}

TEST(StepScheduler, PromptsRunInChunksOfTheBudgetBehindTheDecodes) {
  Scene scene(64, {.max_batch_tokens = 10});
  GenerationState& a = scene.add(10, 20);
  ASSERT_TRUE(scene.step());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(scene.step());  // the cost of a decode is learnt
  GenerationState& b = scene.add(25, 5);
  std::vector<int32_t> chunks;
  while (b.num_generated() == 0) {
    ASSERT_TRUE(scene.step());
    EXPECT_EQ(scene.plan.states[0], &a);
    EXPECT_EQ(scene.plan.num_decodes, 1);
    chunks.push_back(scene.tokens_of(b));
  }
  EXPECT_EQ(chunks, (std::vector<int32_t>{10, 10, 5}));
}

TEST(StepScheduler, OnlyTheChunkThatEndsThePromptHasLogits) {
  Scene scene(64, {.max_batch_tokens = 10});
  scene.add(25, 5);
  std::vector<int32_t> logits;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(scene.step());
    logits.push_back(scene.plan.steps[0].num_logits);
  }
  EXPECT_EQ(logits, (std::vector<int32_t>{0, 0, 1, 1}));
}

TEST(StepScheduler, PromptLogitsAreGivenOnceForEachPosition) {
  Scene scene(8, {.max_batch_tokens = 10}, 8);
  GenerationState& warm = scene.make(20, 1, 500);
  ASSERT_TRUE(scene.scheduler.add(warm, 0));
  while (scene.step()) {
  }
  GenerationState& state = scene.make(20, 30, 500);  // its prompt is cached
  state.logits_from = 0;
  ASSERT_TRUE(scene.scheduler.add(state, 0));
  int32_t logits = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(scene.step());
    for (const SequenceStep& step : scene.plan.steps) logits += step.num_logits;
  }
  EXPECT_EQ(logits, 20 + 1);  // every position, then a decode
  EXPECT_EQ(state.num_cached, 0);
}

TEST(StepScheduler, ARequestThatCanNeverFitIsRefusedWithTheNumbers) {
  Scene scene(4);
  GenerationState& state = scene.make(40, 25);
  const auto added = scene.scheduler.add(state, 0);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::kContextOverflow);
  EXPECT_EQ(added.error().message,
            "prompt of 40 tokens + max_tokens 25 = 65, the KV pool holds 64 (4 blocks of 16)");
  EXPECT_EQ(state.place, Place::kNowhere);
}

TEST(StepScheduler, ARequestAsLargeAsThePoolRuns) {
  Scene scene(4);
  GenerationState& state = scene.add(63, 1);
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(state.num_generated(), 1);
  scene.expect_all_blocks_back();
}

TEST(StepScheduler, EmptyPromptsAndZeroTokensAreRefused) {
  Scene scene(4);
  EXPECT_EQ(scene.scheduler.add(scene.make(0, 5), 0).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(scene.scheduler.add(scene.make(5, 0), 0).error().code, ErrorCode::kInvalidArgument);
}

TEST(StepScheduler, ARequestIsAdmittedWhenItsBlocksAndOneMoreAreFree) {
  Scene scene(5);
  GenerationState& a = scene.add(32, 32);
  ASSERT_TRUE(scene.step());  // a has 2 blocks, and takes its third with its second token
  GenerationState& b = scene.add(32, 16);
  ASSERT_TRUE(scene.step());  // 2 are left: one too few
  EXPECT_EQ(a.place, Place::kRunning);
  EXPECT_EQ(b.place, Place::kWaiting);
  scene.scheduler.remove(a);
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(b.place, Place::kRunning);
}

TEST(StepScheduler, BlocksThatATruncationFreesAdmitTheNext) {
  Scene scene(5);
  GenerationState& a = scene.add(16, 60);
  while (a.sequence.blocks.blocks.size() < 4) ASSERT_TRUE(scene.step());
  GenerationState& b = scene.add(16, 16);
  ASSERT_TRUE(scene.step());  // 1 is left, b wants 2
  EXPECT_EQ(b.place, Place::kWaiting);
  scene.scheduler.truncate(a, 20);
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(b.place, Place::kRunning);
}

TEST(StepScheduler, NothingOvertakesWithinAPriority) {
  Scene scene(8);
  scene.add(64, 40);
  ASSERT_TRUE(scene.step());
  GenerationState& large = scene.add(64, 16);
  GenerationState& small = scene.add(4, 4);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(scene.step());
  EXPECT_EQ(large.place, Place::kWaiting);
  EXPECT_EQ(small.place, Place::kWaiting);  // though it would fit
  while (small.place == Place::kWaiting) ASSERT_TRUE(scene.step());
  EXPECT_EQ(large.place, Place::kRunning);
}

TEST(StepScheduler, HigherPrioritiesGoFirst) {
  Scene scene(64, {.max_sequences = 1});
  scene.add(4, 2);
  ASSERT_TRUE(scene.step());
  GenerationState& low = scene.add(4, 2, Priority::kLow);
  GenerationState& normal = scene.add(4, 2);
  GenerationState& urgent = scene.add(4, 2, Priority::kUrgent);
  GenerationState& high = scene.add(4, 2, Priority::kHigh);
  std::vector<const GenerationState*> order;
  while (scene.step()) {
    for (const GenerationState* state : scene.finished) order.push_back(state);
  }
  order.erase(order.begin());
  EXPECT_EQ(order, (std::vector<const GenerationState*>{&urgent, &high, &normal, &low}));
}

TEST(StepScheduler, AWaitingRequestRisesWithAge) {
  Scene scene(64, {.max_sequences = 1, .ageing_seconds = 5});
  scene.add(4, 2);
  ASSERT_TRUE(scene.step());
  GenerationState& low = scene.add(4, 2, Priority::kLow);
  scene.now += 14;
  GenerationState& overtakes = scene.add(4, 2, Priority::kUrgent);
  scene.now += 2;
  GenerationState& comes_too_late = scene.add(4, 2, Priority::kUrgent);
  std::vector<const GenerationState*> order;
  while (scene.step()) {
    for (const GenerationState* state : scene.finished) order.push_back(state);
  }
  order.erase(order.begin());
  EXPECT_EQ(order, (std::vector<const GenerationState*>{&overtakes, &low, &comes_too_late}));
}

TEST(StepScheduler, ALowRequestIsServedWhileUrgentOnesKeepComing) {
  Scene scene(64, {.max_sequences = 1, .ageing_seconds = 0.02});
  scene.add(4, 2);
  ASSERT_TRUE(scene.step());
  GenerationState& low = scene.add(4, 2, Priority::kLow);
  const double came = scene.now;
  while (low.place == Place::kWaiting) {
    scene.add(4, 2, Priority::kUrgent);  // twice as many as can be served
    ASSERT_TRUE(scene.step());
    ASSERT_LT(scene.now, came + 0.5);
  }
  EXPECT_GT(scene.now, came + 3 * 0.02);  // for so long they overtake
}

TEST(StepScheduler, AnUrgentPromptIsComputedBeforeOneThatHasBegun) {
  Scene scene(64, {.max_batch_tokens = 10});
  GenerationState& normal = scene.add(40, 2);
  ASSERT_TRUE(scene.step());
  GenerationState& urgent = scene.add(15, 2, Priority::kUrgent);
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(scene.tokens_of(urgent), 10);
  EXPECT_EQ(scene.tokens_of(normal), 0);
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(scene.tokens_of(urgent), 5);
  EXPECT_EQ(scene.tokens_of(normal), 5);
}

TEST(StepScheduler, AtMostMaxSequencesRun) {
  Scene scene(64, {.max_sequences = 3});
  for (int i = 0; i < 7; ++i) scene.add(4, 5);
  while (scene.step()) EXPECT_LE(scene.scheduler.counts().running, 3);
  scene.expect_all_blocks_back();
}

TEST(StepScheduler, WhatIsPreemptedIsTheYoungestOfTheLowestPriority) {
  Scene scene(8);
  GenerationState& oldest = scene.add(16, 100, Priority::kLow);
  GenerationState& low = scene.add(16, 100, Priority::kLow);
  GenerationState& normal = scene.add(16, 100);
  GenerationState& young_low = scene.add(8, 10, Priority::kLow);
  ASSERT_TRUE(scene.step());
  scene.scheduler.remove(young_low);
  while (scene.scheduler.counts().preemptions == 0) ASSERT_TRUE(scene.step());
  EXPECT_EQ(low.num_preemptions, 1);
  EXPECT_EQ(low.place, Place::kWaiting);
  EXPECT_EQ(low.sequence.num_computed, 0);
  EXPECT_TRUE(low.sequence.blocks.blocks.empty());
  while (scene.scheduler.counts().preemptions == 1) ASSERT_TRUE(scene.step());
  EXPECT_EQ(normal.num_preemptions, 1);
  EXPECT_EQ(oldest.num_preemptions, 0);
}

TEST(StepScheduler, WhatIsPreemptedGoesOnToTheSameIdsInItsOldOrder) {
  Scene scene(8);
  std::vector<GenerationState*> states;
  for (int i = 0; i < 4; ++i) states.push_back(&scene.add(10 + i, 100));
  std::vector<const GenerationState*> order;
  while (scene.step()) {
    for (const GenerationState* state : scene.finished) order.push_back(state);
  }
  EXPECT_GT(scene.scheduler.counts().preemptions, 0u);
  EXPECT_EQ(order, (std::vector<const GenerationState*>(states.begin(), states.end())));
  EXPECT_EQ(states[0]->num_preemptions, 0);
  for (const GenerationState* state : states) {
    const auto& ids = state->sequence.ids;
    EXPECT_EQ(ids, test::solo({ids.begin(), ids.begin() + state->num_prompt}, 100, 0, 0));
  }
  scene.expect_all_blocks_back();
}

TEST(StepScheduler, APausedRequestKeepsItsBlocksAndIsLeftOut) {
  Scene scene(64);
  GenerationState& a = scene.add(20, 30);
  GenerationState& b = scene.add(20, 30);
  ASSERT_TRUE(scene.step());
  scene.scheduler.set_paused(a, true);
  const auto held = a.sequence.blocks.blocks;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(scene.step());
    EXPECT_EQ(scene.tokens_of(a), 0);
    EXPECT_EQ(scene.tokens_of(b), 1);
  }
  EXPECT_EQ(a.sequence.blocks.blocks, held);
  EXPECT_EQ(scene.scheduler.counts().paused, 1);
  scene.scheduler.set_paused(a, false);
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(scene.tokens_of(a), 1);
}

TEST(StepScheduler, NothingRunsWhereEverythingIsPaused) {
  Scene scene(64);
  GenerationState& a = scene.add(20, 30);
  GenerationState& b = scene.add(20, 30);
  ASSERT_TRUE(scene.step());
  scene.scheduler.set_paused(a, true);
  scene.scheduler.set_paused(b, true);
  EXPECT_FALSE(scene.step());
}

TEST(StepScheduler, APausedRequestStallsNobody) {
  Scene scene(4);
  GenerationState& paused = scene.add(30, 30);
  ASSERT_TRUE(scene.step());
  scene.scheduler.set_paused(paused, true);
  GenerationState& other = scene.add(30, 30);  // they do not fit together
  while (scene.step()) {
  }
  EXPECT_EQ(other.num_generated(), 30);
  EXPECT_EQ(paused.num_preemptions, 1);
  scene.scheduler.set_paused(paused, false);
  while (scene.step()) {
  }
  EXPECT_EQ(paused.num_generated(), 30);
  scene.expect_all_blocks_back();
}

TEST(StepScheduler, TheOldestActiveRequestOutlivesAnOlderPausedOne) {
  Scene scene(4);
  GenerationState& paused = scene.add(10, 50);
  GenerationState& active = scene.add(10, 50);
  ASSERT_TRUE(scene.step());
  scene.scheduler.set_paused(paused, true);
  while (scene.step()) {
  }
  EXPECT_EQ(active.num_generated(), 50);
  EXPECT_EQ(active.num_preemptions, 0);
}

TEST(StepScheduler, RemovingReturnsTheBlocksInThatCall) {
  Scene scene(64, {.max_batch_tokens = 16});
  GenerationState& running = scene.add(10, 50);
  GenerationState& in_prefill = scene.add(100, 50);
  GenerationState& waiting = scene.make(10, 10);
  ASSERT_TRUE(scene.step());
  ASSERT_TRUE(scene.step());
  ASSERT_TRUE(scene.scheduler.add(waiting, 0));
  EXPECT_GT(in_prefill.sequence.num_computed, 0);
  EXPECT_LT(in_prefill.sequence.num_computed, 100);
  const int32_t before = scene.blocks.num_available();
  scene.scheduler.remove(in_prefill);
  EXPECT_EQ(scene.blocks.num_available(), before + 7);
  scene.scheduler.remove(waiting);
  scene.scheduler.remove(running);
  scene.expect_all_blocks_back();
  EXPECT_FALSE(scene.step());
}

TEST(StepScheduler, ACachedPrefixIsNotComputedAgain) {
  Scene scene(64);
  GenerationState& first = scene.make(50, 3, 7000);
  ASSERT_TRUE(scene.scheduler.add(first, 0));
  ASSERT_TRUE(scene.step());
  GenerationState& second = scene.make(50, 3, 7000);
  ASSERT_TRUE(scene.scheduler.add(second, 0));
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(second.num_cached, 48);
  EXPECT_EQ(scene.tokens_of(second), 2);
  while (scene.step()) {
  }
  EXPECT_EQ(first.sequence.ids, second.sequence.ids);
  EXPECT_EQ(scene.scheduler.counts().cached_tokens, 48u);
}

TEST(StepScheduler, ASaltKeepsPrefixesApart) {
  Scene scene(64);
  GenerationState& first = scene.make(50, 3, 7000);
  ASSERT_TRUE(scene.scheduler.add(first, 0));
  ASSERT_TRUE(scene.step());
  GenerationState& second = scene.make(50, 3, 7000);
  second.cache_salt = 1;
  ASSERT_TRUE(scene.scheduler.add(second, 0));
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(second.num_cached, 0);
}

TEST(StepScheduler, WhatAStopStringMayTakeBackIsNotCached) {
  Scene scene(64);
  GenerationState& first = scene.make(16, 40, 7000);
  first.publish_limit = 16;
  ASSERT_TRUE(scene.scheduler.add(first, 0));
  while (scene.step()) {
  }
  GenerationState& second = scene.make(16, 3, 7000);
  second.sequence.ids = first.sequence.ids;
  second.num_prompt = std::ssize(second.sequence.ids);
  ASSERT_TRUE(scene.scheduler.add(second, 0));
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(second.num_cached, 16);
}

TEST(StepScheduler, APromptIsCachedUpToItsPublishLimit) {
  Scene scene(64);
  GenerationState& first = scene.make(40, 3, 7000);
  first.publish_limit = 20;
  ASSERT_TRUE(scene.scheduler.add(first, 0));
  ASSERT_TRUE(scene.step());
  GenerationState& second = scene.make(40, 3, 7000);
  ASSERT_TRUE(scene.scheduler.add(second, 0));
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(second.num_cached, 16);
}

TEST(StepScheduler, AFinishedAnswerIsAPrefixForTheNextTurn) {
  Scene scene(64);
  GenerationState& first = scene.make(16, 40, 7000);
  ASSERT_TRUE(scene.scheduler.add(first, 0));
  while (scene.step()) {
  }
  GenerationState& second = scene.make(16, 3, 7000);
  second.sequence.ids = first.sequence.ids;
  second.num_prompt = std::ssize(second.sequence.ids);
  ASSERT_TRUE(scene.scheduler.add(second, 0));
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(second.num_cached, 48);
}

TEST(StepScheduler, ForksShareThePromptAndCopyItsTailBeforeTheyWrite) {
  Scene scene(64);
  GenerationState& leader = scene.make(40, 20);
  leader.num_forks = 2;
  ASSERT_TRUE(scene.scheduler.add(leader, 0));
  ASSERT_TRUE(scene.step());
  const int32_t before = scene.blocks.num_available();
  leader.num_forks = 0;
  std::vector<GenerationState*> forks;
  for (int32_t i = 0; i < 2; ++i) {
    GenerationState& fork = *forks.emplace_back(&scene.make(1, 20));
    fork.sequence.ids.assign(leader.sequence.ids.begin(), leader.sequence.ids.begin() + 40);
    fork.num_prompt = 40;
    ASSERT_TRUE(scene.scheduler.add_fork(fork, leader, 0));
    fork.sequence.ids.push_back(i);  // drawn by a seed of its own
  }
  EXPECT_EQ(scene.blocks.num_available(), before);
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(scene.plan.num_decodes, 3);
  EXPECT_EQ(scene.plan.copies.size(), 2u);  // the last of the three keeps the original
  EXPECT_EQ(scene.blocks.num_available(), before - 2);
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(scene.plan.copies.size(), 0u);
  while (scene.step()) {
  }
  for (int32_t i = 0; i < 2; ++i) {
    const auto& ids = forks[i]->sequence.ids;
    EXPECT_EQ(ids, test::solo({ids.begin(), ids.begin() + 41}, 19, 0, 0));
  }
  scene.expect_all_blocks_back();
}

TEST(StepScheduler, PlacesAreKeptForForksToCome) {
  Scene scene(64, {.max_sequences = 4});
  scene.add(10, 10);
  GenerationState& leader = scene.make(10, 10);
  leader.num_forks = 2;
  ASSERT_TRUE(scene.scheduler.add(leader, 0));
  GenerationState& other = scene.add(10, 10);
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(leader.place, Place::kRunning);
  EXPECT_EQ(other.place, Place::kWaiting);
}

TEST(StepScheduler, ALeaderWaitsForPlacesForItsForks) {
  Scene scene(64, {.max_sequences = 4});
  GenerationState& other = scene.add(10, 10);
  scene.add(10, 20);
  GenerationState& leader = scene.make(10, 10);
  leader.num_forks = 2;
  ASSERT_TRUE(scene.scheduler.add(leader, 0));
  while (other.place != Place::kNowhere) {
    EXPECT_EQ(leader.place, Place::kWaiting);
    ASSERT_TRUE(scene.step());
  }
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(leader.place, Place::kRunning);
}

TEST(StepScheduler, AForkOfAPreemptedLeaderWaitsAndComesToTheSameIds) {
  Scene scene(64);
  GenerationState& leader = scene.add(40, 20);
  ASSERT_TRUE(scene.step());
  GenerationState& fork = scene.make(40, 20, 10000);
  fork.sequence.ids.assign(leader.sequence.ids.begin(), leader.sequence.ids.begin() + 40);
  scene.scheduler.remove(leader);
  ASSERT_TRUE(scene.scheduler.add_fork(fork, leader, 0));
  EXPECT_EQ(fork.place, Place::kWaiting);
  fork.sequence.ids.push_back(5);
  while (scene.step()) {
  }
  const auto& ids = fork.sequence.ids;
  EXPECT_EQ(ids, test::solo({ids.begin(), ids.begin() + 41}, 19, 0, 0));
}

TEST(StepScheduler, AForkOfAPromptThatIsNotComputedWaits) {
  Scene scene(64, {.max_batch_tokens = 20});
  GenerationState& leader = scene.add(40, 20);
  ASSERT_TRUE(scene.step());
  GenerationState& fork = scene.make(40, 20, leader.sequence.ids[0]);
  ASSERT_TRUE(scene.scheduler.add_fork(fork, leader, 0));
  EXPECT_EQ(fork.place, Place::kWaiting);
  while (scene.step()) {
  }
  EXPECT_EQ(fork.sequence.ids, leader.sequence.ids);
}

TEST(StepScheduler, ATruncatedStateGoesOnFromWhereItWasCut) {
  Scene scene(64);
  GenerationState& state = scene.add(20, 40);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(scene.step());
  scene.scheduler.truncate(state, 32);  // a block's border
  EXPECT_EQ(state.sequence.blocks.blocks.size(), 2u);
  while (scene.step()) {
  }
  const auto& ids = state.sequence.ids;
  EXPECT_EQ(ids, test::solo({ids.begin(), ids.begin() + 20}, 40, 0, 0));
}

TEST(StepScheduler, ASharedCacheIsSeenByTheSimulation) {
  Scene scene(64);
  GenerationState& a = scene.add(20, 10);
  GenerationState& b = scene.add(20, 10);
  ASSERT_TRUE(scene.step());
  const StepPlan plan = scene.scheduler.next(0);
  b.sequence.blocks.blocks = a.sequence.blocks.blocks;  // on purpose
  EXPECT_NE(scene.runner.run(plan), "");
}

TEST(StepScheduler, StepsAllocateNothing) {
  Scene scene(1000, {.max_batch_tokens = 16});
  for (int i = 0; i < 8; ++i) scene.add(40, 400);
  for (int i = 0; i < 30; ++i) scene.step();
  const int64_t before = bench::num_allocations();
  for (int i = 0; i < 300; ++i) {
    const StepPlan plan = scene.scheduler.next(scene.now);
    for (const SequenceStep& step : plan.steps) {
      step.sequence->num_computed += step.num_tokens;
      if (step.num_logits > 0) step.sequence->ids.push_back(1);
    }
    scene.scheduler.complete(plan, 0.01);
  }
  EXPECT_EQ(bench::num_allocations(), before);
  EXPECT_EQ(scene.scheduler.counts().running, 8);
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
  Scene scene(4096, limits);
  scene.seconds = seconds;
  for (int32_t i = 0; i < num_decodes; ++i) scene.add(30, 2000);
  for (int i = 0; i < 50; ++i) scene.step();
  StepShape decodes = scene.plan.shape;
  Stall result{.without = seconds(decodes)};
  GenerationState& prompt = scene.add(4000, 10);
  const double start = scene.now;
  while (prompt.num_generated() == 0 && scene.step()) {
    result.longest = std::max(result.longest, seconds(scene.plan.shape));
  }
  result.rate = 4000 / (scene.now - start);
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

// A machine that reads the weights whatever the number of rows, until computing takes longer.
double roofline_cost(const StepShape& shape) {
  const double rows = shape.decodes + shape.prompt_tokens;
  return 0.001 + std::max(0.012, 0.0008 * rows) + 1e-8 * static_cast<double>(shape.context_tokens);
}

TEST(StepScheduler, NinetyNineOfAHundredStepsKeepTheirPaceWhereTimesScatter) {
  for (const auto& cost : {linear_cost, roofline_cost}) {
    const double alone = undisturbed_rate({}, cost);
    for (const int32_t decodes : {1, 4, 16}) {
      std::mt19937 random(5);
      std::normal_distribution<double> scatter(1, 0.025);
      Scene scene(4096);
      scene.seconds = [&](const StepShape& shape) { return cost(shape) * scatter(random); };
      for (int32_t i = 0; i < decodes; ++i) scene.add(30, 4000);
      for (int i = 0; i < 50; ++i) scene.step();
      std::vector<double> stretches;  // of steps over the same without their chunks
      const double start = scene.now;
      for (int prompts = 0; prompts < 3; ++prompts) {
        GenerationState& prompt = scene.add(4000, 1);
        while (prompt.place != Place::kNowhere) {
          const double before = scene.now;
          ASSERT_TRUE(scene.step());
          StepShape without;
          for (int32_t i = 0; i < scene.plan.num_decodes; ++i) {
            without.add_decode(scene.plan.steps[i].sequence->num_computed - 1);
          }
          stretches.push_back((scene.now - before) / cost(without));
        }
      }
      std::ranges::sort(stretches);
      EXPECT_LE(stretches[stretches.size() * 99 / 100], 1.5) << decodes;
      EXPECT_GE(3 * 4000 / (scene.now - start), 0.25 * alone) << decodes;
    }
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
  Scene scene(4096, {.max_inter_token_seconds = 0.005});
  scene.seconds = linear_cost;
  GenerationState& decode = scene.add(30, 200);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(scene.step());
  GenerationState& prompt = scene.add(100, 10);
  while (decode.place == Place::kRunning) {
    EXPECT_EQ(prompt.sequence.num_computed, 0);
    ASSERT_TRUE(scene.step());
  }
  ASSERT_TRUE(scene.step());
  EXPECT_EQ(scene.tokens_of(prompt), 100);
}

TEST(StepScheduler, APromptMovesByATokenAStepWhereOneIsDearerThanTheStep) {
  const auto dear = [](const StepShape& shape) { return 0.001 + 0.01 * shape.prompt_tokens; };
  Scene scene(4096);
  scene.seconds = dear;
  scene.add(30, 1000);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(scene.step());
  GenerationState& prompt = scene.add(100, 10);
  while (prompt.num_generated() == 0) {
    ASSERT_TRUE(scene.step());
    EXPECT_GE(scene.tokens_of(prompt), 1);
  }
}

}  // namespace
}  // namespace weft
