// Named workers, and the queue that generation workers take requests from.
#include "api/async/task_manager.h"

#include <chrono>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/handles.h"
#include "api/c/work.h"

using namespace weft;
using namespace weft::c;

struct weft_queue {
  async::GenerationQueue value;
};

struct weft_task_manager {
  std::shared_ptr<async::Runtime> runtime;
  async::TaskManager value;
};

namespace {

namespace asio = boost::asio;

static_assert(static_cast<int>(async::WorkerStatus::State::kRunning) == WEFT_WORKER_RUNNING);
static_assert(static_cast<int>(async::WorkerStatus::State::kFinished) == WEFT_WORKER_FINISHED);
static_assert(static_cast<int>(async::WorkerStatus::State::kFailed) == WEFT_WORKER_FAILED);

// Work that waits has a blocking thread; the worker is the coroutine that waits for it. Being
// stopped it tells the work, and has ended when that has.
async::Awaitable<Result<void>> run_worker(std::shared_ptr<async::Runtime> runtime, weft_work work,
                                          void* user_data) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto running = runtime->spawn_blocking(
      [work, user_data](std::stop_token stop) { return run_work(work, user_data, stop); });
  runtime.reset();
  Result<void> outcome = co_await running.join();
  const auto cancelled = co_await asio::this_coro::cancellation_state;
  if (cancelled.cancelled() == asio::cancellation_type::none) co_return outcome;
  running.cancel();
  if (!running.is_finished()) {
    co_await asio::this_coro::reset_cancellation_state();
    (void)co_await running.join();
  }
  co_return fail(ErrorCode::kCancelled, "the worker was stopped");
}

}  // namespace

extern "C" {

weft_status weft_queue_new(weft_runtime* runtime, weft_queue** queue, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{runtime, "runtime"}, {queue, "queue"}}));
    hand_out(queue, async::GenerationQueue(*runtime->value));
    return {};
  });
}

weft_status weft_queue_submit(const weft_queue* queue, const char* prompt, size_t size,
                              const weft_stream_config* config, weft_on_text on_text,
                              void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{queue, "queue"}, {on_text, "on_text"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    WEFT_TRY_ASSIGN(auto all, stream_config_of(config));
    queue->value.submit(std::string(text), std::move(all), answer_text(on_text, user_data));
    return {};
  });
}

void weft_queue_close(const weft_queue* queue) {
  if (queue != nullptr) queue->value.close();
}
int32_t weft_queue_waiting(const weft_queue* queue) {
  return queue != nullptr ? queue->value.waiting() : 0;
}
void weft_queue_free(weft_queue* queue) { free_handle(queue); }

weft_status weft_task_manager_new(weft_runtime* runtime, weft_task_manager** manager,
                                  weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{runtime, "runtime"}, {manager, "manager"}}));
    hand_out(manager, runtime->value, async::TaskManager(*runtime->value));
    return {};
  });
}

weft_status weft_task_manager_spawn_generation_worker(weft_task_manager* manager, const char* name,
                                                      const weft_async_model* model,
                                                      const weft_queue* queue, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{manager, "manager"}, {name, "name"}, {model, "model"}, {queue, "queue"}}));
    return manager->value.spawn_generation_worker(name, model->value, queue->value);
  });
}

weft_status weft_task_manager_spawn_metrics_collector(
    weft_task_manager* manager, const char* name, int64_t interval_ms,
    void (*sink)(void* user_data, const weft_runtime_metrics* metrics), void* user_data,
    weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{manager, "manager"}, {name, "name"}, {sink, "sink"}}));
    return manager->value.spawn_metrics_collector(
        std::chrono::milliseconds(interval_ms),
        [sink, user_data](const async::RuntimeMetrics& metrics) {
          const weft_runtime_metrics all = metrics_of(metrics);
          call_out(sink, user_data, &all);
        },
        name);
  });
}

weft_status weft_task_manager_spawn_worker(weft_task_manager* manager, const char* name,
                                           weft_work work, void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{manager, "manager"}, {name, "name"}, {work, "work"}}));
    return manager->value.spawn_worker(name, [runtime = manager->runtime, work, user_data] {
      return run_worker(runtime, work, user_data);
    });
  });
}

weft_status weft_task_manager_stop_all(weft_task_manager* manager, weft_on_done on_done,
                                       void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{manager, "manager"}, {on_done, "on_done"}}));
    manager->value.stop_all(answer_done(on_done, user_data));
    return {};
  });
}

weft_status weft_task_manager_get_status(const weft_task_manager* manager, const char* name,
                                         weft_worker_state* state, weft_error** why,
                                         weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{manager, "manager"}, {name, "name"}, {state, "state"}}));
    const auto all = manager->value.worker_status();
    const auto found = all.find(name);
    if (found == all.end()) {
      return fail(ErrorCode::kNotFound, std::string("worker \"") + name + "\": never spawned");
    }
    *state = static_cast<weft_worker_state>(found->second.state);
    if (why != nullptr) *why = nullptr;
    if (found->second.error) report(why, *found->second.error);
    return {};
  });
}

void weft_task_manager_free(weft_task_manager* manager) { free_handle(manager); }

}  // extern "C"
