// Random schedules of everything that can happen to a scheduler, against what must hold whatever
// happens: the promises of step_scheduler.h, checked around every operation from the outside.
#include <algorithm>
#include <deque>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "scheduler/step_scheduler.h"
#include "tests/scheduler/simulated_runner.h"

namespace weft {
namespace {

using test::SimulatedRunner;
using Place = GenerationState::Place;

struct Request {
  GenerationState state;
  uint64_t seed = 0;            // of its sampler
  std::vector<int32_t> solo;    // the ids it must come to
  std::vector<int> logits;      // [num_prompt] how often each position's were given
  std::vector<Request*> forks;  // to be added when its prompt is computed
  bool wants_prompt_logits = false;
  bool cut_to_prompt = false;  // and so was asked for the prompt's last logits again
};

class Schedule {
 public:
  explicit Schedule(uint32_t seed) : random_(seed), limits_(random_limits()), blocks_(pool()) {}

  // Empty if all went well.
  std::string run() {
    const int num_operations = 20 + below(60);
    for (int i = 0; i < num_operations && wrong_.empty(); ++i) {
      operate();
      check_books();
    }
    finish();
    return wrong_;
  }
  uint64_t num_steps() const { return scheduler_.counts().steps; }
  uint64_t num_preemptions() const { return scheduler_.counts().preemptions; }
  uint64_t num_cached() const { return scheduler_.counts().cached_tokens; }
  uint64_t num_copies() const { return num_copies_; }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }

  SchedulerLimits random_limits() {
    static constexpr int32_t kBudgets[] = {1, 2, 3, 7, 16, 33, 64, 512};
    static constexpr double kPaces[] = {0, 0, 0.004, 0.05};
    return {.max_batch_tokens = kBudgets[below(8)],
            .max_sequences = 1 + below(12),
            .max_inter_token_seconds = kPaces[below(4)],
            .ageing_seconds = chance(50) ? 0.05 : 5};
  }
  BlockManagerOptions pool() {
    static constexpr int32_t kBlockSizes[] = {8, 16, 32};
    return {.num_blocks = 2 + below(chance(80) ? 14 : 60),
            .block_size = kBlockSizes[below(3)],
            .prefix_cache = chance(75)};
  }

  // --- Operations ---------------------------------------------------------------------------
  void operate() {
    const int kind = below(100);
    if (kind < 22) return add();
    if (kind < 80) return step();
    Request* const request = any();
    if (!request) return;
    if (kind < 84) return remove(*request);
    if (kind < 94) {
      return scheduler_.set_paused(request->state, !request->state.paused && chance(60));
    }
    const GenerationState& state = request->state;
    if (state.num_generated() > 0 && request->forks.empty()) {
      const int64_t kept = below(static_cast<int>(state.num_generated()) + 1);
      request->cut_to_prompt |= kept == 0;
      scheduler_.truncate(request->state, state.num_prompt + kept);
    }
  }

  Request* any() { return live_.empty() ? nullptr : live_[random_() % live_.size()]; }

  void add() {
    Request& request = make(random_prompt());
    GenerationState& state = request.state;
    const int64_t capacity = int64_t{blocks_.capacity()} * blocks_.block_size();
    const bool fits = state.num_prompt + state.limits.max_tokens <= capacity;
    if (chance(15)) {
      const int num_forks = 1 + below(3);
      for (int i = 0; i < num_forks; ++i) {
        Request& fork = make({state.sequence.ids, state.limits.max_tokens, state.cache_salt});
        fork.wants_prompt_logits = false;  // its leader's are its own
        fork.state.priority = state.priority;
        request.forks.push_back(&fork);
      }
      if (chance(70)) state.num_forks = std::min(num_forks, limits_.max_sequences - 1);
    }
    const auto added = scheduler_.add(state, now_);
    if (added.has_value() != fits) return fail("refused or taken wrongly");
    if (added) enter(request);
  }

  void enter(Request& request) {
    live_.push_back(&request);
    orders_[&request.state] =
        now_ - limits_.ageing_seconds * static_cast<int>(request.state.priority);
  }

