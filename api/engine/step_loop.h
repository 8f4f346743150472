// StepLoop: the engine's one step thread. It owns the runner, the scheduler and every job's state;
// other threads reach it through the inbox. A round is: take what was asked for, plan, run, draw,
// hand over.
//
// Overlapping. On a backend that draws later (Backend::sample_later) a step of decodes is begun
// ahead: before the ids of the step before are waited for, which it takes on the device. So the
// device always has the next step to go on with while the host collects, hands over, listens to
// the inbox and plans.
//
// A step begun ahead changes nothing that can be seen before it is collected: it counts as run
// then, after all that was handed over and asked for meanwhile. A row of it whose request has
// ended by then (a stop id, a cancel, a stop string found by its reader), is paused, or could not
// be drawn in the step before, is dropped: as if it had not been in the step. That is always right,
// since the row of a request that goes on is computed again later, at the same place to the same
// bits; and what a dropped row stored lies behind the end of its request, in blocks that nothing
// but later steps writes to. So there is nothing to undo, and tokens, their order, errors and
// counts are those of steps one after the other; but a block for it may be taken, and a cached one
// evicted for that, a step before its time.
//
// Only the plainest of steps is begun ahead, and only one (StepScheduler::next_ahead,
// may_go_ahead): whatever else is to be done waits for all that is under way, and goes on from
// there.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "api/engine.h"
#include "api/engine/hold.h"
#include "api/engine/inbox.h"
#include "api/engine/job.h"
#include "api/engine/rounds.h"
#include "core/model/decoder.h"
#include "core/platform/thread.h"
#include "scheduler/model_runner.h"
#include "scheduler/step_scheduler.h"

namespace weft {
class StepTrace;
}  // namespace weft

namespace weft::engine {

struct StepUnderWay;

class StepLoop {
 public:
  static Result<std::unique_ptr<StepLoop>> create(std::shared_ptr<const Model> model,
                                                  const EngineConfig& config);
  ~StepLoop();

  // --- Any thread ---
  // Puts jobs of one request into the queue; the first leads, the others share its prompt. Fails
  // with kQueueFull or kShutDown.
  Result<void> submit(std::vector<std::shared_ptr<Job>> jobs);
  // Whether a request of this size can ever run: kContextOverflow with the numbers.
  Result<void> check_fits(int64_t num_prompt, int32_t max_tokens) const;
  Result<void> run_between_steps(std::function<void()> work);
  void shutdown(Engine::Shutdown how);
  EngineStats stats() const;
  int32_t num_waiting() const { return num_queued_; }

  // What readers post. All are harmless for a job that has ended, and after the engine has gone.
  const std::shared_ptr<Inbox>& inbox() const { return inbox_; }
  void cancel(const std::shared_ptr<Job>& job);  // on the step thread
  void resume(const std::shared_ptr<Job>& job);  // on the step thread
  // On the step thread: a stop string was complete with the first `kept` tokens.
  void stop_after(const std::shared_ptr<Job>& job, int64_t kept);
  // On the step thread: one more token for a stepped job, drawn by `sampler`; for the holder where
  // `hold` is not null.
  void turn(const std::shared_ptr<Job>& job, Sampler* sampler, std::shared_ptr<Hold> hold,
            Rounds::Time asked_at);
  // On the step thread: a hold gets in line, and leaves it or ends. Either may come twice.
  void line_up(std::shared_ptr<Hold> hold);
  void give_up(const std::shared_ptr<Hold>& hold);

  const std::shared_ptr<const Model>& model() const { return model_; }
  const EngineConfig& config() const { return config_; }
  MemoryLedger memory() const { return ledger_; }
  std::string device_description() const { return runner_->backend().description(); }

 private:
  StepLoop(std::shared_ptr<const Model> model, const EngineConfig& config,
           std::unique_ptr<ModelRunner> runner, const MemoryLedger& ledger);

  void thread_main();
  void attend_inbox(bool idle);
  void do_work();
  void await_turns();
  void start(const std::shared_ptr<Job>& job);
  bool run_step();  // false: nothing can run
  bool begin(const StepPlan& plan, StepUnderWay& step);
  void begin_ahead(const StepUnderWay& before);
  bool may_go_ahead(const StepUnderWay& step);
  void finish(StepUnderWay& step);
  bool collect(StepUnderWay& step);
  bool take_row(StepUnderWay& step, size_t i);
  void hand_over(StepUnderWay& step, Rounds::Time done);
  void abandon_steps();
  StepUnderWay& other(const StepUnderWay& step);
  void start_forks(Job& leader, std::span<Result<Token>> firsts);
  void deliver(Job& job, Result<Token> token);
  void set_paused(Job& job, bool paused);
  void apply_pause(Job& job);
  void grant_next_hold();
  void begin_draining();
  void end(Job& job, End how, std::optional<Token> last = std::nullopt);
  void lead_by_next(std::span<const std::shared_ptr<Job>> forks);
  void end_all(const Error& error);
  void publish_stats();

  std::shared_ptr<const Model> model_;
  EngineConfig config_;
  std::unique_ptr<ModelRunner> runner_;
  MemoryLedger ledger_;
  StepScheduler scheduler_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::vector<Inbox::Work> work_;
  std::unordered_map<const GenerationState*, std::shared_ptr<Job>> jobs_;  // that have not ended
  std::array<std::unique_ptr<StepUnderWay>, 2> steps_;                     // used in turns
  StepUnderWay* begun_ = nullptr;  // ahead, and not collected; null: none
  bool draw_at_once_ = false;      // the next step: a row could not be drawn later
  std::vector<GenerationState*> drawing_;
  std::unique_ptr<StepTrace> trace_;  // may be null
  Rounds rounds_;                     // of the stepped jobs
  Rounds::Duration last_step_{};
  Rounds::Time last_done_{};  // when the last step was
  std::shared_ptr<Hold> holder_;
  std::deque<std::shared_ptr<Hold>> waiting_holds_;
  bool draining_ = false;
  bool stopping_ = false;
  EngineStats totals_;

  std::atomic<int32_t> num_queued_ = 0;  // submitted and not started
  std::atomic<bool> closed_ = false;     // submit() is refused
  mutable std::mutex stats_mutex_;
  EngineStats stats_;  // guarded by stats_mutex_
  std::mutex shutdown_mutex_;
  platform::Thread thread_;
};

}  // namespace weft::engine
