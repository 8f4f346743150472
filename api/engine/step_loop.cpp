#include "api/engine/step_loop.h"

#include <algorithm>
#include <future>
#include <utility>

#include "api/engine/step_under_way.h"
#include "api/runner_factory.h"
#include "api/step_trace.h"

namespace weft::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(Clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

constexpr int64_t kDefaultKvTokens = 16384;  // EngineConfig::num_blocks

constexpr auto kLongestGathering = std::chrono::microseconds(500);

SchedulerLimits scheduler_limits(const EngineConfig& config) {
  return {.max_batch_tokens = config.max_batch_tokens,
          .max_sequences = config.max_sequences,
          .max_inter_token_seconds = config.max_inter_token_ms / 1000};
}

Rounds::Duration turn_wait(const EngineConfig& config) {
  // What no clock could tell from for ever is as good as that.
  constexpr double kMostMs = 1e10;
  return std::chrono::duration_cast<Rounds::Duration>(
      std::chrono::duration<double, std::milli>(std::min(config.max_turn_wait_ms, kMostMs)));
}

Error shut_down_error() { return {ErrorCode::kShutDown, "the engine was shut down"}; }

}  // namespace

StepLoop::StepLoop(std::shared_ptr<const Model> model, const EngineConfig& config,
                   std::unique_ptr<ModelRunner> runner, const MemoryLedger& ledger)
    : model_(std::move(model)),
      config_(config),
      runner_(std::move(runner)),
      ledger_(ledger),
      scheduler_(scheduler_limits(config), runner_->blocks()),
      steps_{std::make_unique<StepUnderWay>(), std::make_unique<StepUnderWay>()},
      trace_(config.trace ? std::make_unique<StepTrace>(config.trace, "engine") : nullptr),
      rounds_(turn_wait(config)) {
  publish_stats();
}

Result<std::unique_ptr<StepLoop>> StepLoop::create(std::shared_ptr<const Model> model,
                                                   const EngineConfig& config) {
  WEFT_TRY(check_at_least_one("block_size", config.block_size));
  WEFT_TRY(check_at_least_one("max_queue", config.max_queue));
  if (!(config.max_turn_wait_ms >= 0)) {
    return fail(ErrorCode::kInvalidArgument,
                "max_turn_wait_ms: " + std::to_string(config.max_turn_wait_ms) +
                    ", expected a number of at least 0");
  }
  const SchedulerLimits limits = scheduler_limits(config);
  WEFT_TRY(limits.validate());
  const int32_t tokens = limits.max_step_tokens();
  RunnerSpec spec{.limits = {.max_tokens = tokens, .max_logit_rows = tokens},
                  .block_size = config.block_size,
                  .num_blocks = config.num_blocks,
                  .kv_type = config.kv_type,
                  .prefix_cache = config.prefix_cache,
                  .threads = config.threads,
                  .thread_setup = config.thread_setup};
  if (spec.num_blocks == 0) {
    WEFT_TRY_ASSIGN(spec.num_blocks, default_num_blocks(*model, spec, kDefaultKvTokens));
  }
  WEFT_TRY(check_at_least_one("num_blocks", spec.num_blocks));
  WEFT_TRY_ASSIGN(auto made, create_runner(*model, spec));
  std::unique_ptr<StepLoop> loop(
      new StepLoop(std::move(model), config, std::move(made.runner), made.ledger));
  // It is worker 0 of the backend's threads.
  WEFT_TRY_ASSIGN(loop->thread_,
                  platform::Thread::start({.name = "weft-steps",
                                           .stack_bytes = config.thread_setup.stack_bytes,
                                           .cpus = config.thread_setup.cpus_of(0)},
                                          [l = loop.get()] { l->thread_main(); }));
  return loop;
}

StepLoop::~StepLoop() { shutdown(Engine::Shutdown::kNow); }

// ------------------------------------------------------------------ any thread

Result<void> StepLoop::check_fits(int64_t num_prompt, int32_t max_tokens) const {
  const int64_t capacity = int64_t{runner_->blocks().capacity()} * runner_->blocks().block_size();
  if (num_prompt + max_tokens <= capacity) return {};
  return fail(ErrorCode::kContextOverflow,
              "prompt of " + std::to_string(num_prompt) + " tokens + max_tokens " +
                  std::to_string(max_tokens) + " = " + std::to_string(num_prompt + max_tokens) +
                  ", the KV pool holds " + std::to_string(capacity));
}

Result<void> StepLoop::submit(std::vector<std::shared_ptr<Job>> jobs) {
  const auto n = static_cast<int32_t>(jobs.size());
  if (num_queued_.fetch_add(n) + n > config_.max_queue) {
    num_queued_ -= n;
    return fail(ErrorCode::kQueueFull,
                "the queue holds " + std::to_string(config_.max_queue) + " requests and is full");
  }
  for (const auto& job : jobs) job->counted_as_queued = true;
  auto leader = std::move(jobs.front());
  leader->forks.assign(std::make_move_iterator(jobs.begin() + 1),
                       std::make_move_iterator(jobs.end()));
  const bool posted = !closed_ && inbox_->post([this, leader] { start(leader); });
  if (posted) return {};
  num_queued_ -= n;
  return tl::unexpected(shut_down_error());
}

