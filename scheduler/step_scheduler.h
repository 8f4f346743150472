// StepScheduler: what runs in the next step. Decodes first, each by one token; then prompts in
// chunks, as far as the token budget and the pace allow. Knows ids, blocks and counts; never text,
// never kernels. Owned by the step thread. Allocates nothing between add() and remove().
//
// Order. A request counts as having come `ageing_seconds` earlier for each level of its priority
// above the lowest; who comes earlier by that count goes first. So requests of one priority are
// first in, first out, and one that waits is overtaken only by what comes within three
// `ageing_seconds` after it: nothing starves.
//
// Admission. The first in that order is admitted when the blocks of its ids and one more can be
// had (no more than it can ever need), and nothing overtakes it. It owns the blocks of all its ids
// from then on, so a prefill never runs out of blocks.
//
// Preemption. When decodes need more blocks than there are, the youngest running request of the
// lowest priority gives its blocks back and waits in its old order to be computed again. The
// oldest running request is never preempted, so everything finishes. Paused requests count as
// running; but where only paused ones keep the rest from going on, they are preempted too, lest a
// slow reader stalls the batch. So next() is empty only if every request is paused.
//
// Ahead. While a step of decodes runs, next_ahead() plans the one after it, as far as that follows
// from nothing but that each of them gives one more id: the same requests, less those whose last
// token it is. It reserves the blocks that next() would reserve a little later and preempts,
// admits and copies nothing. What it planned for a request that turns out to have ended is never
// complete()d; its blocks go back when it is removed, while the step still runs: whoever has them
// next writes to them in a later step.
//
// Pace. What a step with decodes may take is bounded (SchedulerLimits), and a CostModel says how
// many prompt tokens that allows. This changes the size of chunks, never ids.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/batch.h"
#include "core/error.h"
#include "scheduler/block_manager.h"
#include "scheduler/cost_model.h"
#include "scheduler/generation_state.h"
#include "scheduler/waiting_line.h"

namespace weft {

struct SchedulerLimits {
  int32_t max_batch_tokens = 512;  // prompt tokens of a step; decodes always go
  int32_t max_sequences = 64;      // running at once
  // Seconds between two tokens of a running request that prompt chunks may stretch a step to; a
  // prompt waits while decodes alone take longer.
  // 0: a step with a chunk may take up to 1.45 times the same step without it (down to 1.37 where
  // steps scatter, so that 99 of 100 stay below 1.5), and has at least one prompt token. The chunk
  // then has 0.37 / 1.37 = 27 % of the time or more, so that a prompt keeps more than a quarter of
  // the rate it has alone.
  double max_inter_token_seconds = 0;
  double ageing_seconds = 5;  // waiting that outweighs one level of priority

  // The tokens of the largest step.
  int32_t max_step_tokens() const { return max_batch_tokens + max_sequences; }
  // Fails with kInvalidArgument, naming the field, its value and its range.
  Result<void> validate() const;
};

// One step. Valid until the next call of the scheduler.
struct StepPlan {
  std::span<const SequenceStep> steps;       // decodes first, then chunks, each in their order
  std::span<GenerationState* const> states;  // [steps] whose each is
  std::span<const BlockCopy> copies;         // to be done before the step, in this order
  int32_t num_decodes = 0;                   // the first so many steps
  StepShape shape;

  bool empty() const { return steps.empty(); }
  int32_t num_tokens() const { return shape.decodes + shape.prompt_tokens; }
};

class StepScheduler {
 public:
  // `limits` are valid. `blocks` outlives the scheduler.
  StepScheduler(const SchedulerLimits& limits, BlockManager& blocks);

