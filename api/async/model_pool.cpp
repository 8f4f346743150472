#include "api/async/model_pool.h"

#include <utility>

#include "api/async/pool_core.h"

namespace weft::async {
namespace {

using detail::Answer;
using detail::OpPtr;
using detail::PoolCore;
using std::chrono::milliseconds;

template <class T>
void fail_when_cancelled(const OpPtr<T>& op) {
  op->on_cancel([weak = std::weak_ptr(op)] {
    if (const auto waiting = weak.lock()) waiting->fail_with(detail::waiting_cancelled());
  });
}

void make_pool(const AsyncModel& model, int32_t n, const ContextParams& params,
               const Answer<ModelPool>& answer) {
  model.core()->runtime()->blocking().run([model, n, params, answer] {
    auto made = PoolCore::create(model, n, params);
    if (!made) return answer(tl::unexpected(made.error()));
    answer(ModelPool(std::move(*made)));
  });
}

}  // namespace

PooledModel& PooledModel::operator=(PooledModel&& other) noexcept {
  if (this != &other) {
    give_back();
    pool_ = std::exchange(other.pool_, nullptr);
    context_ = std::move(other.context_);
  }
  return *this;
}

PooledModel::~PooledModel() { give_back(); }

void PooledModel::give_back() {
  if (pool_) pool_->give_back(*context_);
  pool_ = nullptr;
}

void ModelPool::start_create(const std::shared_ptr<detail::ModelCore>& model, int32_t n,
                             ContextParams params, OpPtr<ModelPool> op) {
  op->begin(model->runtime()->fallback(), model);
  fail_when_cancelled(op);
  make_pool(AsyncModel(model), n, params, Answer<ModelPool>(op));
}

void ModelPool::start_load(const std::shared_ptr<detail::RuntimeCore>& runtime, AsyncConfig config,
                           int32_t n, OpPtr<ModelPool> op) {
  const ContextParams params{.n_ctx = config.context_size, .kv_type = config.kv_type};
  AsyncModel::load_into(runtime, std::move(config), op,
                        [n, params, answer = Answer<ModelPool>(op)](Result<AsyncModel> model) {
                          if (!model) return answer(tl::unexpected(model.error()));
                          make_pool(*model, n, params, answer);
                        });
}

void ModelPool::start_acquire(const Core& core, milliseconds timeout, OpPtr<PooledModel> op) {
  op->begin(core->runtime()->fallback(), core);
  const auto turn = core->acquire(
      timeout,
      [answer = Answer<PooledModel>(op)](Result<PooledModel> lent) { answer(std::move(lent)); });
  op->on_cancel([weak = std::weak_ptr(turn)] {
    if (const auto waiting = weak.lock()) waiting->stop(detail::waiting_cancelled());
  });
}

void ModelPool::start_generate(const Core& core, std::string prompt, int32_t max_tokens,
                               OpPtr<std::string> op) {
  op->begin(core->runtime()->fallback(), core);
  const auto began = std::chrono::steady_clock::now();
  const int64_t timeout_ms = core->model().config().timeout_ms;
  const CancellationToken stop;
  const auto turn = core->acquire(
      timeout_ms > 0 ? milliseconds(timeout_ms) : milliseconds::max(),
      [=, answer = Answer<std::string>(op),
       text = std::move(prompt)](Result<PooledModel> acquired) mutable {
        if (!acquired) return answer(tl::unexpected(acquired.error()));
        StreamConfig config{.max_tokens = max_tokens, .buffer = 0, .timeout_ms = 0};
        if (timeout_ms > 0) {
          const auto waited =
              std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
          config.timeout_ms = std::max<int64_t>(1, timeout_ms - waited.count());
        }
        const auto lent = std::make_shared<std::optional<PooledModel>>(std::move(*acquired));
        auto spec = (**lent)->core()->from_text(std::move(text), config, stop);
        detail::Generation::collect(
            std::move(spec), [lent, answer](Result<detail::Generation::Whole> whole) {
              lent->reset();  // back in the pool before the answer
              answer(std::move(whole).map([](auto&& w) { return std::move(w.text); }));
            });
      });
  op->on_cancel([weak = std::weak_ptr(turn), stop] {
    stop.cancel();
    if (const auto waiting = weak.lock()) waiting->stop(detail::waiting_cancelled());
  });
}

void ModelPool::start_resize(const Core& core, int32_t n, OpPtr<void> op) {
  op->begin(core->runtime()->fallback(), core);
  fail_when_cancelled(op);
  const Answer<void> answer(op);
  core->runtime()->blocking().run([core, n, answer] { answer(core->resize(n)); });
}

std::optional<PooledModel> ModelPool::try_acquire() const { return core_->try_acquire(); }
PoolStats ModelPool::stats() const { return core_->stats(); }
const AsyncModel& ModelPool::model() const { return core_->model(); }
MemoryLedger ModelPool::memory() const { return core_->memory(); }

}  // namespace weft::async
