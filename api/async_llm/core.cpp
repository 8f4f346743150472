#include "api/async_llm/core.h"

#include <algorithm>
#include <utility>

#include "api/engine/stream_hooks.h"

namespace weft::llm {
namespace {

// The Core whose worker this thread is.
thread_local const Core* worker_of = nullptr;

// From now on, or as good as for ever where a caller means that.
Clock::time_point in(std::chrono::milliseconds time) {
  return Clock::now() + std::min<std::chrono::milliseconds>(time, std::chrono::years(10));
}

Error shut_down_error() { return {ErrorCode::kShutDown, "the AsyncLLM was shut down"}; }

Result<GenerationOutput> unknown(RequestId id) {
  return fail(ErrorCode::kNotFound, "request " + std::to_string(id) +
                                        ": not known; it was never given, was fetched already, or "
                                        "has expired");
}

}  // namespace

Core::Core(const AsyncLLMConfig& config, std::unique_ptr<Engine> engine)
    : config_(config), engine_(std::move(engine)) {}

Result<std::shared_ptr<Core>> Core::create(std::shared_ptr<const Model> model,
                                           const AsyncLLMConfig& config) {
  EngineConfig engine_config{.max_sequences = config.max_sequences,
                             .max_queue = config.max_queue_size,
                             .block_size = config.block_size,
                             .num_blocks = config.num_blocks};
  if (config.num_blocks < 1) {  // the engine would take it as a wish for its default
    return fail(ErrorCode::kInvalidArgument,
                "num_blocks: " + std::to_string(config.num_blocks) + ", expected at least 1");
  }
  if (config.max_seq_length < 2 || config.worker_count < 1 || config.worker_count > 1024) {
    return fail(ErrorCode::kInvalidArgument,
                "max_seq_length: " + std::to_string(config.max_seq_length) +
                    ", expected at least 2; worker_count: " + std::to_string(config.worker_count) +
                    ", expected 1 to 1024");
  }
  if (config.dtype == "float16") {
    engine_config.kv_type = "f16";
  } else if (config.dtype == "bfloat16") {
    engine_config.kv_type = "bf16";
  } else if (config.dtype == "float32") {
    engine_config.kv_type = "f32";
  } else {
    return fail(ErrorCode::kInvalidArgument,
                "dtype: \"" + config.dtype + "\", expected float16, bfloat16 or float32");
  }
  WEFT_TRY_ASSIGN(auto engine, Engine::create(std::move(model), engine_config));
  std::shared_ptr<Core> core(new Core(config, std::move(engine)));
  for (int32_t i = 0; i < config.worker_count; ++i) {
    auto worker = platform::Thread::start({.name = "weft-llm"}, [core] {
      worker_of = core.get();
      core->work();
    });
    if (!worker) {
      core->shutdown(Engine::Shutdown::kNow);
      return tl::unexpected(worker.error());
    }
    core->workers_.push_back(std::move(*worker));
  }
  return core;
}

// ------------------------------------------------------------------ submission

Result<void> Core::submit(const Pending& request, WhenFull when_full) {
  if (static_cast<int>(request->options.priority) >= kNumPriorities) {
    return fail(ErrorCode::kInvalidArgument, "priority: not one of low, normal, high and urgent");
  }
  Lock lock(mutex_);
  if (closed_) return tl::unexpected(shut_down_error());
  if (when_full == WhenFull::kRefuse && (!in_line_.empty() || is_full())) {
    return fail(ErrorCode::kQueueFull, "the queue holds " + std::to_string(config_.max_queue_size) +
                                           " requests and is full");
  }
  request->id = ++last_id_;
  requests_.emplace(request->id, request);
  ++counts_.submitted;
  ++unfinished_;
  if (request->options.timeout.count() > 0) {
    set_timer(request, in(request->options.timeout));
  }
  in_line_.push(request);
  let_in();
  if (when_full != WhenFull::kWait || worker_of == this) return {};
  const auto in_line = [&] { return request->place == PendingRequest::Place::kInLine; };
  let_in_.wait(lock, [&] { return !in_line(); });
  return {};
}

void Core::submit_or_answer(const Pending& request, WhenFull when_full) {
  const auto submitted = submit(request, when_full);
  if (submitted) return;
  {
    const std::lock_guard lock(mutex_);
    request->place = PendingRequest::Place::kDone;  // before its reader asks for its end
  }
  give(*request, tl::unexpected(submitted.error()));
}

// What waits: for a worker, with one, and in the engine. A request passes from one of these counts
// to the next while the mutex is held, so that none is missed and none counted twice.
bool Core::is_full() const {
  const auto before_engine = static_cast<int64_t>(to_prepare_.size()) + preparing_;
  return before_engine + engine_->num_waiting() >= config_.max_queue_size;
}

void Core::let_in() {
  bool any = false;
  for (; !in_line_.empty() && !is_full(); any = true) {
    Pending request = in_line_.pop();
    request->place = PendingRequest::Place::kToPrepare;
    to_prepare_.push(std::move(request));
    work_there_.notify_one();
  }
  if (any) let_in_.notify_all();
}

bool Core::cancel(RequestId id) {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second->place == PendingRequest::Place::kDone) {
    return false;
  }
  end_early(found->second, {ErrorCode::kCancelled, "Generation cancelled"});
  return true;
}

