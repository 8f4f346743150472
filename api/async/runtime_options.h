// What a runtime is made of, and what it tells about itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace weft::async {

// The threads of a runtime.
struct RuntimeOptions {
  int worker_threads = 0;         // run coroutines and callbacks; 0: the cores this process may use
  int max_blocking_threads = 16;  // for spawn_blocking(), loading, tokenising; started when needed
  size_t thread_stack_bytes = 0;  // of either kind; 0: the system's default
  std::string thread_name = "weft";  // workers; the others add "-blocking"; 15 bytes are shown
  // Called, on the worker's thread, with what a callback threw; the worker goes on. Must not throw.
  std::function<void(std::string_view what)> on_exception;
};

// Exact, as of one moment.
struct RuntimeMetrics {
  size_t active_tasks = 0;         // spawned, blocking ones included, and not ended
  uint64_t completed_tasks = 0;    // ended, however
  size_t worker_threads = 0;       // 0 over an executor of the caller's
  size_t blocking_threads = 0;     // started so far
  uint64_t total_generations = 0;  // that came to their end: not cancelled, timed out or failed
  double avg_generation_ms = 0;    // of those, from the call to the last token
  uint64_t uptime_seconds = 0;     // since it was made
};

}  // namespace weft::async
