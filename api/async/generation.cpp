#include "api/async/generation.h"

#include <utility>

#include "api/engine/stream_hooks.h"
#include "core/text/tokenizer.h"

namespace weft::async::detail {
namespace {

using engine::StreamHooks;

Error timed_out_error(int64_t ms) {
  return {ErrorCode::kTimedOut, "not done within " + std::to_string(ms) + " ms"};
}

}  // namespace

// ------------------------------------------------------------------ the ways to ask for one

void Generation::open(GenerationSpec spec, OpPtr<TokenStream> op) {
  op->begin(spec.core->fallback(), spec.keep_alive);
  const auto self = std::make_shared<Generation>(std::move(spec));
  op->on_cancel([weak = std::weak_ptr(self)] {
    if (const auto generation = weak.lock()) generation->stop(generation_cancelled());
  });
  const Answer<TokenStream> answer(op);
  // The caller's stream owns the generation from here on; until then its begin() does.
  self->begin(
      [weak = std::weak_ptr(self), answer](Result<void> started) {
        const auto generation = weak.lock();
        if (!started) return answer(tl::unexpected(started.error()));
        answer(TokenStream(generation));
      },
      nullptr);
}

void Generation::collect(GenerationSpec spec, OpPtr<std::string> op) {
  op->begin(spec.core->fallback(), spec.keep_alive);
  std::stop_source stop;
  spec.stops.push_back(stop.get_token());
  op->on_cancel([stop]() mutable { stop.request_stop(); });
  collect(std::move(spec), [answer = Answer<std::string>(op)](Result<Whole> whole) {
    answer(std::move(whole).map([](Whole&& w) { return std::move(w.text); }));
  });
}

std::shared_ptr<Generation> Generation::collect(GenerationSpec spec, WithWhole with_whole) {
  auto self = std::make_shared<Generation>(std::move(spec));
  self->begin(
      [with_whole](Result<void> started) {
        if (!started) with_whole(tl::unexpected(started.error()));
      },
      [weak = std::weak_ptr(self), with_whole] {
        if (const auto generation = weak.lock()) with_whole(generation->read_whole());
      });
  return self;
}

// ------------------------------------------------------------------ from the call to the engine

void Generation::begin(Started started, Ended ended) {
  const auto self = shared_from_this();
  started_ = std::move(started);
  ended_ = std::move(ended);
  if (!spec_.core->enter(self)) return refuse(runtime_shut_down());
  if (const int64_t ms = spec_.config.timeout_ms; ms > 0) {
    const std::lock_guard lock(mutex_);
    deadline_ = spec_.core->timers().add(began_ + std::chrono::milliseconds(ms),
                                         [weak = weak_from_this(), ms] {
                                           if (const auto generation = weak.lock()) {
                                             generation->stop(timed_out_error(ms));
                                           }
                                         });
  }
  for (const std::stop_token& stop : spec_.stops) {
    on_stop_.emplace_back(stop, [weak = weak_from_this()] {
      if (const auto generation = weak.lock()) generation->stop(generation_cancelled());
    });
  }
  if (spec_.gate == nullptr) return placed();
  spec_.gate->enter(this, [self] {
    {
      const std::lock_guard lock(self->mutex_);
      self->has_place_ = true;
    }
    self->placed();
  });
  // Stopped before it was in line?
  if (auto why = why_stopped(); why && spec_.gate->leave_line(this)) refuse(std::move(*why));
}

std::optional<Error> Generation::why_stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void Generation::placed() {
  {
    const std::lock_guard lock(mutex_);
    stage_ = Stage::kPreparing;
  }
  if (!spec_.core->blocking().run([self = shared_from_this()] { self->prepare(); })) {
    refuse(runtime_shut_down());
  }
}

void Generation::prepare() {
  if (auto why = why_stopped()) return refuse(std::move(*why));
  auto prepared = spec_.prepare();
  if (!prepared) return refuse(prepared.error());
  auto stream = prepared->engine->submit(prepared->request);
  if (!stream) return refuse(stream.error());
  begin_reading(std::move(*stream), prepared->engine->model().tokenizer());
}

void Generation::begin_reading(weft::TokenStream stream, const Tokenizer& tokenizer) {
  Started started;
  {
    const std::scoped_lock lock(reader_mutex_, mutex_);
    stream_ = std::move(stream);
    tokenizer_ = &tokenizer;
    stage_ = Stage::kRunning;
    if (stopped_) stream_->cancel();  // it ends as one that was stopped a moment later
    started = std::exchange(started_, nullptr);
  }
  started({});
  StreamHooks::when_ended(*stream_, [core = spec_.core, weak = weak_from_this()](bool finished) {
    core->post([weak, finished] {
      if (const auto self = weak.lock()) self->engine_ended(finished);
    });
  });
}

// It never ran.
void Generation::refuse(Error why) {
  const auto self = shared_from_this();
  Started started;
  {
    const std::lock_guard lock(mutex_);
    stage_ = Stage::kEnded;
    started = std::exchange(started_, nullptr);
  }
  remove_deadline();
  release_place();
  spec_.core->leave(*this);
  if (started) started(tl::unexpected(std::move(why)));
}

void Generation::stop(Error why) {
  Stage stage;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || stage_ == Stage::kEnded) return;
    stopped_ = why;
    stage = stage_;
    if (stage == Stage::kRunning) stream_->cancel();
  }
  // In line, nobody else looks at it. Where its place is just being given it, prepare() will.
  if (stage == Stage::kWaiting && spec_.gate != nullptr && spec_.gate->leave_line(this)) {
    refuse(std::move(why));
  }
}

void Generation::engine_ended(bool finished) {
  const auto self = shared_from_this();
  Ended ended;
  bool was_stopped = false;
  {
    const std::lock_guard lock(mutex_);
    stage_ = Stage::kEnded;
    engine_done_ = true;
    was_stopped = stopped_.has_value();
    ended = std::exchange(ended_, nullptr);
  }
  remove_deadline();
  if (finished && !was_stopped) count();
  if (!spec_.place_until_read) release_place();
  settle();
  if (ended) ended();
  spec_.core->leave(*this);
}

// Once engine and reader are both done with it. Whoever comes second waits for the first: when a
// reader is told of the end, done() is behind it.
void Generation::settle() {
  {
    const std::lock_guard lock(reader_mutex_);
    {
      const std::lock_guard ended_lock(mutex_);
      if (!engine_done_ || !reader_done_) return;
    }
    if (std::exchange(settled_, true)) return;
    if (spec_.done) spec_.done(given_);
  }
  release_place();
}

void Generation::release_place() {
  bool had = false;
  {
    const std::lock_guard lock(mutex_);
    had = std::exchange(has_place_, false);
  }
  if (had) spec_.gate->release();
}

void Generation::remove_deadline() {
  std::optional<TimerQueue::Key> deadline;
  {
    const std::lock_guard lock(mutex_);
    deadline = std::exchange(deadline_, std::nullopt);
  }
  if (deadline) spec_.core->timers().remove(*deadline);
}

void Generation::count() {
  if (!counted_.exchange(true)) spec_.core->generation_ended(began_);
}

}  // namespace weft::async::detail
