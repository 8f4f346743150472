// PoolCore: a pool's instances, who waits for them, and how many there shall be. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "api/async/context_core.h"
#include "api/async/model_pool.h"
#include "core/model/decoder.h"

namespace weft::async::detail {

class PoolCore : public std::enable_shared_from_this<PoolCore> {
 public:
  // On a blocking thread. Fails as ContextCore::create() does.
  static Result<std::shared_ptr<PoolCore>> create(AsyncModel model, int32_t n,
                                                  const ContextParams& params);

  using Acquired = std::function<void(Result<PooledModel>)>;
  // `acquired` is called once; at once where there is one. max() waits for ever.
  std::shared_ptr<Turn> acquire(std::chrono::milliseconds timeout, Acquired acquired);
  std::optional<PooledModel> try_acquire();
  void give_back(const AsyncContext& context);
  // On a blocking thread.
  Result<void> resize(int32_t n);

  PoolStats stats() const;
  MemoryLedger memory() const;
  const AsyncModel& model() const { return model_; }
  const std::shared_ptr<RuntimeCore>& runtime() const { return model_.core()->runtime(); }

 private:
  using Instances = std::vector<std::shared_ptr<ContextCore>>;
  PoolCore(AsyncModel model, const ContextParams& params, Instances instances);
  PooledModel take();
  void put(const std::shared_ptr<ContextCore>& instance);

  const AsyncModel model_;
  const ContextParams params_;
  Gate gate_;
  std::mutex resize_mutex_;
  mutable std::mutex mutex_;
  Instances idle_;        // guarded by mutex_, as is all that follows
  int32_t size_, total_;  // that shall be; that are
  // The engines of the instances; a pool that grew has several.
  std::vector<std::weak_ptr<ContextCore>> all_;
};

}  // namespace weft::async::detail
