// ModelPool: contexts over one model, lent out one at a time.
#include <chrono>

#include "api/async/model_pool.h"
#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/handles.h"

using namespace weft;
using namespace weft::c;

struct weft_pool {
  async::ModelPool value;
};

struct weft_lease {
  explicit weft_lease(async::PooledModel lent)
      : value(std::move(lent)), context{.value = value.context()} {}
  async::PooledModel value;
  weft_async_context context;
};

extern "C" {

weft_status weft_pool_new(const weft_async_model* model, int32_t n,
                          const weft_context_params* params, weft_on_pool on_pool, void* user_data,
                          weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {on_pool, "on_pool"}}));
    WEFT_TRY_ASSIGN(auto all, context_params_of(params));
    async::ModelPool::create(model->value, n, std::move(all),
                             answer_handle<async::ModelPool>(on_pool, user_data));
    return {};
  });
}

weft_status weft_pool_load(weft_runtime* runtime, const char* path, const weft_async_config* config,
                           int32_t n, weft_on_pool on_pool, void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{path, "path"}, {on_pool, "on_pool"}}));
    WEFT_TRY_ASSIGN(auto all, async_config_of(path, config));
    auto made = answer_handle<async::ModelPool>(on_pool, user_data);
    if (runtime != nullptr) {
      async::ModelPool::create(*runtime->value, std::move(all), n, std::move(made));
    } else {
      async::ModelPool::create(std::move(all), n, std::move(made));
    }
    return {};
  });
}

void weft_pool_free(weft_pool* pool) { free_handle(pool); }

weft_status weft_pool_acquire(const weft_pool* pool, int64_t timeout_ms, weft_on_lease on_lease,
                              void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{pool, "pool"}, {on_lease, "on_lease"}}));
    auto lent = answer_handle<async::PooledModel>(on_lease, user_data);
    if (timeout_ms < 0) {
      pool->value.acquire(std::move(lent));
    } else {
      pool->value.acquire_for(std::chrono::milliseconds(timeout_ms), std::move(lent));
    }
    return {};
  });
}

weft_status weft_pool_try_acquire(const weft_pool* pool, weft_lease** lease, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{pool, "pool"}, {lease, "lease"}}));
    auto lent = pool->value.try_acquire();
    *lease = nullptr;
    if (lent) hand_out(lease, std::move(*lent));
    return {};
  });
}

const weft_async_context* weft_lease_context(const weft_lease* lease) {
  return lease != nullptr ? &lease->context : nullptr;
}

void weft_lease_free(weft_lease* lease) { free_handle(lease); }

weft_status weft_pool_generate(const weft_pool* pool, const char* prompt, size_t size,
                               int32_t max_tokens, weft_on_text on_text, void* user_data,
                               weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{pool, "pool"}, {on_text, "on_text"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    pool->value.generate(std::string(text), max_tokens, answer_text(on_text, user_data));
    return {};
  });
}

weft_status weft_pool_resize(const weft_pool* pool, int32_t n, weft_on_done on_done,
                             void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{pool, "pool"}, {on_done, "on_done"}}));
    pool->value.resize(n, answer_done(on_done, user_data));
    return {};
  });
}

weft_status weft_pool_get_stats(const weft_pool* pool, weft_pool_stats* stats, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{pool, "pool"}}));
    const async::PoolStats all = pool->value.stats();
    return fill(stats,
                weft_pool_stats{.struct_size = 0,
                                .size = all.size,
                                .available = all.available,
                                .in_use = all.in_use,
                                .waiting = all.waiting},
                "stats");
  });
}

}  // extern "C"