Result<void> StepLoop::run_between_steps(std::function<void()> work) {
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> future = done->get_future();
  if (!inbox_->post([this, work = std::move(work), done] {
        work();
        publish_stats();  // whoever waited for this sees what it and all before it changed
        done->set_value();
      })) {
    return tl::unexpected(shut_down_error());
  }
  future.wait();
  return {};
}

void StepLoop::shutdown(Engine::Shutdown how) {
  closed_ = true;
  inbox_->post([this, how] {
    if (how == Engine::Shutdown::kNow) {
      stopping_ = true;
    } else {
      begin_draining();
    }
  });
  const std::lock_guard lock(shutdown_mutex_);
  if (thread_.joinable()) thread_.join();
}

EngineStats StepLoop::stats() const {
  const std::lock_guard lock(stats_mutex_);
  return stats_;
}

// ------------------------------------------------------------------ the step thread

void StepLoop::thread_main() {
  bool idle = true;
  while (!stopping_) {
    await_turns();
    attend_inbox(idle);
    if (stopping_) break;
    idle = !run_step();
    // What is left when nothing can run waits for turns that a closing engine need not await.
    if (idle && draining_ && !holder_) stopping_ = true;
  }
  stopping_ = true;
  abandon_steps();
  end_all(shut_down_error());
  inbox_->close();
  attend_inbox(false);  // what came in before it closed finds the loop stopping
  publish_stats();
}

void StepLoop::attend_inbox(bool idle) {
  const bool waits = idle && (!draining_ || holder_);
  if (waits) {
    inbox_->wait_and_take(work_);
  } else {
    inbox_->take(work_);
  }
  do_work();
  if (!waits) return;
  // What wakes an idle engine rarely comes alone, and who comes too late for the first step waits
  // for all of it. So that step waits a little for others.
  const auto deadline =
      Clock::now() + std::min(last_step_ / 100, Clock::duration(kLongestGathering));
  while (!stopping_ && Clock::now() < deadline) {
    inbox_->wait_and_take_until(work_, deadline);
    do_work();
  }
}

void StepLoop::do_work() {
  for (const Inbox::Work& work : work_) work();
  work_.clear();
}

// Until every handler that was given its turn's token has asked for the next, within bounds. While
// one holds the engine, nobody else's turn could run.
void StepLoop::await_turns() {
  const auto since = Clock::now();
  while (!rounds_.complete() && !stopping_ && !holder_) {
    const auto deadline = since + rounds_.patience(draining_);
    const bool overdue = Clock::now() >= deadline;
    inbox_->wait_and_take_until(work_, deadline);  // takes what is there, however late it is
    do_work();
    if (overdue) return rounds_.go_without();
  }
}

void StepLoop::start(const std::shared_ptr<Job>& job) {
  if (stopping_) {
    job->tokens.end({.error = shut_down_error()});
    for (const auto& fork : job->forks) fork->tokens.end({.error = shut_down_error()});
    return;
  }
  jobs_.emplace(&job->state, job);
  for (const auto& fork : job->forks) jobs_.emplace(&fork->state, fork);
  if (job->ended) return;
  job->state.num_forks = static_cast<int32_t>(job->forks.size());
  apply_pause(*job);
  for (const auto& fork : job->forks) apply_pause(*fork);
  auto added = scheduler_.add(job->state, seconds_of(Clock::now()));
  if (added) return;
  const auto forks = std::exchange(job->forks, {});
  end(*job, {.error = added.error()});
  for (const auto& fork : forks) end(*fork, {.error = added.error()});
}

void StepLoop::cancel(const std::shared_ptr<Job>& job) {
  end(*job, {.error = Error{ErrorCode::kCancelled, "Generation cancelled"}});
}

void StepLoop::resume(const std::shared_ptr<Job>& job) {
  if (!job->ended) set_paused(*job, false);
}

void StepLoop::stop_after(const std::shared_ptr<Job>& job, int64_t kept) {
  // Tokens beyond the one that completed the stop string never were.
  totals_.generated_tokens -= static_cast<uint64_t>(job->num_counted - kept);
  if (job->ended) return;
  scheduler_.truncate(job->state, job->state.num_prompt + kept);
  end(*job, {.reason = FinishReason::kStopString});
}

void StepLoop::turn(const std::shared_ptr<Job>& job, Sampler* sampler, std::shared_ptr<Hold> hold,
                    Rounds::Time asked_at) {
  rounds_.asked(job->round, asked_at);
  if (job->ended) return;
  job->turn_sampler = sampler;
  job->hold = std::move(hold);
  if (job->state.place == GenerationState::Place::kNowhere) return start(job);
  set_paused(*job, false);
}

