#include "scheduler/step_scheduler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/check.h"

namespace weft {
namespace {

using Place = GenerationState::Place;

// Of sequences, and of prompt tokens: a step's arrays stay far below 2^31 elements.
constexpr int32_t kMost = 1 << 20;
// How much longer than the same step without it a step with a chunk may take, so that 99 of 100
// stay within 1.5 times: less where times scatter, 2.33 deviations being what one of 100 exceeds.
// The deviation is an estimate too, which kLongest leaves a little for. Never less than leaves the
// chunk (kLeastStretch - 1) / kLeastStretch = 27 % of the time, and so a prompt, in whole tokens,
// a quarter of the rate it has alone.
constexpr double kLongest = 1.47;
constexpr double kMostStretch = 1.45;
constexpr double kLeastStretch = 1.37;
double stretch(double spread) {
  return std::clamp(kLongest / (1 + 2.33 * spread), kLeastStretch, kMostStretch);
}
// Of a bound in seconds: the estimate is a mean, a tenth is kept for what a step takes above it.
constexpr double kShareOfBound = 0.9;

bool preempted_after(const GenerationState* a, const GenerationState* b) {
  return a->priority > b->priority || (a->priority == b->priority && a->arrival < b->arrival);
}

// The first position whose logits a step must give if it computes it. Nothing is drawn after a
// prompt that is only computed.
int64_t first_with_logits(const GenerationState& state) {
  if (state.limits.max_tokens == 0) return std::ssize(state.sequence.ids);
  return std::min(state.logits_from, std::ssize(state.sequence.ids) - 1);
}

// The first position that must be computed, whatever the prefix cache holds.
int64_t first_wanted(const GenerationState& state) {
  return std::min(
      {first_with_logits(state), state.hidden_from, std::ssize(state.sequence.ids) - 1});
}

// How many of the positions from `begin` to `end` are not before `from`.
int32_t num_from(int64_t from, int64_t begin, int64_t end) {
  return static_cast<int32_t>(std::max<int64_t>(end - std::max(begin, from), 0));
}

tl::unexpected<Error> out_of_range(const char* field, const std::string& found,
                                   const char* wanted) {
  return fail(ErrorCode::kInvalidArgument,
              std::string(field) + ": " + found + ", expected " + wanted);
}

}  // namespace

Result<void> SchedulerLimits::validate() const {
  if (max_batch_tokens < 1 || max_batch_tokens > kMost) {
    return out_of_range("max_batch_tokens", std::to_string(max_batch_tokens), "1 … 1048576");
  }
  if (max_sequences < 1 || max_sequences > kMost) {
    return out_of_range("max_sequences", std::to_string(max_sequences), "1 … 1048576");
  }
  if (!(max_inter_token_seconds >= 0) || !std::isfinite(max_inter_token_seconds)) {
    return out_of_range("max_inter_token_seconds", std::to_string(max_inter_token_seconds),
                        "a finite number of at least 0");
  }
  if (!(ageing_seconds >= 0) || !std::isfinite(ageing_seconds)) {
    return out_of_range("ageing_seconds", std::to_string(ageing_seconds),
                        "a finite number of at least 0");
  }
  return {};
}

StepScheduler::StepScheduler(const SchedulerLimits& limits, BlockManager& blocks)
    : limits_(limits), blocks_(blocks) {
  const auto valid = limits.validate();
  WEFT_CHECK(valid, valid.error().message);
  const auto n = static_cast<size_t>(limits.max_sequences);
  running_.reserve(n);
  steps_.reserve(n);
  states_.reserve(n);
  copies_.reserve(n);
  prefilling_.reserve(n);
}

// --- Coming and going -----------------------------------------------------------------------

Result<void> StepScheduler::enrol(GenerationState& state, double now) {
  WEFT_CHECK(state.place == Place::kNowhere && state.sequence.blocks.blocks.empty() &&
                 state.sequence.num_computed == 0,
             "a state of " + std::to_string(state.sequence.blocks.blocks.size()) + " blocks, " +
                 std::to_string(state.sequence.num_computed) + " tokens computed, was added");
  if (state.num_prompt < 1 || state.num_generated() < 0) {
    return out_of_range("num_prompt", std::to_string(state.num_prompt), "1 to the number of ids");
  }
  if (state.num_forks < 0 || state.num_forks >= limits_.max_sequences) {
    return out_of_range("num_forks", std::to_string(state.num_forks), "0 to max_sequences - 1");
  }
  if (state.limits.max_tokens < 0) {
    return out_of_range("max_tokens", std::to_string(state.limits.max_tokens), "at least 0");
  }
  const int64_t wanted = state.num_prompt + state.limits.max_tokens;
  const int64_t capacity = int64_t{blocks_.capacity()} * blocks_.block_size();
  if (wanted > capacity) {
    return fail(ErrorCode::kContextOverflow,
                "prompt of " + std::to_string(state.num_prompt) + " tokens + max_tokens " +
                    std::to_string(state.limits.max_tokens) + " = " + std::to_string(wanted) +
                    ", the KV pool holds " + std::to_string(capacity) + " (" +
                    std::to_string(blocks_.capacity()) + " blocks of " +
                    std::to_string(blocks_.block_size()) + ")");
  }
  now_ = std::max(now_, now);
  state.arrival = next_arrival_++;
  state.order = now_ - limits_.ageing_seconds * static_cast<double>(state.priority);
  state.num_preemptions = 0;
  state.num_cached = 0;
  state.tail_may_be_shared = false;
  state.sequence.ids.reserve(static_cast<size_t>(wanted));
  state.sequence.blocks.blocks.reserve(static_cast<size_t>(most_blocks(state)));
  counts_.paused += state.paused;
  return {};
}

Result<void> StepScheduler::add(GenerationState& state, double now) {
  WEFT_TRY(enrol(state, now));
  start_waiting(state);
  return {};
}

Result<void> StepScheduler::add_fork(GenerationState& state, GenerationState& leader, double now) {
  WEFT_TRY(enrol(state, now));
  state.logits_from = GenerationState::kLastOnly;  // the leader's serve for all
  const int64_t shared = leader.num_prompt;
  if (leader.place != Place::kRunning || leader.sequence.num_computed < shared ||
      num_places() < 1) {
    start_waiting(state);
    return {};
  }
  BlockTable& table = state.sequence.blocks;
  const size_t most = table.blocks.capacity();
  table = blocks_.fork(leader.sequence.blocks, shared);
  table.blocks.reserve(most);
  state.sequence.num_computed = shared;
  state.num_cached = shared;
  // Whoever of those that share the last block goes on first gets a copy of it.
  state.tail_may_be_shared = true;
  leader.tail_may_be_shared = true;
  start_running(state);
  return {};
}

void StepScheduler::remove(GenerationState& state) {
  WEFT_CHECK(state.place != Place::kNowhere, "a state that was not added was removed");
  if (state.place == Place::kWaiting) {
    if (!state.paused) waiting_.remove(state);
    --counts_.waiting;
  } else {
    give_back(state);
  }
  counts_.paused -= state.paused;
  state.place = Place::kNowhere;
}

void StepScheduler::set_paused(GenerationState& state, bool paused) {
  if (state.paused == paused) return;
  if (state.place == Place::kNowhere) {
    state.paused = paused;
    return;
  }
  counts_.paused += paused ? 1 : -1;
  if (state.place == Place::kWaiting && paused) waiting_.remove(state);
  state.paused = paused;
  if (state.place == Place::kWaiting && !paused) waiting_.insert(state);
}

void StepScheduler::truncate(GenerationState& state, int64_t num_ids) {
  Sequence& sequence = state.sequence;
  WEFT_CHECK(num_ids >= state.num_prompt && num_ids <= std::ssize(sequence.ids),
             "truncated to " + std::to_string(num_ids) + " of " +
                 std::to_string(sequence.ids.size()) + " ids, a prompt of " +
                 std::to_string(state.num_prompt));
  sequence.ids.resize(static_cast<size_t>(num_ids));
  if (state.place != Place::kRunning) return;
  blocks_.truncate(sequence.blocks, num_ids);
  sequence.num_computed = std::min(sequence.num_computed, num_ids - 1);
  state.tail_may_be_shared = true;
}

// prompt + max_tokens fit the pool, so this is never more than there are.
int64_t StepScheduler::most_blocks(const GenerationState& state) const {
  return blocks_.blocks_for(state.num_prompt + state.limits.max_tokens);
}

// --- Waiting --------------------------------------------------------------------------------

void StepScheduler::start_waiting(GenerationState& state) {
  state.place = Place::kWaiting;
  ++counts_.waiting;
  if (!state.paused) waiting_.insert(state);
}

// Places among the running that nobody has and no fork to come needs.
int64_t StepScheduler::num_places() const {
  int64_t places = limits_.max_sequences - std::ssize(running_);
  for (const GenerationState* state : running_) places -= state->num_forks;
  return places;
}

// Looking up a long prompt costs time, so a request that did not fit is tried again only when
// there is more room or more to share.
bool StepScheduler::may_fit(const GenerationState& state) const {
  if (num_places() < 1 + state.num_forks) return false;
  return blocked_.arrival != state.arrival || blocked_.publications != publications_ ||
         blocks_.num_available() > blocked_.num_available;
}

bool StepScheduler::admit(GenerationState& state) {
  if (!may_fit(state)) return false;
  Sequence& sequence = state.sequence;
  const int64_t num_ids = std::ssize(sequence.ids);
  // A match leaves its last id to be computed: here the first one of which something is wanted.
  const int64_t to_match = first_wanted(state) + 1;
  const int64_t num_cached =
      blocks_.match_prefix(std::span(sequence.ids).first(static_cast<size_t>(to_match)),
                           state.cache_salt, sequence.blocks);
  const int64_t wanted = std::min(blocks_.blocks_for(num_ids) + 1, most_blocks(state)) -
                         std::ssize(sequence.blocks.blocks);
  if (wanted > blocks_.num_available()) {
    blocks_.release(sequence.blocks);
    blocked_ = {state.arrival, blocks_.num_available(), publications_};
    return false;
  }
  const auto reserved = blocks_.reserve(sequence.blocks, num_ids);
  WEFT_CHECK(reserved, reserved.error().message);
  sequence.num_computed = num_cached;
  state.num_cached = num_cached;
  counts_.cached_tokens += static_cast<uint64_t>(num_cached);
  waiting_.remove(state);
  --counts_.waiting;
  start_running(state);
  return true;
}

// --- Running --------------------------------------------------------------------------------

void StepScheduler::start_running(GenerationState& state) {
  state.place = Place::kRunning;
  running_.insert(std::ranges::upper_bound(running_, &state, preempted_after), &state);
  ++counts_.running;
}

void StepScheduler::give_back(GenerationState& state) {
  Sequence& sequence = state.sequence;
  blocks_.publish(sequence.blocks, sequence.ids,
                  std::min(sequence.num_computed, state.publish_limit));
  ++publications_;
  blocks_.release(sequence.blocks);
  sequence.num_computed = 0;
  state.tail_may_be_shared = false;
  running_.erase(std::ranges::find(running_, &state));
  --counts_.running;
}

void StepScheduler::preempt(GenerationState& state) {
  give_back(state);
  ++state.num_preemptions;
  ++counts_.preemptions;
  start_waiting(state);
}

// The youngest of the lowest priority, but neither the oldest nor the oldest that is not paused.
// With these two alone left, the oldest gives way if it is the paused one. Null: nobody can.
GenerationState* StepScheduler::victim() const {
  GenerationState* oldest = nullptr;
  GenerationState* oldest_active = nullptr;
  for (GenerationState* state : running_) {
    if (!oldest || state->arrival < oldest->arrival) oldest = state;
    if (!state->paused && (!oldest_active || state->arrival < oldest_active->arrival)) {
      oldest_active = state;
    }
  }
  for (auto it = running_.rbegin(); it != running_.rend(); ++it) {
    if (*it != oldest && *it != oldest_active) return *it;
  }
  return oldest != oldest_active ? oldest : nullptr;
}

// --- A step ---------------------------------------------------------------------------------

StepPlan StepScheduler::next(double now) {
  now_ = std::max(now_, now);
  while (plan_decodes() > blocks_.num_available()) {
    GenerationState* const state = victim();
    if (!state) break;  // one is left, and fits
    preempt(*state);
  }
  for (GenerationState* state : states_) secure(*state);
  for (GenerationState* state : prefilling_) secure(*state);
  plan_prompts();
  // Nothing can run, but something would: paused requests are in its way.
  while (steps_.empty() && waiting_.first()) {
    GenerationState* const state = victim();
    WEFT_CHECK(state, "a request was not admitted to an empty pool");
    preempt(*state);
    plan_prompts();
  }
  return plan();
}

StepPlan StepScheduler::plan() const {
  return {.steps = steps_,
          .states = states_,
          .copies = copies_,
          .num_decodes = shape_.decodes,
          .shape = shape_};
}

void StepScheduler::clear_plan() {
  steps_.clear();
  states_.clear();
  copies_.clear();
  prefilling_.clear();
  shape_ = {};
}

StepPlan StepScheduler::next_ahead(std::span<GenerationState* const> drawing) {
  clear_plan();
  if (!plan_ahead(drawing)) clear_plan();
  return plan();
}

bool StepScheduler::plan_ahead(std::span<GenerationState* const> drawing) {
  const GenerationState* const head = waiting_.first();
  if (head && may_fit(*head)) return false;
  int64_t num_blocks = 0;
  std::ptrdiff_t num_in_step = 0;
  for (size_t k = 0; k < drawing.size(); ++k) {
    GenerationState* const state = drawing[k];
    if (!state || state->paused) continue;
    ++num_in_step;
    if (!state->decoding() || state->tail_may_be_shared) return false;
    if (state->num_generated() + 1 >= state->limits.max_tokens) {
      if (head) return false;  // which may have its place
      continue;
    }
    const SequenceStep step{.sequence = &state->sequence,
                            .num_tokens = 1,
                            .num_logits = 1,
                            .from_draw = static_cast<int32_t>(k)};
    num_blocks += std::max<int64_t>(
        blocks_.blocks_for(step.end()) - std::ssize(step.sequence->blocks.blocks), 0);
    shape_.add_decode(step.begin());
    steps_.push_back(step);
    states_.push_back(state);
  }
  const auto active = std::ranges::count_if(running_, [](const auto* s) { return !s->paused; });
  if (num_in_step != active || num_blocks > blocks_.num_available()) return false;
  for (const SequenceStep& step : steps_) {
    const auto reserved = blocks_.reserve(step.sequence->blocks, step.end());
    WEFT_CHECK(reserved, reserved.error().message);
  }
  return true;
}

// Starts the step: puts the decodes in it and the prefills aside. Returns the blocks that all of
// them need.
int64_t StepScheduler::plan_decodes() {
  clear_plan();
  int64_t num_blocks = 0;
  for (GenerationState* state : running_) {
    if (state->paused) continue;
    const Sequence& sequence = state->sequence;
    const int64_t num_ids = std::ssize(sequence.ids);
    if (num_ids > std::ssize(sequence.blocks.blocks) * blocks_.block_size()) {
      num_blocks += blocks_.blocks_for(num_ids) - std::ssize(sequence.blocks.blocks);
    }
    if (state->tail_may_be_shared) {
      num_blocks += blocks_.is_shared(sequence.blocks, sequence.num_computed);
    }
    if (!state->decoding()) {
      prefilling_.push_back(state);
      continue;
    }
    WEFT_CHECK(state->num_generated() < state->limits.max_tokens,
               "a state goes on after its " + std::to_string(state->limits.max_tokens) + " tokens");
    shape_.add_decode(sequence.num_computed);
    append_step(*state, 1);
  }
  return num_blocks;
}

// Makes a running state's blocks enough for its ids, and the one it goes on in its own to write.
void StepScheduler::secure(GenerationState& state) {
  Sequence& sequence = state.sequence;
  const auto reserved = blocks_.reserve(sequence.blocks, std::ssize(sequence.ids));
  WEFT_CHECK(reserved, reserved.error().message);
  if (!state.tail_may_be_shared) return;
  const auto copy = blocks_.make_writable(sequence.blocks, sequence.num_computed);
  WEFT_CHECK(copy, copy.error().message);
  if (*copy) copies_.push_back(**copy);
  state.tail_may_be_shared = false;
}

// Hands out the token budget: running prefills and the waiting alike by order. The first that
// cannot be admitted ends admission, not the chunks of those that run.
void StepScheduler::plan_prompts() {
  if (prefilling_.empty() && !waiting_.first()) return;
  std::ranges::sort(prefilling_, [](const auto* a, const auto* b) { return goes_before(*a, *b); });
  const double seconds = seconds_allowed();
  int32_t budget = limits_.max_batch_tokens;
  bool admitting = true;
  size_t next_prefilling = 0;
  while (budget > 0) {
    GenerationState* state =
        next_prefilling < prefilling_.size() ? prefilling_[next_prefilling] : nullptr;
    GenerationState* const head = admitting ? waiting_.first() : nullptr;
    if (head && (!state || goes_before(*head, *state))) {
      admitting = admit(*head);
      if (!admitting) continue;
      state = head;
    } else if (state) {
      ++next_prefilling;
    } else {
      return;
    }
    const auto most = static_cast<int32_t>(std::min<int64_t>(budget, state->num_to_compute()));
    const int32_t num_tokens = chunk_allowed(*state, most, seconds);
    if (num_tokens > 0) {
      shape_.add_prompt(state->sequence.num_computed, num_tokens);
      append_step(*state, num_tokens);
    }
    if (num_tokens < most) return;  // the pace allows no more
    budget -= num_tokens;
  }
}

// What a step with the decodes planned so far may take.
double StepScheduler::seconds_allowed() const {
  if (shape_.decodes == 0) return std::numeric_limits<double>::infinity();
  if (limits_.max_inter_token_seconds > 0) return kShareOfBound * limits_.max_inter_token_seconds;
  return stretch(costs_.spread()) * costs_.estimate(shape_);
}

int32_t StepScheduler::chunk_allowed(const GenerationState& state, int32_t most,
                                     double seconds) const {
  if (shape_.decodes == 0) return most;
  if (!costs_.calibrated()) {
    return std::min(most, CostModel::kFewPromptTokens - shape_.prompt_tokens);
  }
  const int32_t allowed = costs_.chunk_within(shape_, state.sequence.num_computed, seconds, most);
  const bool one_at_least = limits_.max_inter_token_seconds == 0 && shape_.prompt_tokens == 0;
  return std::max<int32_t>(allowed, one_at_least);
}

void StepScheduler::append_step(GenerationState& state, int32_t num_tokens) {
  Sequence& sequence = state.sequence;
  const int64_t end = sequence.num_computed + num_tokens;
  steps_.push_back({.sequence = &sequence,
                    .num_tokens = num_tokens,
                    .num_logits = num_from(first_with_logits(state), sequence.num_computed, end),
                    .num_hidden = num_from(state.hidden_from, sequence.num_computed, end)});
  states_.push_back(&state);
}

void StepScheduler::complete(const StepPlan& plan, double seconds) {
  for (size_t i = static_cast<size_t>(plan.num_decodes); i < plan.states.size(); ++i) {
    GenerationState& state = *plan.states[i];
    Sequence& sequence = state.sequence;
    const int64_t in_prompt = std::min(sequence.num_computed, state.num_prompt);
    blocks_.publish(sequence.blocks, sequence.ids, std::min(in_prompt, state.publish_limit));
    ++publications_;
    if (state.logits_from <= in_prompt) {
      state.logits_from = in_prompt < state.num_prompt ? in_prompt : GenerationState::kLastOnly;
    }
    if (state.hidden_from <= in_prompt) {
      state.hidden_from = in_prompt < state.num_prompt ? in_prompt : GenerationState::kNone;
    }
  }
  if (seconds > 0) costs_.observe(plan.shape, seconds);
  ++counts_.steps;
  counts_.decoded_tokens += static_cast<uint64_t>(plan.shape.decodes);
  counts_.prompt_tokens += static_cast<uint64_t>(plan.shape.prompt_tokens);
}

}  // namespace weft
