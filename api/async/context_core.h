// ContextCore: what the copies of an AsyncContext share: a sequence, its place in an engine, and
// the line of calls. Several contexts that were made together (a pool's) share one engine, so that
// what runs at once is one forward pass; each has room for n_ctx tokens in its KV pool.
// Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/async/context.h"
#include "api/async/gate.h"
#include "api/async/generation.h"
#include "api/async/model_core.h"

namespace weft::async::detail {

// A place in a line that work is done in, without being a generation.
class Turn final : public Activity, public std::enable_shared_from_this<Turn> {
 public:
  // Once, not under a lock: the place is the caller's until it calls leave(), or why there is none.
  using Granted = std::function<void(Result<std::shared_ptr<Turn>>)>;
  static std::shared_ptr<Turn> take(std::shared_ptr<RuntimeCore> core, std::shared_ptr<void> owner,
                                    Gate& gate, Granted granted);

  Turn(std::shared_ptr<RuntimeCore> core, std::shared_ptr<void> owner, Gate& gate, Granted granted)
      : core_(std::move(core)),
        owner_(std::move(owner)),
        gate_(gate),
        granted_(std::move(granted)) {}

  ~Turn() override;

  // While it waits: it is refused with `why`. Later: nothing happens.
  void stop(Error why) override;
  // Gives the place to the next.
  void leave();
  // The activity has ended and the place is somebody else's to give back.
  void hand_over();

 private:
  void answer(Result<std::shared_ptr<Turn>> result);

  std::shared_ptr<RuntimeCore> core_;
  std::shared_ptr<void> owner_;  // of the gate
  Gate& gate_;
  std::mutex mutex_;
  Granted granted_;  // guarded by mutex_
  std::atomic<bool> has_place_ = false;
};

class ContextCore : public std::enable_shared_from_this<ContextCore> {
 public:
  // `n` contexts on one engine. On a blocking thread. Fails with kInvalidArgument or kOutOfMemory.
  static Result<std::vector<std::shared_ptr<ContextCore>>> create(std::shared_ptr<ModelCore> model,
                                                                  const ContextParams& params,
                                                                  int32_t n);

  // What goes through `calls()` alone may touch the sequence.
  Gate& calls() { return calls_; }
  std::vector<int32_t> ids() const;
  void set_ids(std::vector<int32_t> ids);

  // From an empty sequence, or on from the sequence. Without a gate: for who has the place.
  GenerationSpec from_text(std::string prompt, StreamConfig config,
                           const CancellationToken& cancel);
  GenerationSpec from_here(std::vector<int32_t> ids, StreamConfig config, bool has_place);

  // Stops what is under way and what waits, empties the sequence, then calls `clean`.
  void reset(std::function<void()> clean);

  const std::shared_ptr<ModelCore>& model() const { return model_; }
  const std::shared_ptr<RuntimeCore>& runtime() const { return model_->runtime(); }
  const ContextParams& params() const { return params_; }
  const Engine& engine() const { return *engine_; }

 private:
  ContextCore(std::shared_ptr<ModelCore> model, const ContextParams& params,
              std::shared_ptr<Engine> engine)
      : model_(std::move(model)), params_(params), engine_(std::move(engine)) {}
  using Ids = std::function<Result<std::vector<int32_t>>()>;
  GenerationSpec spec(Ids ids, StreamConfig config, bool has_place);

  const std::shared_ptr<ModelCore> model_;
  const ContextParams params_;
  const std::shared_ptr<Engine> engine_;
  Gate calls_{1};
  mutable std::mutex mutex_;
  std::vector<int32_t> ids_;        // guarded by mutex_
  std::stop_source reset_;          // guarded by mutex_: what a reset() stops
  std::vector<int32_t> submitted_;  // by the generation that has the place
};

}  // namespace weft::async::detail