  struct Prompt {
    std::vector<int32_t> ids;
    int32_t max_tokens;
    uint64_t salt;
  };
  // Of few families, so that prefixes are shared; sometimes the next turn of what has ended.
  Prompt random_prompt() {
    Prompt prompt{{}, 1 + below(chance(80) ? 30 : 120), chance(90) ? 0u : 1u};
    if (!ended_.empty() && chance(20)) prompt.ids = ended_[random_() % ended_.size()];
    const int shared = below(70), own = 1 + below(chance(70) ? 10 : 60);
    const int family = below(3);
    for (int i = 0; i < shared && !chance(1); ++i) prompt.ids.push_back(family * 1000 + i);
    for (int i = 0; i < own; ++i) prompt.ids.push_back(below(3));
    return prompt;
  }
  Request& make(const Prompt& prompt) {
    Request& request = requests_.emplace_back();
    GenerationState& state = request.state;
    state.sequence.ids = prompt.ids;
    state.num_prompt = std::ssize(prompt.ids);
    state.limits.max_tokens = prompt.max_tokens;
    state.cache_salt = prompt.salt;
    state.priority = static_cast<Priority>(below(kNumPriorities));
    state.paused = chance(5);
    if (chance(20)) state.publish_limit = below(100);
    request.wants_prompt_logits = chance(20);
    if (request.wants_prompt_logits) state.logits_from = 0;
    request.seed = chance(50) ? 0 : random_();
    request.logits.assign(prompt.ids.size(), 0);
    request.solo = test::solo(prompt.ids, prompt.max_tokens, request.seed, prompt.salt);
    return request;
  }

  void remove(Request& request) {
    const bool held = !request.state.sequence.blocks.blocks.empty();
    const int32_t owned = blocks_.ledger().owned;
    scheduler_.remove(request.state);
    if (!request.state.sequence.blocks.blocks.empty()) fail("removed with blocks");
    if (!held && blocks_.ledger().owned != owned) fail("blocks came from nowhere");
    ended_.push_back(request.state.sequence.ids);
    std::erase(live_, &request);
  }

  // --- A step ---------------------------------------------------------------------------------
  struct Before {
    Place place;
    bool decoding;
    int32_t num_preemptions;
  };

  void step() {
    now_ += 0.001 * below(20);
    std::map<const GenerationState*, Before> before;
    for (const Request* r : live_) {
      before[&r->state] = {r->state.place, r->state.decoding(), r->state.num_preemptions};
    }
    const GenerationState* const oldest = oldest_running(false);
    const GenerationState* const oldest_active = oldest_running(true);
    const StepPlan plan = scheduler_.next(now_);
    check_preemption(before, oldest, oldest_active);
    check_decodes(before, plan);
    check_admission(before, plan);
    check_plan(plan);
    check_books();
    if (!wrong_.empty()) return;

    const std::string wrong = runner_.run(plan);
    if (!wrong.empty()) return fail(wrong);
    num_copies_ += plan.copies.size();
    std::vector<Request*> gave_token;
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      if (plan.steps[i].num_logits > 0) take_logits(plan, i, gave_token);
    }
    if (!plan.empty()) scheduler_.complete(plan, 0.0005 * below(20));
    for (Request* request : gave_token) after_token(*request);
  }

  const GenerationState* oldest_running(bool active) const {
    const GenerationState* oldest = nullptr;
    for (const Request* r : live_) {
      const GenerationState& state = r->state;
      if (state.place != Place::kRunning || (active && state.paused)) continue;
      if (!oldest || state.arrival < oldest->arrival) oldest = &state;
    }
    return oldest;
  }

  void check_preemption(const std::map<const GenerationState*, Before>& before,
                        const GenerationState* oldest, const GenerationState* oldest_active) {
    const auto preempted = [&](const GenerationState* state) {
      return state->num_preemptions > before.at(state).num_preemptions;
    };
    if (oldest_active && preempted(oldest_active)) fail("the oldest active was preempted");
    if (oldest && !oldest->paused && preempted(oldest)) fail("the oldest was preempted");
    // Of two that might have been, the later in the order of victims went first.
    for (const auto& [kept, was] : before) {
      if (was.place != Place::kRunning || preempted(kept)) continue;
      if (kept == oldest || kept == oldest_active) continue;
      for (const auto& [gone, _] : before) {
        if (!preempted(gone)) continue;
        if (gone->priority > kept->priority ||
            (gone->priority == kept->priority && gone->arrival < kept->arrival)) {
          return fail("the wrong one was preempted");
        }
      }
    }
  }

  void check_decodes(const std::map<const GenerationState*, Before>& before, const StepPlan& plan) {
    for (const auto& [state, was] : before) {
      const auto n = std::ranges::count(plan.states, state);
      if (n > 1) return fail("a sequence is twice in a step");
      if (state->paused && n > 0) return fail("a paused request runs");
      const bool due = was.place == Place::kRunning && was.decoding && !state->paused &&
                       state->num_preemptions == was.num_preemptions;
      if (!due) continue;
      const auto at = std::ranges::find(plan.states, state) - plan.states.begin();
      if (n == 0 || plan.steps[at].num_tokens != 1 || at >= plan.num_decodes) {
        return fail("a decode was not advanced by one");
      }
    }
  }

