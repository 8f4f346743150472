// Runtimes: functions of the caller's on them, and named workers.
#include "tests/api/c/check.h"
#include "tests/api/c/waiter.h"

static weft_error* error = NULL;

static weft_runtime* two_workers(void) {
  weft_runtime_options options;
  weft_runtime_options_init(&options, sizeof options);
  options.worker_threads = 2;
  weft_runtime* runtime = NULL;
  CHECK_OK(weft_runtime_new(&options, &runtime, &error));
  return runtime;
}

static weft_status succeed(void* user_data, const weft_cancel* cancel, weft_error** why) {
  (void)user_data, (void)cancel, (void)why;
  return WEFT_OK;
}

static weft_status fail_with_message(void* user_data, const weft_cancel* cancel, weft_error** why) {
  (void)user_data, (void)cancel;
  *why = weft_error_new(WEFT_IO_ERROR, "the disk is on fire");
  return WEFT_IO_ERROR;
}

static weft_status fail_silently(void* user_data, const weft_cancel* cancel, weft_error** why) {
  (void)user_data, (void)cancel, (void)why;
  return WEFT_NO_SPACE;
}

static weft_status wait_for_cancel(void* user_data, const weft_cancel* cancel, weft_error** why) {
  (void)why;
  if (user_data != NULL) on_done(user_data, NULL);  // it has begun
  while (!weft_cancel_is_requested(cancel)) {
  }
  return WEFT_CANCELLED;
}

static void work_tells_what_it_returned(void) {
  weft_runtime* runtime = two_workers();
  waiter w;
  waiter_init(&w);
  CHECK_OK(weft_runtime_spawn(runtime, succeed, on_done, &w, NULL, &error));
  CHECK(wait_once(&w) == WEFT_OK);
  CHECK_OK(weft_runtime_spawn(runtime, fail_with_message, on_done, &w, NULL, &error));
  CHECK(wait_once(&w) == WEFT_IO_ERROR && strcmp(w.message, "the disk is on fire") == 0);
  CHECK_OK(weft_runtime_spawn_blocking(runtime, fail_silently, on_done, &w, NULL, &error));
  CHECK(wait_once(&w) == WEFT_NO_SPACE && strstr(w.message, "no_space") != NULL);
  weft_task* task = NULL;
  CHECK_OK(weft_runtime_spawn_blocking(runtime, fail_with_message, NULL, NULL, &task, &error));
  CHECK_FAILS(weft_task_join(task, &error), WEFT_IO_ERROR, "on fire");
  CHECK(weft_task_is_finished(task));
  weft_task_free(task);
  weft_runtime_metrics metrics = {.struct_size = sizeof metrics};
  CHECK_OK(weft_runtime_get_metrics(runtime, &metrics, &error));
  CHECK(metrics.completed_tasks == 4 && metrics.active_tasks == 0 && metrics.worker_threads == 2);
  CHECK_FAILS(weft_runtime_spawn(runtime, NULL, on_done, &w, NULL, &error), WEFT_INVALID_ARGUMENT,
              "work: NULL");
  weft_runtime_free(runtime);
  waiter_destroy(&w);
}

static void a_task_sees_that_it_is_cancelled(void) {
  weft_runtime* runtime = two_workers();
  waiter w;
  waiter_init(&w);
  weft_task* task = NULL;
  CHECK_OK(weft_runtime_spawn_blocking(runtime, wait_for_cancel, NULL, &w, &task, &error));
  CHECK(wait_once(&w) == WEFT_OK);
  CHECK(!weft_task_is_finished(task));
  weft_task_cancel(task);
  CHECK_FAILS(weft_task_join(task, &error), WEFT_CANCELLED, "");
  weft_task_free(task);
  weft_runtime_free(runtime);
  waiter_destroy(&w);
}

static void a_shutdown_drains_or_forces(void) {
  weft_runtime* runtime = two_workers();
  waiter w;
  waiter_init(&w);
  CHECK(weft_runtime_is_running(runtime));
  CHECK_OK(weft_runtime_spawn_blocking(runtime, wait_for_cancel, NULL, &w, NULL, &error));
  CHECK(wait_once(&w) == WEFT_OK);
  CHECK_FAILS(weft_runtime_shutdown(runtime, 10, &error), WEFT_TIMED_OUT, "");
  CHECK(!weft_runtime_is_running(runtime));
  CHECK_OK(weft_runtime_spawn(runtime, succeed, on_done, &w, NULL, &error));
  CHECK(wait_once(&w) == WEFT_SHUT_DOWN);
  weft_runtime_free(runtime);
  weft_runtime_options options;
  weft_runtime_options_init(&options, sizeof options);
  options.worker_threads = -3;
  CHECK_FAILS(weft_runtime_new(&options, &runtime, &error), WEFT_INVALID_ARGUMENT,
              "worker_threads");
  waiter_destroy(&w);
}

