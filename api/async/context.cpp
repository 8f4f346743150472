#include "api/async/context.h"

#include <utility>

#include "api/async/context_core.h"
#include "api/session/session_file.h"
#include "core/model/decoder.h"

namespace weft::async {
namespace {

using detail::Answer;
using detail::ContextCore;
using detail::Generation;
using detail::OpPtr;
using detail::Turn;

// Does `work` on a blocking thread, with the context for itself, and gives what it gives.
void do_alone(const std::shared_ptr<ContextCore>& core, OpPtr<void> op,
              std::function<Result<void>(ContextCore&)> work) {
  op->begin(core->runtime()->fallback(), core);
  const Answer<void> answer(op);
  const auto turn =
      Turn::take(core->runtime(), core, core->calls(),
                 [core, answer, work = std::move(work)](Result<std::shared_ptr<Turn>> granted) {
                   if (!granted) return answer(tl::unexpected(granted.error()));
                   core->runtime()->blocking().run([core, answer, mine = *granted, work] {
                     Result<void> done = work(*core);
                     mine->leave();
                     answer(std::move(done));
                   });
                 });
  op->on_cancel([weak = std::weak_ptr(turn)] {
    if (const auto waiting = weak.lock()) waiting->stop(detail::waiting_cancelled());
  });
}

// A batch after another, the place kept throughout.
class BatchCall : public std::enable_shared_from_this<BatchCall> {
 public:
  BatchCall(std::shared_ptr<ContextCore> core, std::vector<Batch> batches,
            OpPtr<AsyncContext::BatchIds> op)
      : core_(std::move(core)), batches_(std::move(batches)), answer_(op) {}

  void begin(OpPtr<AsyncContext::BatchIds> op) {
    const auto turn =
        Turn::take(core_->runtime(), core_, core_->calls(),
                   [self = shared_from_this()](Result<std::shared_ptr<Turn>> granted) {
                     if (!granted) return self->answer_(tl::unexpected(granted.error()));
                     self->turn_ = std::move(*granted);
                     self->core_->runtime()->post([self] { self->next(); });
                   });
    op->on_cancel([weak = weak_from_this(), weak_turn = std::weak_ptr(turn)] {
      if (const auto self = weak.lock()) self->stop_.request_stop();
      if (const auto waiting = weak_turn.lock()) waiting->stop(detail::waiting_cancelled());
    });
  }

 private:
  void next() {
    if (stop_.stop_requested()) return finish(tl::unexpected(detail::waiting_cancelled()));
    if (results_.size() == batches_.size()) return finish(std::move(results_));
    Batch& batch = batches_[results_.size()];
    auto spec = core_->from_here(std::move(batch.ids),
                                 {.max_tokens = batch.max_tokens,
                                  .buffer = 0,
                                  .timeout_ms = core_->model()->config().timeout_ms},
                                 true);
    spec.stops.push_back(stop_.get_token());
    Generation::collect(std::move(spec),
                        [self = shared_from_this()](Result<Generation::Whole> whole) {
                          if (!whole) return self->finish(tl::unexpected(whole.error()));
                          self->results_.push_back(std::move(whole->ids));
                          self->next();
                        });
  }

  void finish(Result<AsyncContext::BatchIds> result) {
    turn_->leave();
    answer_(std::move(result));
  }

  std::shared_ptr<ContextCore> core_;
  std::vector<Batch> batches_;
  Answer<AsyncContext::BatchIds> answer_;
  std::stop_source stop_;
  AsyncContext::BatchIds results_;
  std::shared_ptr<Turn> turn_;  // while it has its place
};

Result<void> save(ContextCore& core, const std::string& path) {
  Session session{.model = core.model()->model()->info().fingerprint, .ids = core.ids()};
  session.num_prompt = std::ssize(session.ids);
  return write_session(path, session, {});
}

Result<void> load(ContextCore& core, const std::string& path) {
  WEFT_TRY_ASSIGN(auto session, read_session(path, {.max_ids = core.params().n_ctx}));
  WEFT_TRY(check_session(path, session, core.model()->model()->info()));
  core.set_ids(std::move(session.ids));
  return {};
}

}  // namespace

void AsyncContext::start_create(const std::shared_ptr<detail::ModelCore>& model,
                                ContextParams params, OpPtr<AsyncContext> op) {
  op->begin(model->runtime()->fallback(), model);
  op->on_cancel([weak = std::weak_ptr(op)] {
    if (const auto waiting = weak.lock()) waiting->fail_with(detail::waiting_cancelled());
  });
  const Answer<AsyncContext> answer(op);
  model->runtime()->blocking().run([model, params = std::move(params), answer] {
    auto made = ContextCore::create(model, params, 1);
    if (!made) return answer(tl::unexpected(made.error()));
    answer(AsyncContext(std::move(made->front())));
  });
}

void AsyncContext::start_generate(const Core& core, std::string prompt, int32_t max_tokens,
                                  const CancellationToken& cancel, OpPtr<std::string> op) {
  const StreamConfig config{
      .max_tokens = max_tokens, .buffer = 0, .timeout_ms = core->model()->config().timeout_ms};
  Generation::collect(core->from_text(std::move(prompt), config, cancel), std::move(op));
}

void AsyncContext::start_stream(const Core& core, std::vector<int32_t> ids, StreamConfig config,
                                OpPtr<TokenStream> op) {
  Generation::open(core->from_here(std::move(ids), std::move(config), false), std::move(op));
}

void AsyncContext::start_batch(const Core& core, std::vector<Batch> batches, OpPtr<BatchIds> op) {
  op->begin(core->runtime()->fallback(), core);
  std::make_shared<BatchCall>(core, std::move(batches), op)->begin(op);
}

void AsyncContext::start_clear(const Core& core, OpPtr<void> op) {
  do_alone(core, std::move(op), [](ContextCore& context) -> Result<void> {
    context.set_ids({});
    return {};
  });
}

void AsyncContext::start_save(const Core& core, std::string path, OpPtr<void> op) {
  do_alone(core, std::move(op),
           [path = std::move(path)](ContextCore& context) { return save(context, path); });
}

void AsyncContext::start_load(const Core& core, std::string path, OpPtr<void> op) {
  do_alone(core, std::move(op),
           [path = std::move(path)](ContextCore& context) { return load(context, path); });
}

std::vector<int32_t> AsyncContext::tokens() const { return core_->ids(); }
const ContextParams& AsyncContext::params() const { return core_->params(); }
MemoryLedger AsyncContext::memory() const { return core_->engine().memory(); }

}  // namespace weft::async