  void check_admission(const std::map<const GenerationState*, Before>& before,
                       const StepPlan& plan) {
    const auto goes_before = [&](const GenerationState* a, const GenerationState* b) {
      const double x = orders_.at(a), y = orders_.at(b);
      return x < y || (x == y && a->arrival < b->arrival);
    };
    const GenerationState* first = nullptr;  // of those that still wait
    for (const Request* r : live_) {
      const GenerationState* state = &r->state;
      if (state->place != Place::kWaiting || state->paused) continue;
      if (!first || goes_before(state, first)) first = state;
    }
    if (!first) return;
    for (const auto& [state, was] : before) {
      const bool admitted =
          state->place == Place::kRunning &&
          (was.place == Place::kWaiting || state->num_preemptions > was.num_preemptions);
      if (admitted && goes_before(first, state)) return fail("a request was overtaken");
    }
    // If nothing but blocks can have kept it out, they did.
    int32_t places = limits_.max_sequences - scheduler_.counts().running;
    for (const Request* r : live_) {
      if (r->state.place == Place::kRunning) places -= r->state.num_forks;
    }
    const int64_t ids = std::ssize(first->sequence.ids);
    const int64_t wanted =
        std::min(blocks_.blocks_for(ids) + 1,
                 blocks_.blocks_for(first->num_prompt + first->limits.max_tokens));
    if (places >= 1 + first->num_forks && plan.num_decodes == 0 &&
        plan.shape.prompt_tokens < limits_.max_batch_tokens && wanted <= blocks_.num_available()) {
      fail("a request that fits was left waiting");
    }
  }