static void hear_metrics(void* user_data, const weft_runtime_metrics* metrics) {
  waiter* w = user_data;
  waiter_begin(w, NULL);
  w->count = (size_t)metrics->worker_threads;
  waiter_end(w);
}

static void workers_answer_a_queue_and_are_stopped(void) {
  weft_runtime* runtime = two_workers();
  weft_model* weights = load_mini();
  weft_async_model* model = NULL;
  weft_queue* queue = NULL;
  weft_task_manager* manager = NULL;
  waiter w, metrics, begun;
  waiter_init(&w);
  waiter_init(&metrics);
  waiter_init(&begun);
  CHECK_OK(weft_async_model_over(runtime, weights, NULL, &model, &error));
  CHECK_OK(weft_queue_new(runtime, &queue, &error));
  CHECK_OK(weft_task_manager_new(runtime, &manager, &error));
  CHECK_OK(weft_task_manager_spawn_generation_worker(manager, "one", model, queue, &error));
  CHECK_FAILS(weft_task_manager_spawn_generation_worker(manager, "one", model, queue, &error),
              WEFT_INVALID_ARGUMENT, "one");
  weft_stream_config config;
  weft_stream_config_init(&config, sizeof config);
  config.max_tokens = 4;
  for (int i = 0; i < 3; ++i) {
    CHECK_OK(weft_queue_submit(queue, "Hi", WEFT_NTS, &config, on_text, &w, &error));
  }
  CHECK(wait_for(&w, 3) == 3 && w.status == WEFT_OK && weft_queue_waiting(queue) == 0);

  CHECK_OK(weft_task_manager_spawn_metrics_collector(manager, "metrics", 1, hear_metrics, &metrics,
                                                     &error));
  CHECK(wait_for(&metrics, 2) >= 2);
  // The collector goes on telling while this thread reads.
  pthread_mutex_lock(&metrics.mutex);
  CHECK(metrics.count == 2);
  pthread_mutex_unlock(&metrics.mutex);
  CHECK_OK(weft_task_manager_spawn_worker(manager, "broken", fail_with_message, NULL, &error));
  CHECK_OK(weft_task_manager_spawn_worker(manager, "patient", wait_for_cancel, &begun, &error));
  CHECK(wait_once(&begun) == WEFT_OK);
  weft_worker_state state = WEFT_WORKER_RUNNING;
  weft_error* why = NULL;
  do {
    weft_error_free(why);
    CHECK_OK(weft_task_manager_get_status(manager, "broken", &state, &why, &error));
  } while (state == WEFT_WORKER_RUNNING);
  CHECK(state == WEFT_WORKER_FAILED && weft_error_status(why) == WEFT_IO_ERROR);
  weft_error_free(why);
  CHECK_OK(weft_task_manager_get_status(manager, "patient", &state, &why, &error));
  CHECK(state == WEFT_WORKER_RUNNING && why == NULL);
  CHECK_FAILS(weft_task_manager_get_status(manager, "nobody", &state, &why, &error), WEFT_NOT_FOUND,
              "nobody");

  w.calls = 0;
  CHECK_OK(weft_task_manager_stop_all(manager, on_done, &w, &error));
  CHECK(wait_once(&w) == WEFT_OK);
  CHECK_OK(weft_task_manager_get_status(manager, "patient", &state, &why, &error));
  CHECK(state == WEFT_WORKER_FINISHED && why == NULL);
  CHECK_FAILS(weft_task_manager_spawn_worker(manager, "late", succeed, NULL, &error),
              WEFT_SHUT_DOWN, "");
  weft_queue_close(queue);
  CHECK_OK(weft_queue_submit(queue, "Hi", WEFT_NTS, &config, on_text, &w, &error));
  CHECK(wait_once(&w) == WEFT_SHUT_DOWN);
  weft_model_free(weights);
  weft_runtime_free(runtime);
  weft_queue_free(queue);
  weft_async_model_free(model);
  weft_task_manager_free(manager);
  waiter_destroy(&w);
  waiter_destroy(&metrics);
  waiter_destroy(&begun);
}

static const test tests[] = {
    {"work_tells_what_it_returned", work_tells_what_it_returned},
    {"a_task_sees_that_it_is_cancelled", a_task_sees_that_it_is_cancelled},
    {"a_shutdown_drains_or_forces", a_shutdown_drains_or_forces},
    {"workers_answer_a_queue_and_are_stopped", workers_answer_a_queue_and_are_stopped},
};
const suite runtime_suite = SUITE("Runtime", tests);