void Core::end_early(const Pending& request, Error error) {
  using Place = PendingRequest::Place;
  if (request->place == Place::kDone || request->ended_early) return;
  request->ended_early = std::move(error);
  if (request->stream) request->stream->cancel();
  if (request->place == Place::kInLine) {
    in_line_.remove(request);
    to_read(request);
    let_in_.notify_all();
  } else if (request->place == Place::kToPrepare) {
    to_prepare_.remove(request);
    to_read(request);
    let_in();
  }
}

Error Core::reason_of(const Pending& request, Error error) const {
  const std::lock_guard lock(mutex_);
  return request->ended_early && error.code == ErrorCode::kCancelled ? *request->ended_early
                                                                     : error;
}

// ------------------------------------------------------------------ answers

void Core::get_result(RequestId id, AsyncLLM::OnDone on_done) {
  std::optional<Result<GenerationOutput>> answer;
  {
    const std::lock_guard lock(mutex_);
    const auto found = requests_.find(id);
    if (found == requests_.end() || found->second->kind != Kind::kKept) {
      answer = unknown(id);
    } else if (const Pending request = found->second; request->answer) {
      answer = std::move(request->answer);
      leave(request);
    } else {
      request->waiting_for.push_back(std::move(on_done));
      return;
    }
  }
  call(std::move(on_done), std::move(*answer));
}

Polled Core::try_get_result(RequestId id) {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second->kind != Kind::kKept) return {};
  const Pending request = found->second;
  if (!request->answer) return {.state = Polled::State::kNotReady};
  leave(request);
  return {.state = Polled::State::kReady, .result = std::move(request->answer)};
}

// A request that is done and not kept is forgotten.
void Core::leave(const Pending& request) {
  if (request->answer) --counts_.results_kept;
  drop_timer(*request);
  requests_.erase(request->id);
}

void Core::count(const std::optional<Error>& error) {
  if (!error) {
    ++counts_.completed;
  } else if (error->code == ErrorCode::kCancelled) {
    ++counts_.cancelled;
  } else if (error->code == ErrorCode::kTimedOut) {
    ++counts_.timed_out;
  } else {
    ++counts_.failed;
  }
}