  void check_plan(const StepPlan& plan) {
    const bool all_paused =
        std::ranges::all_of(live_, [](const Request* r) { return r->state.paused; });
    if (plan.empty() != all_paused) return fail("nothing runs, or something that is paused");
    if (plan.shape.prompt_tokens > limits_.max_batch_tokens) return fail("budget exceeded");
    if (plan.num_tokens() > limits_.max_step_tokens()) return fail("step too large");
    const bool prefilling = std::ranges::any_of(live_, [](const Request* r) {
      return r->state.place == Place::kRunning && !r->state.paused && !r->state.decoding();
    });
    const bool must_move = limits_.max_inter_token_seconds == 0 || plan.num_decodes == 0;
    if (prefilling && must_move && plan.shape.prompt_tokens == 0) return fail("no prompt moves");
    int32_t num_tokens = 0;
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      const SequenceStep& s = plan.steps[i];
      num_tokens += s.num_tokens;
      const int64_t end = s.sequence->num_computed + s.num_tokens;
      for (int64_t p = s.sequence->num_computed; p < end; ++p) {
        if (blocks_.is_shared(s.sequence->blocks, p)) return fail("a shared block is written");
      }
      if ((end == std::ssize(s.sequence->ids)) != (s.num_logits > 0) &&
          plan.states[i]->logits_from == GenerationState::kLastOnly) {
        return fail("logits of the last id alone are wanted");
      }
    }
    if (num_tokens != plan.num_tokens()) return fail("the plan's sum is wrong");
    int waiting = 0, running = 0, paused = 0;
    for (const Request* r : live_) {
      waiting += r->state.place == Place::kWaiting;
      running += r->state.place == Place::kRunning;
      paused += r->state.paused;
    }
    const auto& counts = scheduler_.counts();
    if (counts.waiting != waiting || counts.running != running || counts.paused != paused) {
      fail("the counts are wrong");
    }
    if (running > limits_.max_sequences) fail("too many run");
  }

  void take_logits(const StepPlan& plan, size_t i, std::vector<Request*>& gave_token) {
    GenerationState& state = *plan.states[i];
    Request& request = **std::ranges::find(live_, &state, [](Request* r) { return &r->state; });
    const int64_t end = state.sequence.num_computed;
    for (int64_t p = end - plan.steps[i].num_logits; p < std::min(end, state.num_prompt); ++p) {
      ++request.logits[p];
    }
    if (end < std::ssize(state.sequence.ids)) return;
    state.sequence.ids.push_back(test::next_id(runner_.hash_of(i), request.seed));
    gave_token.push_back(&request);
    if (!request.forks.empty()) {
      for (Request* fork : request.forks) {
        fork_tokens_.push_back({fork, test::next_id(runner_.hash_of(i), fork->seed)});
      }
    }
  }

  void after_token(Request& request) {
    GenerationState& state = request.state;
    const auto n = state.sequence.ids.size();
    if (n > request.solo.size() ||
        !std::equal(state.sequence.ids.begin(), state.sequence.ids.end(), request.solo.begin())) {
      return fail("ids other than those of its own solo run");
    }
    const auto forks = std::exchange(request.forks, {});
    const bool places_kept =
        !forks.empty() && std::exchange(state.num_forks, 0) == std::ssize(forks);
    for (const auto& [fork, id] : fork_tokens_) {
      if (std::ranges::find(forks, fork) == forks.end()) continue;
      const bool at_once = chance(50);  // appended before or after the fork is added
      if (at_once) fork->state.sequence.ids.push_back(id);
      const auto added = scheduler_.add_fork(fork->state, state, now_);
      if (!added) return fail("a fork was refused: " + added.error().message);
      if (places_kept && fork->state.place != Place::kRunning) return fail("a fork had to wait");
      if (!at_once) fork->state.sequence.ids.push_back(id);
      enter(*fork);
    }
    std::erase_if(fork_tokens_, [&](const auto& token) {
      return std::ranges::find(forks, token.first) != forks.end();
    });
    for (Request* fork : forks) after_token(*fork);
    if (state.num_generated() < state.limits.max_tokens) return;
    if (state.sequence.ids != request.solo) return fail("it ended otherwise than alone");
    check_logits(request);
    remove(request);
  }

  void check_logits(const Request& request) {
    const auto last = std::ssize(request.logits) - 1;
    for (int64_t p = 0; p < last; ++p) {
      if (request.logits[p] != request.wants_prompt_logits) {
        return fail("prompt logits were not given once");
      }
    }
    if (request.logits[last] > 1 && !request.cut_to_prompt) fail("the last logits came twice");
  }

  // --- Always ---------------------------------------------------------------------------------
  void check_books() {
    std::vector<const BlockTable*> tables;
    for (const Request* r : live_) tables.push_back(&r->state.sequence.blocks);
    blocks_.check_invariants(tables);
    const auto ledger = blocks_.ledger();
    if (ledger.capacity != ledger.free + ledger.cached + ledger.owned) fail("the ledger is wrong");
    for (const Request* r : live_) {
      const bool holds = !r->state.sequence.blocks.blocks.empty();
      if (holds != (r->state.place == Place::kRunning)) return fail("blocks in the wrong place");
    }
  }

  // Nothing comes any more and everybody reads: everything finishes, within a bound.
  void finish() {
    if (!wrong_.empty()) return;
    int64_t bound = 100;
    for (Request& r : requests_) {
      if (r.state.place != Place::kNowhere) scheduler_.set_paused(r.state, false);
      r.state.paused = false;
      bound += 4 * std::ssize(r.solo);
    }
    while (!live_.empty() && wrong_.empty()) {
      step();
      if (--bound < 0) fail("not finished in time");
    }
    if (!wrong_.empty()) return;
    check_books();
    if (blocks_.ledger().owned != 0) fail("blocks are left");
    if (!scheduler_.next(now_).empty()) fail("something is left");
  }

  void fail(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }

  std::mt19937 random_;
  SchedulerLimits limits_;
  BlockManager blocks_;
  StepScheduler scheduler_{limits_, blocks_};
  SimulatedRunner runner_{blocks_};
  double now_ = 0;
  std::deque<Request> requests_;
  std::vector<Request*> live_;  // added and not removed
  // When each came, less what its priority is worth.
  std::map<const GenerationState*, double> orders_;
  std::vector<std::vector<int32_t>> ended_;
  std::vector<std::pair<Request*, int32_t>> fork_tokens_;
  uint64_t num_copies_ = 0;
  std::string wrong_;
};

void run_schedules(uint32_t first, uint32_t count) {
  uint64_t steps = 0, preemptions = 0, cached = 0, copies = 0;
  for (uint32_t seed = first; seed < first + count; ++seed) {
    Schedule schedule(seed);
    ASSERT_EQ(schedule.run(), "") << "schedule " << seed;
    steps += schedule.num_steps();
    preemptions += schedule.num_preemptions();
    cached += schedule.num_cached();
    copies += schedule.num_copies();
  }
  // That nothing went wrong means something only if all of it happened.
  EXPECT_GT(preemptions, count / 10);
  EXPECT_GT(cached, count);
  EXPECT_GT(copies, count / 50);
  std::cout << count << " schedules: " << steps << " steps, " << preemptions << " preemptions, "
            << cached << " cached tokens, " << copies << " blocks copied\n";
}

TEST(StepSchedulerModel, RandomSchedulesKeepEveryPromise) { run_schedules(1, 2000); }
TEST(SlowStepSchedulerModel, ManyRandomSchedulesKeepEveryPromise) {
  run_schedules(1000000, 100000);
}

}  // namespace
}  // namespace weft
