// Runtimes, and functions of the caller's that run on them.
#include "api/async/runtime.h"

#include <chrono>
#include <stop_token>

#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/handles.h"
#include "api/c/work.h"

using namespace weft;
using namespace weft::c;

struct weft_task {
  async::JoinHandle<void> value;
};

namespace weft::c {

Result<std::shared_ptr<async::Runtime>> runtime_of(const weft_runtime* runtime) {
  if (runtime != nullptr) return runtime->value;
  WEFT_TRY_ASSIGN(auto own, async::Runtime::create({.worker_threads = 1}));
  return std::make_shared<async::Runtime>(std::move(own));
}

weft_runtime_metrics metrics_of(const async::RuntimeMetrics& metrics) {
  return {.struct_size = sizeof(weft_runtime_metrics),
          .active_tasks = metrics.active_tasks,
          .completed_tasks = metrics.completed_tasks,
          .worker_threads = metrics.worker_threads,
          .blocking_threads = metrics.blocking_threads,
          .total_generations = metrics.total_generations,
          .avg_generation_ms = metrics.avg_generation_ms,
          .uptime_seconds = metrics.uptime_seconds};
}

Result<void> run_work(weft_work work, void* user_data, const std::stop_token& stop) {
  weft_cancel cancel;
  const std::stop_callback link(stop, [&cancel] { cancel.value.cancel(); });
  weft_error* error = nullptr;
  const weft_status status = call_out(work, user_data, &std::as_const(cancel), &error);
  return outcome_of(status, error);
}

}  // namespace weft::c

namespace {

const async::RuntimeOptions& defaults() {
  static const async::RuntimeOptions options;
  return options;
}

async::Awaitable<Result<void>> run_on_worker(weft_work work, void* user_data) {
  co_return run_work(work, user_data, {});
}

Result<void> hand_out_task(async::JoinHandle<void> spawned, weft_on_done on_done, void* user_data,
                           weft_task** task) {
  if (on_done != nullptr) spawned.join(answer_done(on_done, user_data));
  if (task != nullptr) hand_out(task, std::move(spawned));
  return {};
}

}  // namespace

extern "C" {

void weft_runtime_options_init(weft_runtime_options* options, size_t struct_size) {
  init_struct(options, struct_size,
              weft_runtime_options{.struct_size = 0,
                                   .worker_threads = defaults().worker_threads,
                                   .max_blocking_threads = defaults().max_blocking_threads,
                                   .thread_stack_bytes = defaults().thread_stack_bytes,
                                   .thread_name = defaults().thread_name.c_str()});
}

weft_status weft_runtime_new(const weft_runtime_options* options, weft_runtime** runtime,
                             weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{runtime, "runtime"}}));
    WEFT_TRY_ASSIGN(const auto all, options_of(options, weft_runtime_options_init, "options"));
    WEFT_TRY_ASSIGN(
        auto made,
        async::Runtime::create({.worker_threads = all.worker_threads,
                                .max_blocking_threads = all.max_blocking_threads,
                                .thread_stack_bytes = all.thread_stack_bytes,
                                .thread_name = text_or(all.thread_name, defaults().thread_name)}));
    hand_out(runtime, std::make_shared<async::Runtime>(std::move(made)));
    return {};
  });
}

weft_status weft_runtime_shutdown(weft_runtime* runtime, int64_t timeout_ms, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{runtime, "runtime"}}));
    return runtime->value->shutdown(std::chrono::milliseconds(timeout_ms));
  });
}

void weft_runtime_free(weft_runtime* runtime) {
  // Others may hold the Runtime, but who frees this handle wants its threads to end.
  if (runtime != nullptr) (void)weft_runtime_shutdown(runtime, 0, nullptr);
  free_handle(runtime);
}

int32_t weft_runtime_is_running(const weft_runtime* runtime) {
  return runtime != nullptr && runtime->value->is_running() ? 1 : 0;
}

weft_status weft_runtime_get_metrics(const weft_runtime* runtime, weft_runtime_metrics* metrics,
                                     weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{runtime, "runtime"}}));
    return fill(metrics, metrics_of(runtime->value->metrics()), "metrics");
  });
}

weft_status weft_runtime_spawn(weft_runtime* runtime, weft_work work, weft_on_done on_done,
                               void* user_data, weft_task** task, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{runtime, "runtime"}, {work, "work"}}));
    return hand_out_task(runtime->value->spawn(run_on_worker(work, user_data)), on_done, user_data,
                         task);
  });
}

weft_status weft_runtime_spawn_blocking(weft_runtime* runtime, weft_work work, weft_on_done on_done,
                                        void* user_data, weft_task** task, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{runtime, "runtime"}, {work, "work"}}));
    return hand_out_task(runtime->value->spawn_blocking([work, user_data](std::stop_token stop) {
      return run_work(work, user_data, stop);
    }),
                         on_done, user_data, task);
  });
}

void weft_task_cancel(weft_task* task) {
  if (task != nullptr) task->value.cancel();
}

int32_t weft_task_is_finished(const weft_task* task) {
  return task == nullptr || task->value.is_finished() ? 1 : 0;
}

weft_status weft_task_join(weft_task* task, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{task, "task"}}));
    return task->value.get();
  });
}

void weft_task_free(weft_task* task) { free_handle(task); }

}  // extern "C"
