// A step that is planned while the one before it runs: what it has, and when there is none.
#include <algorithm>
#include <deque>
#include <vector>

#include <gtest/gtest.h>

#include "scheduler/step_scheduler.h"
#include "tests/scheduler/simulated_runner.h"

namespace weft {
namespace {

using test::next_id;
using test::SimulatedRunner;
using Ids = std::vector<int32_t>;

// A plan that outlives the next one.
struct KeptPlan {
  std::vector<SequenceStep> steps;
  std::vector<GenerationState*> states;
  StepPlan plan;

  explicit KeptPlan(const StepPlan& p)
      : steps(p.steps.begin(), p.steps.end()), states(p.states.begin(), p.states.end()), plan(p) {
    plan.steps = steps;
    plan.states = states;
    plan.copies = {};
  }
};

struct StepsAhead : testing::Test {
  BlockManager blocks{{.num_blocks = 64, .block_size = 4}};
  StepScheduler scheduler{{.max_sequences = 4}, blocks};
  SimulatedRunner runner{blocks};
  std::deque<GenerationState> states;

  GenerationState& add(int32_t num_prompt, int32_t max_tokens) {
    GenerationState& state = states.emplace_back();
    const auto first = static_cast<int32_t>(states.size()) * 1000;
    for (int32_t i = 0; i < num_prompt; ++i) state.sequence.ids.push_back(first + i);
    state.num_prompt = num_prompt;
    state.limits.max_tokens = max_tokens;
    const auto added = scheduler.add(state, 0);
    EXPECT_TRUE(added) << added.error().message;
    return state;
  }
  // What the step gave, once it ran; what has all its tokens is removed.
  void run(const KeptPlan& kept) {
    EXPECT_EQ(runner.run(kept.plan), "");
    std::vector<GenerationState*> finished;
    for (size_t i = 0; i < kept.steps.size(); ++i) {
      if (kept.steps[i].num_logits == 0) continue;
      GenerationState& state = *kept.states[i];
      state.sequence.ids.push_back(next_id(runner.hash_of(i), 0));
      if (state.num_generated() == state.limits.max_tokens) finished.push_back(&state);
    }
    scheduler.complete(kept.plan, 0.001);
    for (GenerationState* state : finished) scheduler.remove(*state);
  }
  // Steps until everything decodes.
  void run_prompts() {
    while (std::ranges::any_of(states, [](const auto& s) { return !s.decoding(); })) {
      run(KeptPlan(scheduler.next(0)));
    }
  }
  static Ids solo(const GenerationState& state) {
    const auto& ids = state.sequence.ids;
    return test::solo({ids.begin(), ids.begin() + state.num_prompt}, state.num_generated(), 0, 0);
  }
};

TEST_F(StepsAhead, ADecodeGoesOnWithWhatItsDrawGives) {
  GenerationState& a = add(7, 30);
  GenerationState& b = add(3, 30);
  run_prompts();
  const KeptPlan now(scheduler.next(0));
  const KeptPlan ahead(scheduler.next_ahead(now.states));
  ASSERT_EQ(ahead.steps.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    const SequenceStep& step = ahead.steps[i];
    EXPECT_EQ(step.from_draw, static_cast<int32_t>(i));
    EXPECT_EQ(step.begin(), now.steps[i].end());
    EXPECT_EQ(step.num_logits, 1);
    EXPECT_GE(std::ssize(step.sequence->blocks.blocks) * 4, step.end());
  }
  EXPECT_EQ(ahead.plan.num_decodes, 2);
  EXPECT_EQ(ahead.plan.shape.context_tokens, now.plan.shape.context_tokens + 2);
  EXPECT_EQ(a.sequence.num_computed, std::ssize(a.sequence.ids) - 1);  // nothing has run
  EXPECT_EQ(b.sequence.num_computed, std::ssize(b.sequence.ids) - 1);
}

TEST_F(StepsAhead, IdsAreThoseOfStepsOneAfterTheOther) {
  const GenerationState& a = add(7, 30);
  const GenerationState& b = add(3, 9);
  run_prompts();
  KeptPlan now(scheduler.next(0));
  int ahead_of = 0;
  while (!now.steps.empty()) {
    const KeptPlan ahead(scheduler.next_ahead(now.states));
    ahead_of += !ahead.steps.empty();
    run(now);
    now = KeptPlan(ahead.steps.empty() ? scheduler.next(0) : ahead.plan);
  }
  EXPECT_EQ(Ids(a.sequence.ids), solo(a));
  EXPECT_EQ(Ids(b.sequence.ids), solo(b));
  EXPECT_EQ(a.num_generated(), 30);
  EXPECT_GE(ahead_of, 27);
  blocks.check_invariants({});
}

TEST_F(StepsAhead, WhatHasItsLastTokenThenIsNotInIt) {
  add(5, 2);
  GenerationState& b = add(5, 20);
  run_prompts();
  const KeptPlan now(scheduler.next(0));
  ASSERT_EQ(now.steps.size(), 2U);
  const KeptPlan ahead(scheduler.next_ahead(now.states));
  ASSERT_EQ(ahead.states, std::vector{&b});
  EXPECT_EQ(ahead.steps[0].from_draw, 1);
}

TEST_F(StepsAhead, WhatHasEndedOrIsPausedMeanwhileIsNotInIt) {
  GenerationState& a = add(5, 20);
  GenerationState& b = add(5, 20);
  GenerationState& c = add(5, 20);
  run_prompts();
  const KeptPlan now(scheduler.next(0));
  scheduler.remove(a);
  scheduler.set_paused(b, true);
  const std::vector<GenerationState*> drawing = {nullptr, &b, &c};
  const KeptPlan ahead(scheduler.next_ahead(drawing));
  EXPECT_EQ(ahead.states, std::vector{&c});
}

TEST_F(StepsAhead, ThereIsNoneWhereSomethingNewMayJoin) {
  for (int i = 0; i < 3; ++i) add(5, 20);
  run_prompts();
  const KeptPlan now(scheduler.next(0));
  add(5, 20);
  EXPECT_TRUE(scheduler.next_ahead(now.states).empty());
}

TEST_F(StepsAhead, WhoeverCannotBeAdmittedDoesNotHinderIt) {
  for (int i = 0; i < 4; ++i) add(5, 20);
  run_prompts();
  add(5, 20);  // there is no place
  const KeptPlan now(scheduler.next(0));
  EXPECT_EQ(scheduler.next_ahead(now.states).steps.size(), 4U);
}

TEST_F(StepsAhead, ButThereIsNoneWhereOneEndsWhoseSuccessorWaits) {
  for (int i = 0; i < 4; ++i) add(5, i == 2 ? 3 : 20);
  run_prompts();
  add(5, 20);
  const KeptPlan before(scheduler.next(0));
  EXPECT_EQ(scheduler.next_ahead(before.states).steps.size(), 4U);
  run(before);
  const KeptPlan now(scheduler.next(0));  // the third's last
  EXPECT_TRUE(scheduler.next_ahead(now.states).empty());
}

TEST_F(StepsAhead, ThereIsNoneWhileAPromptIsComputedOrSomethingElseGoesOn) {
  add(5, 20);
  GenerationState& b = add(5, 20);
  const KeptPlan prompts(scheduler.next(0));
  EXPECT_TRUE(scheduler.next_ahead(prompts.states).empty());
  run(prompts);
  run_prompts();
  scheduler.set_paused(b, true);
  const KeptPlan now(scheduler.next(0));
  ASSERT_EQ(now.steps.size(), 1U);
  scheduler.set_paused(b, false);
  EXPECT_TRUE(scheduler.next_ahead(now.states).empty());
}

TEST_F(StepsAhead, ThereIsNoneWhereABlockWouldHaveToBeCopied) {
  GenerationState& a = add(6, 20);
  run_prompts();
  const KeptPlan now(scheduler.next(0));
  a.tail_may_be_shared = true;
  EXPECT_TRUE(scheduler.next_ahead(now.states).empty());
}

TEST_F(StepsAhead, ThereIsNoneWhereItWouldTakeBlocksFromSomebody) {
  GenerationState& a = add(6, 20);
  run_prompts();
  BlockTable others;
  ASSERT_TRUE(blocks.reserve(others, int64_t{4} * blocks.num_available()));
  const KeptPlan eighth(scheduler.next(0));
  EXPECT_EQ(scheduler.next_ahead(eighth.states).steps.size(), 1U);
  run(eighth);
  const KeptPlan now(scheduler.next(0));
  ASSERT_EQ(a.sequence.ids.size(), 8U);  // two blocks
  EXPECT_TRUE(scheduler.next_ahead(now.states).empty());
  EXPECT_EQ(a.sequence.blocks.blocks.size(), 2U);
  blocks.release(others);
  EXPECT_EQ(scheduler.next_ahead(now.states).steps.size(), 1U);
}

}  // namespace
}  // namespace weft
