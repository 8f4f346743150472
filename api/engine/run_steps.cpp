// StepLoop's steps: from a plan to tokens that are handed over. How steps overlap is said in
// step_loop.h.
#include <tuple>
#include <utility>

#include "api/engine/step_loop.h"
#include "api/engine/step_under_way.h"
#include "api/step_trace.h"
#include "core/check.h"

namespace weft::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

bool StepLoop::run_step() {
  StepUnderWay* step = std::exchange(begun_, nullptr);
  if (!step) {
    step = steps_.front().get();
    step->begun_at = Clock::now();
    const StepPlan plan = scheduler_.next(seconds_of(step->begun_at.time_since_epoch()));
    if (plan.empty()) {
      publish_stats();
      return false;
    }
    if (!begin(plan, *step)) return true;
    draw_at_once_ = false;
  }
  if (step->sink.is_open()) begin_ahead(*step);
  finish(*step);
  return true;
}

// Leaves the step drawn later, or done. False: it failed, and so did everything.
bool StepLoop::begin(const StepPlan& plan, StepUnderWay& step) {
  step.steps.assign(plan.steps.begin(), plan.steps.end());
  step.num_decodes = plan.num_decodes;
  step.shape = plan.shape;
  step.jobs.clear();
  step.begins.clear();
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    step.begins.push_back(plan.steps[i].begin());
    const std::shared_ptr<Job>& job = step.jobs.emplace_back(jobs_.at(plan.states[i]));
    if (std::exchange(job->counted_as_queued, false)) {
      --num_queued_;
      const std::lock_guard lock(job->prompt_mutex);
      job->num_cached = static_cast<int32_t>(job->state.num_cached);
    }
  }
  const bool later = config_.overlap_steps && !draw_at_once_ &&
                     plan.num_decodes == static_cast<int32_t>(plan.steps.size());
  step.sink.prepare(step.steps, step.jobs, later ? RowSink::When::kLater : RowSink::When::kAtOnce);
  Result<void> ran = runner_->submit(step.steps, plan.copies, &step.sink);
  if (ran && step.sink.is_open()) return true;
  if (ran) ran = runner_->wait();
  if (!ran) {
    step.jobs.clear();
    end_all(ran.error());
    return false;
  }
  for (const SequenceStep& part : step.steps) part.sequence->num_computed += part.num_tokens;
  return true;
}

// The step after one whose ids are still to be drawn, where it needs none of them on the host.
void StepLoop::begin_ahead(const StepUnderWay& before) {
  if (draw_at_once_ || !may_go_ahead(before)) return;
  drawing_.clear();
  for (const auto& job : before.jobs) drawing_.push_back(job->ended ? nullptr : &job->state);
  StepUnderWay& step = other(before);
  step.begun_at = Clock::now();
  const StepPlan plan = scheduler_.next_ahead(drawing_);
  if (plan.empty()) return;
  if (!begin(plan, step)) return;
  // Of fewer rows, with the same options, than those that are drawn later.
  WEFT_CHECK(step.sink.is_open(), "a step of " + std::to_string(step.steps.size()) +
                                      " rows was begun ahead and not drawn later");
  begun_ = &step;
}

bool StepLoop::may_go_ahead(const StepUnderWay& step) {
  return std::ranges::all_of(
      step.jobs, [](const auto& job) { return job->ended || RowSink::may_draw_ahead(*job); });
}

StepUnderWay& StepLoop::other(const StepUnderWay& step) {
  return *steps_[&step == steps_.front().get() ? 1 : 0];
}

void StepLoop::finish(StepUnderWay& step) {
  const size_t num_rows = step.steps.size();
  if (step.sink.is_open() && !collect(step)) return;
  for (const RowSink::Drawn& drawn : step.sink.drawn()) {
    if (drawn.has_token && drawn.token) drawn.job->state.sequence.ids.push_back(drawn.token->id);
  }
  const auto done = Clock::now();
  // Of one begun ahead: since the device went on with it.
  const auto start = std::max(step.begun_at, last_done_);
  last_done_ = done;
  last_step_ = done - start;
  rounds_.step_took(last_step_);
  if (!step.steps.empty()) {
    step.states.clear();
    for (const auto& job : step.jobs) step.states.push_back(&job->state);
    const StepPlan taken{.steps = step.steps,
                         .states = step.states,
                         .num_decodes = step.num_decodes,
                         .shape = step.shape};
    if (trace_) trace_->step(taken, start, done, scheduler_.counts(), runner_->blocks().ledger());
    const bool whole = step.steps.size() == num_rows;
    scheduler_.complete(taken, whole ? seconds_of(last_step_) : 0);
  }
  hand_over(step, done);
  step.jobs.clear();
  publish_stats();
}