void Core::reader_done(const Pending& request, const std::optional<Error>& error) {
  std::shared_ptr<TokenStream> stream;  // goes when the mutex is free
  const std::lock_guard lock(mutex_);
  if (request->place != PendingRequest::Place::kWithReader) {
    return end_early(request, {ErrorCode::kCancelled, "the reader has gone"});
  }
  request->place = PendingRequest::Place::kDone;
  stream = std::move(request->stream);
  if (error) stream->cancel();
  count(error);
  leave(request);
}

void Core::when_readable(const Pending& request, TokenStream* stream, std::function<void()> hook) {
  if (stream != nullptr) {
    // It takes the place of the hook that hand_back() has set, and does what that did.
    const auto self = shared_from_this();
    return engine::StreamHooks::when_ready(*stream, [self, request, hook = std::move(hook)] {
      self->told(request, false);
      hook();
    });
  }
  {
    const std::lock_guard lock(mutex_);
    using Place = PendingRequest::Place;
    if (request->place != Place::kWithReader && request->place != Place::kDone) {
      request->on_prepared = std::move(hook);
      return;
    }
  }
  hook();
}

AsyncLLMStats Core::stats() const {
  const EngineStats engine = engine_->stats();
  const std::lock_guard lock(mutex_);
  AsyncLLMStats stats = counts_;
  stats.waiting_for_room = static_cast<int32_t>(in_line_.size());
  stats.waiting = static_cast<int32_t>(to_prepare_.size()) + preparing_ + engine_->num_waiting();
  stats.running = engine.running;
  stats.prompt_tokens = engine.prompt_tokens;
  stats.generated_tokens = engine.generated_tokens;
  stats.blocks_total = engine.blocks_capacity;
  stats.blocks_used = engine.blocks_owned;
  return stats;
}

// ------------------------------------------------------------------ timers

void Core::set_timer(const Pending& request, Clock::time_point when) {
  drop_timer(*request);
  request->timer = timers_.emplace(when, request);
  if (*request->timer == timers_.begin()) work_there_.notify_one();
}

void Core::keep(const Pending& request, Result<GenerationOutput> answer) {
  request->answer = std::move(answer);
  ++counts_.results_kept;
  set_timer(request, in(config_.keep_results));
}

void Core::drop_timer(PendingRequest& request) {
  if (request.timer) timers_.erase(*request.timer);
  request.timer.reset();
}

void Core::ring_timers() {
  while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
    const Pending request = timers_.begin()->second.lock();
    drop_timer(*request);  // what has a timer is in requests_
    if (request->place == PendingRequest::Place::kDone) {
      ++counts_.results_expired;
      leave(request);
    } else {
      end_early(request, {ErrorCode::kTimedOut,
                          "request " + std::to_string(request->id) + ": not finished within " +
                              std::to_string(request->options.timeout.count()) + " ms"});
    }
  }
}

// ------------------------------------------------------------------ the end

void Core::shutdown(Engine::Shutdown how) {
  const bool by_worker = worker_of == this;
  if (by_worker) how = Engine::Shutdown::kNow;  // its own request would never be finished
  {
    Lock lock(mutex_);
    closed_ = true;
    if (how == Engine::Shutdown::kDrain) {
      all_done_.wait(lock, [this] { return unfinished_ == 0; });
    }
    while (!in_line_.empty()) end_early(in_line_.pop(), shut_down_error());
    while (!to_prepare_.empty()) end_early(to_prepare_.pop(), shut_down_error());
  }
  engine_->shutdown(how);
  {
    const std::lock_guard lock(mutex_);
    engine_gone_ = true;
  }
  work_there_.notify_all();
  // A worker that finds another thread joining is itself being waited for.
  std::unique_lock joining(shutdown_mutex_, std::defer_lock);
  if (by_worker && !joining.try_lock()) return;
  if (!by_worker) joining.lock();
  for (platform::Thread& worker : workers_) {
    if (worker.is_current()) {
      worker.detach();  // ends by itself; it keeps this alive until then
    } else {
      worker.join();
    }
  }
  workers_.clear();
}

}  // namespace weft::llm
