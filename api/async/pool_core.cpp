#include "api/async/pool_core.h"

#include <algorithm>
#include <set>
#include <utility>

#include "api/runner_factory.h"

namespace weft::async::detail {

PoolCore::PoolCore(AsyncModel model, const ContextParams& params, Instances instances)
    : model_(std::move(model)),
      params_(params),
      gate_(static_cast<int>(instances.size())),
      idle_(std::move(instances)),
      size_(static_cast<int32_t>(idle_.size())),
      total_(size_),
      all_(idle_.begin(), idle_.end()) {}

Result<std::shared_ptr<PoolCore>> PoolCore::create(AsyncModel model, int32_t n,
                                                   const ContextParams& params) {
  WEFT_TRY_ASSIGN(auto instances, ContextCore::create(model.core(), params, n));
  return std::shared_ptr<PoolCore>(new PoolCore(std::move(model), params, std::move(instances)));
}

// With a place of the gate.
PooledModel PoolCore::take() {
  const std::lock_guard lock(mutex_);
  PooledModel lent(shared_from_this(), AsyncContext(std::move(idle_.back())));
  idle_.pop_back();
  return lent;
}

std::shared_ptr<Turn> PoolCore::acquire(std::chrono::milliseconds timeout, Acquired acquired) {
  struct Deadline {
    std::mutex mutex;
    bool over = false;
    std::optional<TimerQueue::Key> key;
  };
  auto deadline = std::make_shared<Deadline>();
  const auto turn =
      Turn::take(runtime(), shared_from_this(), gate_,
                 [self = shared_from_this(), deadline,
                  acquired = std::move(acquired)](Result<std::shared_ptr<Turn>> granted) {
                   std::optional<TimerQueue::Key> key;
                   {
                     const std::lock_guard lock(deadline->mutex);
                     deadline->over = true;
                     key = deadline->key;
                   }
                   if (key) self->runtime()->timers().remove(*key);
                   if (!granted) return acquired(tl::unexpected(granted.error()));
                   (*granted)->hand_over();
                   acquired(self->take());
                 });
  if (timeout != timeout.max()) {
    const std::lock_guard lock(deadline->mutex);
    if (!deadline->over) {
      deadline->key = runtime()->timers().add(
          TimerQueue::Clock::now() + timeout, [weak = std::weak_ptr(turn), timeout] {
            if (const auto waiting = weak.lock()) {
              waiting->stop({ErrorCode::kTimedOut, "no instance was free within " +
                                                       std::to_string(timeout.count()) + " ms"});
            }
          });
    }
  }
  return turn;
}

std::optional<PooledModel> PoolCore::try_acquire() {
  if (!gate_.try_enter()) return std::nullopt;
  return take();
}

void PoolCore::give_back(const AsyncContext& context) {
  context.core()->reset([self = shared_from_this(), instance = context.core()] {
    self->put(instance);
    self->gate_.release();
  });
}

void PoolCore::put(const std::shared_ptr<ContextCore>& instance) {
  const std::lock_guard lock(mutex_);
  if (total_ > size_) {
    --total_;  // the pool has shrunk meanwhile
  } else {
    idle_.push_back(instance);
  }
}

Result<void> PoolCore::resize(int32_t n) {
  WEFT_TRY(check_at_least_one("size", n));
  const std::lock_guard one_at_a_time(resize_mutex_);
  int32_t missing = 0;
  {
    const std::lock_guard lock(mutex_);
    missing = n - total_;
  }
  Instances made, dropped;
  if (missing > 0) {
    WEFT_TRY_ASSIGN(made, ContextCore::create(model_.core(), params_, missing));
  }
  int32_t change = 0;
  {
    const std::lock_guard lock(mutex_);
    change = n - size_;
    size_ = n;
    total_ += static_cast<int32_t>(made.size());
    idle_.insert(idle_.end(), made.begin(), made.end());
    all_.insert(all_.end(), made.begin(), made.end());
    while (total_ > size_ && !idle_.empty()) {
      dropped.push_back(std::move(idle_.back()));
      idle_.pop_back();
      --total_;
    }
  }
  gate_.add(change);
  return {};
}

PoolStats PoolCore::stats() const {
  const std::lock_guard lock(mutex_);
  const auto available = static_cast<int32_t>(idle_.size());
  return {.size = size_,
          .available = available,
          .in_use = total_ - available,
          .waiting = gate_.waiting()};
}

MemoryLedger PoolCore::memory() const {
  MemoryLedger sum{.weight_bytes = model_.model_info().size_bytes};
  std::set<const Engine*> engines;
  const std::lock_guard lock(mutex_);
  for (const auto& weak : all_) {
    const auto instance = weak.lock();
    if (!instance || !engines.insert(&instance->engine()).second) continue;
    const MemoryLedger one = instance->engine().memory();
    sum.kv_bytes += one.kv_bytes;
    sum.workspace_bytes += one.workspace_bytes;
    sum.scratch_bytes += one.scratch_bytes;
    sum.device_bytes += one.device_bytes;
  }
  return sum;
}

}  // namespace weft::async::detail