// Waits for a step that is drawn later and takes out of it the parts that are dropped. False: the
// device failed, and so did everything.
bool StepLoop::collect(StepUnderWay& step) {
  if (auto collected = step.sink.collect(runner_->backend()); !collected) {
    step.jobs.clear();
    abandon_steps();
    end_all(collected.error());
    return false;
  }
  size_t kept = 0;
  StepShape shape;
  for (size_t i = 0; i < step.steps.size(); ++i) {
    if (!take_row(step, i)) continue;
    shape.add_decode(step.begins[i]);
    step.keep(i, kept++);
  }
  step.keep_first(kept);
  step.num_decodes = shape.decodes;
  step.shape = shape;
  return true;
}

// False: the row is as if it had not been computed.
bool StepLoop::take_row(StepUnderWay& step, size_t i) {
  const Job& job = *step.jobs[i];
  if (job.ended || job.state.paused) return false;  // what has ended is its reader's
  Sequence& sequence = *step.steps[i].sequence;
  if (sequence.num_computed != step.begins[i]) return false;  // dropped from the step before
  if (!step.sink.drawn()[i].has_token) {
    draw_at_once_ = true;  // and refused in the host's words
    return false;
  }
  sequence.num_computed += step.steps[i].num_tokens;
  return true;
}

void StepLoop::abandon_steps() {
  StepUnderWay* const step = std::exchange(begun_, nullptr);
  if (!step) return;
  std::ignore = runner_->wait();
  step->jobs.clear();
}

void StepLoop::hand_over(StepUnderWay& step, Rounds::Time done) {
  for (size_t i = 0; i < step.jobs.size(); ++i) {
    const std::shared_ptr<Job>& job = step.jobs[i];
    RowSink::Drawn& drawn = step.sink.drawn()[i];
    if (job->embedder && job->state.num_to_compute() == 0) {
      end(*job, {.reason = FinishReason::kStop});
      continue;
    }
    if (!drawn.has_token) continue;
    if (drawn.token) drawn.token->made_at = done;
    for (auto& token : drawn.fork_tokens) {
      if (token) token->made_at = done;
    }
    if (!drawn.fork_tokens.empty()) start_forks(*job, drawn.fork_tokens);
    deliver(*job, std::move(drawn.token));
  }
}

// The leader's prompt is computed and its first token appended: its forks go on from the prompt,
// each with a first token of its own.
void StepLoop::start_forks(Job& leader, std::span<Result<Token>> firsts) {
  const auto forks = std::exchange(leader.forks, {});
  leader.state.num_forks = 0;
  for (size_t i = 0; i < forks.size(); ++i) {
    Job& fork = *forks[i];
    if (fork.ended) continue;  // cancelled meanwhile
    if (std::exchange(fork.counted_as_queued, false)) --num_queued_;
    if (firsts[i]) fork.state.sequence.ids.push_back(firsts[i]->id);
    auto added =
        scheduler_.add_fork(fork.state, leader.state, seconds_of(Clock::now().time_since_epoch()));
    if (!added) {
      end(fork, {.error = added.error()});
    } else {
      deliver(fork, std::move(firsts[i]));
    }
  }
}

void StepLoop::deliver(Job& job, Result<Token> token) {
  if (!token) return end(job, {.error = token.error()});
  GenerationState& state = job.state;
  ++totals_.generated_tokens;
  ++job.num_counted;
  const bool stop = state.is_stop(token->id) && state.num_generated() > state.limits.min_tokens;
  const bool last = state.num_generated() >= state.limits.max_tokens;
  if (job.stepped) {
    set_paused(job, true);
    // After a stop token it may go on, but mostly does not.
    if (!last && !state.is_stop(token->id)) rounds_.given(job.round, token->made_at);
    job.tokens.push(std::move(*token));
    if (last) end(job, {.reason = FinishReason::kLength});
    return;
  }
  if (stop && !job.emit_stop_token) return end(job, {.reason = FinishReason::kStop});
  if (stop) return end(job, {.reason = FinishReason::kStop}, std::move(*token));
  if (last) return end(job, {.reason = FinishReason::kLength}, std::move(*token));
  const int32_t unread = job.tokens.push(std::move(*token));
  if (job.buffer > 0 && unread >= job.buffer && !draining_) set_paused(job, true);
}

}  // namespace weft::engine