  // Takes a state that has ids (its prompt, or more) and computed none of them. Fails with
  // kContextOverflow where prompt + max_tokens can never fit the pool, with the numbers, or with
  // kInvalidArgument. Otherwise the state stays where it is, and its ids change only by one
  // appended after each step that gave it logits, until remove(). One with max_tokens 0 is removed
  // after the step that computed the last of its prompt. `now` in seconds of any epoch;
  // here and in next(), a time before an earlier one counts as that one.
  Result<void> add(GenerationState& state, double now);
  // A further sample of the leader's request: the same prompt, and a first token of its own (drawn
  // from the leader's logits of the prompt's end), appended before next(). It shares the leader's
  // prompt and runs at once; where the leader is not running, has not computed its prompt or the
  // places are taken (see num_forks), it waits as any other. Fails as add() does.
  Result<void> add_fork(GenerationState& state, GenerationState& leader, double now);
  // Takes a state out. Its blocks go back in this call; the full computed ones stay cached. Any
  // time but between next() and complete().
  void remove(GenerationState& state);
  // A paused request keeps its blocks and is left out of steps.
  void set_paused(GenerationState& state, bool paused);
  // Rolls a state back to its first `num_ids` ids, at least its prompt. The last of them is
  // computed again if the state goes on.
  void truncate(GenerationState& state, int64_t num_ids);

  // The next step. Blocks of everything in it are reserved.
  StepPlan next(double now);
  // The step after the one under way, of which `drawing`[k] says whose id its draw k gives: every
  // state of the step, null where it has ended meanwhile. Empty where the next step needs to know
  // more: something may be admitted, computes a prompt, is not in the step under way or would be
  // preempted.
  StepPlan next_ahead(std::span<GenerationState* const> drawing);
  // The step ran: num_computed was advanced and new ids were appended by the caller. The computed
  // blocks of prompts are put in the prefix cache (those of generated ids when they go back), and
  // the cost model learns, but from a step of which a part was dropped (`seconds` 0). If the step
  // failed, remove() of every state follows instead.
  void complete(const StepPlan& plan, double seconds);

  struct Counts {
    int32_t waiting = 0, running = 0, paused = 0;  // now; the paused are among the other two
    uint64_t steps = 0, preemptions = 0;
    // Tokens computed as prompts (what is computed again after a preemption too), given by the
    // prefix cache, and decoded.
    uint64_t prompt_tokens = 0, cached_tokens = 0, decoded_tokens = 0;
  };
  const Counts& counts() const { return counts_; }
  const CostModel& costs() const { return costs_; }

 private:
  // A head of the waiting that could not be admitted, and when trying again may help.
  struct Blocked {
    uint64_t arrival = 0;
    int32_t num_available = 0;
    uint64_t publications = 0;
  };

  Result<void> enrol(GenerationState& state, double now);
  int64_t most_blocks(const GenerationState& state) const;

  void start_waiting(GenerationState& state);
  int64_t num_places() const;
  bool may_fit(const GenerationState& state) const;
  bool admit(GenerationState& state);
  void start_running(GenerationState& state);

  void clear_plan();
  StepPlan plan() const;
  bool plan_ahead(std::span<GenerationState* const> drawing);
  int64_t plan_decodes();
  void secure(GenerationState& state);
  void plan_prompts();
  int32_t chunk_allowed(const GenerationState& state, int32_t most, double seconds) const;
  double seconds_allowed() const;
  void append_step(GenerationState& state, int32_t num_tokens);

  GenerationState* victim() const;
  void preempt(GenerationState& state);
  void give_back(GenerationState& state);

  SchedulerLimits limits_;
  BlockManager& blocks_;
  CostModel costs_;
  Counts counts_;
  double now_ = -std::numeric_limits<double>::infinity();
  uint64_t next_arrival_ = 1;
  uint64_t publications_ = 0;
  Blocked blocked_;

  WaitingLine waiting_;  // what waits and is not paused
  // The last is preempted first: by priority, then by arrival.
  std::vector<GenerationState*> running_;
  // The step under way.
  std::vector<SequenceStep> steps_;
  std::vector<GenerationState*> states_;
  std::vector<BlockCopy> copies_;
  std::vector<GenerationState*> prefilling_;  // running, unpaused, by order
  StepShape shape_;
};

}  // namespace weft
