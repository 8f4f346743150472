// Core: an AsyncLLM's inside: the line in front of the engine, the worker threads, the answers
// that are kept. Knows requests and text; what runs when is the engine's business.
//
// A request waits in line until the queue has a place, then for a worker, who tokenises it and
// gives it to the engine. The engine tells of its first token and of its end (of every token where
// there are stop sequences), and a worker reads what there is. Workers never wait for the model.
// Thread-safe. The step thread takes the mutex for a moment when it tells; nobody calls others'
// code while holding it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/async_llm/async_llm.h"
#include "api/async_llm/pending_request.h"
#include "api/async_llm/request_line.h"
#include "core/platform/thread.h"

namespace weft::llm {

class Core : public std::enable_shared_from_this<Core> {
 public:
  using Pending = std::shared_ptr<PendingRequest>;
  using Kind = PendingRequest::Kind;

  static Result<std::shared_ptr<Core>> create(std::shared_ptr<const Model> model,
                                              const AsyncLLMConfig& config);

  enum class WhenFull {
    kWait,    // until there is a place; a worker does not
    kRefuse,  // kQueueFull
    kInLine,  // the request waits, not the caller
  };
  // Takes a request in and numbers it. Fails with kQueueFull or kShutDown.
  Result<void> submit(const Pending& request, WhenFull when_full);
  // The same; where it fails, that is the answer.
  void submit_or_answer(const Pending& request, WhenFull when_full);
  bool cancel(RequestId id);

  void get_result(RequestId id, AsyncLLM::OnDone on_done);
  Polled try_get_result(RequestId id);

  // A stream's reader is done with it: at its end, or because it has gone.
  void reader_done(const Pending& request, const std::optional<Error>& error);
  // Calls `hook` once, when a stream's reader has something to take, or may after one more look: it
  // was prepared or refused (`stream` is null before), a token has come, it has ended.
  void when_readable(const Pending& request, TokenStream* stream, std::function<void()> hook);
  // Why the request was ended from outside, if it was; else `error`.
  Error reason_of(const Pending& request, Error error) const;

  AsyncLLMStats stats() const;
  const AsyncLLMConfig& config() const { return config_; }
  Engine& engine() const { return *engine_; }
  void shutdown(Engine::Shutdown how);

 private:
  using Lock = std::unique_lock<std::mutex>;
  Core(const AsyncLLMConfig& config, std::unique_ptr<Engine> engine);

  // --- With the mutex held ---
  bool is_full() const;
  void let_in();
  void end_early(const Pending& request, Error error);
  void to_read(const Pending& request);
  void set_timer(const Pending& request, Clock::time_point when);
  void keep(const Pending& request, Result<GenerationOutput> answer);
  void drop_timer(PendingRequest& request);
  void ring_timers();
  void count(const std::optional<Error>& error);
  void leave(const Pending& request);

  // --- The workers; each is entered and left with the mutex held ---
  void work();
  void prepare(Lock& lock, const Pending& request);
  void read(Lock& lock, const Pending& request);
  void hand_back(Lock& lock, const Pending& request);
  void finish(Lock& lock, const Pending& request, Result<GenerationOutput> answer);
  static void give(PendingRequest& request, Result<GenerationOutput> answer);
  static void call(AsyncLLM::OnDone on_done, Result<GenerationOutput> answer);
  Result<Request> engine_request(PendingRequest& request) const;

  // --- The step thread ---
  void told(const Pending& request, bool ended);

  const AsyncLLMConfig config_;
  const std::unique_ptr<Engine> engine_;

  mutable std::mutex mutex_;
  std::condition_variable work_there_;  // for workers
  std::condition_variable let_in_;      // for submitters in line
  std::condition_variable all_done_;    // for a draining shutdown
  // Guarded by mutex_.
  bool closed_ = false;       // nothing new is taken in
  bool engine_gone_ = false;  // it tells of nothing any more
  RequestId last_id_ = 0;
  std::map<RequestId, Pending> requests_;  // under way, or done and kept
  RequestLine in_line_, to_prepare_;
  std::deque<Pending> to_read_;
  int32_t preparing_ = 0;   // with a worker, not yet with the engine
  int32_t unfinished_ = 0;  // that workers have to do with still
  Timers timers_;
  AsyncLLMStats counts_;
  std::mutex shutdown_mutex_;
  std::vector<platform::Thread> workers_;  // guarded by shutdown_mutex_ once they run
};

}  // namespace weft::llm