// ------------------------------------------------------------------ pauses and holds

void StepLoop::set_paused(Job& job, bool paused) {
  job.paused = paused;
  apply_pause(job);
}

// What stands still: a job that waits for its own side, and all others while one holds the engine.
void StepLoop::apply_pause(Job& job) {
  scheduler_.set_paused(job.state, job.paused || (holder_ && job.hold != holder_));
}

void StepLoop::line_up(std::shared_ptr<Hold> hold) {
  if (stopping_) return hold->granted.set_value(tl::unexpected(shut_down_error()));
  waiting_holds_.push_back(std::move(hold));
  if (!holder_) grant_next_hold();
}

void StepLoop::give_up(const std::shared_ptr<Hold>& hold) {
  if (hold == holder_) return grant_next_hold();
  const auto waiting = std::ranges::find(waiting_holds_, hold);
  if (waiting == waiting_holds_.end()) return;
  hold->granted.set_value(fail(ErrorCode::kCancelled, "cancelled before the engine was free"));
  waiting_holds_.erase(waiting);
}

void StepLoop::grant_next_hold() {
  holder_ = nullptr;
  if (!waiting_holds_.empty()) {
    holder_ = std::move(waiting_holds_.front());
    waiting_holds_.pop_front();
  }
  for (const auto& [state, job] : jobs_) apply_pause(*job);
  if (holder_) holder_->granted.set_value({});
}

void StepLoop::begin_draining() {
  draining_ = true;
  // Nobody is waited for any more: what a slow reader has not taken is kept for it.
  for (auto& [state, job] : jobs_) {
    if (!job->stepped) set_paused(*job, false);
  }
}

void StepLoop::end(Job& job, End how, std::optional<Token> last) {
  if (std::exchange(job.ended, true)) return;
  if (std::exchange(job.counted_as_queued, false)) --num_queued_;
  rounds_.left(job.round);
  if (trace_) {
    trace_->ended(job.state,
                  how.reason ? finish_reason_name(*how.reason) : error_code_name(how.error->code));
  }
  if (job.state.place != GenerationState::Place::kNowhere) {
    if (job.report_blocks) {
      const std::lock_guard lock(job.prompt_mutex);
      job.block_ids = job.state.sequence.blocks.blocks;
      if (job.state.decoding()) {  // not one that was reserved for a token which does not come
        const int64_t blocks = runner_->blocks().blocks_for(job.state.sequence.num_computed);
        job.block_ids.resize(std::min(job.block_ids.size(), static_cast<size_t>(blocks)));
      }
    }
    scheduler_.remove(job.state);
  }
  if (how.reason) {
    ++totals_.finished;
  } else if (how.error->code == ErrorCode::kCancelled) {
    ++totals_.cancelled;
  } else {
    ++totals_.failed;
  }
  const auto forks = std::exchange(job.forks, {});
  job.tokens.end(std::move(how), std::move(last));
  const auto self = jobs_.extract(&job.state);  // alive until the end of this function
  lead_by_next(forks);
}

// A leader that ended before its prompt was computed leaves its forks: the next of them leads.
void StepLoop::lead_by_next(std::span<const std::shared_ptr<Job>> forks) {
  for (size_t i = 0; i < forks.size(); ++i) {
    if (forks[i]->ended) continue;
    jobs_.erase(&forks[i]->state);  // start() enters it anew
    forks[i]->forks.assign(forks.begin() + static_cast<std::ptrdiff_t>(i) + 1, forks.end());
    return start(forks[i]);
  }
}

void StepLoop::end_all(const Error& error) {
  while (!jobs_.empty()) {
    const std::shared_ptr<Job> job = jobs_.begin()->second;
    job->forks.clear();  // each is in jobs_ itself
    end(*job, {.error = error});
  }
  for (const auto& hold : std::exchange(waiting_holds_, {})) {
    hold->granted.set_value(tl::unexpected(error));
  }
}

void StepLoop::publish_stats() {
  const StepScheduler::Counts counts = scheduler_.counts();
  const auto blocks = runner_->blocks().ledger();
  EngineStats stats = totals_;
  stats.waiting = num_queued_;
  stats.running = counts.running;
  stats.paused = counts.paused;
  stats.steps = counts.steps;
  stats.preemptions = counts.preemptions;
  stats.prompt_tokens = counts.prompt_tokens;
  stats.cached_tokens = counts.cached_tokens;
  stats.blocks_free = blocks.free;
  stats.blocks_cached = blocks.cached;
  stats.blocks_owned = blocks.owned;
  stats.blocks_capacity = blocks.capacity;
  const std::lock_guard lock(stats_mutex_);
  stats_ = stats;
}

}  // namespace weft::engine
