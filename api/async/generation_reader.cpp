// A generation's reader: tokens as they are waited for, or all of them at the end.
#include <utility>

#include "api/async/generation.h"
#include "api/engine/stream_hooks.h"
#include "core/text/tokenizer.h"

namespace weft::async::detail {
void Generation::next(NextOp op) {
  op->begin(spec_.core->fallback(), spec_.keep_alive);
  op->on_cancel([weak = weak_from_this(), weak_op = std::weak_ptr(op)] {
    const auto self = weak.lock();
    const auto waiting = weak_op.lock();
    if (self && waiting) self->cancel_next(waiting);
  });
  bool is_first = false;
  {
    const std::lock_guard lock(reader_mutex_);
    is_first = !reading_;
    if (is_first) reading_ = op;
  }
  if (is_first) return advance(op, false);
  op->finish(fail(ErrorCode::kInvalidArgument, "next: another next() of this stream is waiting"));
}

void Generation::advance(const NextOp& op, bool on_its_executor) {
  Given given;
  {
    const std::lock_guard lock(reader_mutex_);
    if (reading_ != op) return;  // cancelled meanwhile
    given = take_token();
    if (!given) return wait_to_advance(op);
    reading_.reset();
  }
  settle();
  if (on_its_executor) {
    op->finish_here(std::move(*given));
  } else {
    op->finish(std::move(*given));
  }
}

void Generation::wait_to_advance(const NextOp& op) {
  // The hook may hold the op, whose handler its executor's context owns, but nothing of ours.
  auto look_again = [op, weak = weak_from_this()] {
    op->post([op, weak] {
      if (const auto self = weak.lock()) self->advance(op, true);
    });
  };
  if (Clock::now() < not_before_) {
    spec_.core->timers().add(not_before_, std::move(look_again));
  } else {
    engine::StreamHooks::when_ready(*stream_, std::move(look_again));
  }
}

void Generation::cancel_next(const NextOp& op) {
  {
    const std::lock_guard lock(reader_mutex_);
    if (reading_ != op) return;
    reading_.reset();
  }
  op->finish(fail(ErrorCode::kCancelled, "the wait for a token was cancelled"));
}

std::optional<Result<std::optional<TokenData>>> Generation::try_next() {
  Given given;
  {
    const std::lock_guard lock(reader_mutex_);
    given = take_token();
  }
  settle();
  return given;
}

Generation::Given Generation::take_token() {
  if (spec_.config.delay_ms > 0 && Clock::now() < not_before_) return std::nullopt;
  auto taken = stream_->try_next();
  if (!taken) return std::nullopt;
  if (!*taken) {
    reader_at_end();
    Error error = taken->error();
    // Why it was stopped, where that was asked of us and not of the engine.
    if (auto why = why_stopped(); why && error.code == ErrorCode::kCancelled) {
      error = std::move(*why);
    }
    return Result<std::optional<TokenData>>(tl::unexpected(std::move(error)));
  }
  if (!**taken) {
    reader_at_end();
    return Result<std::optional<TokenData>>(std::nullopt);
  }
  return Result<std::optional<TokenData>>(data_of(std::move(***taken)));
}

TokenData Generation::data_of(TokenOutput output) {
  const bool stop = tokenizer_->is_stop(output.id);
  // By a stop string, that is: one that was cancelled is finished too, and has no reason.
  const bool cut = stream_->is_finished() && stream_->finish_reason();
  TokenData data{.text = std::move(output.text),
                 .token_id = output.id,
                 .is_final = stop || cut || output.index + 1 == spec_.config.max_tokens,
                 .logprob = output.logprob.value_or(0)};
  ++num_given_;
  if (!stop) given_.push_back(output.id);
  if (data.is_final) {
    count();
    reader_done();
  }
  if (spec_.config.delay_ms > 0) {
    not_before_ = Clock::now() + std::chrono::milliseconds(spec_.config.delay_ms);
  }
  return data;
}

void Generation::reader_done() {
  const std::lock_guard lock(mutex_);
  reader_done_ = true;
}

// The engine says so: it has the blocks back, and need not be waited for.
void Generation::reader_at_end() {
  const std::lock_guard lock(mutex_);
  reader_done_ = engine_done_ = true;
}

bool Generation::is_finished() const {
  const std::lock_guard lock(reader_mutex_);
  return stream_->is_finished();
}

int32_t Generation::num_given() const {
  const std::lock_guard lock(reader_mutex_);
  return num_given_;
}

void Generation::abandon() {
  NextOp op;
  {
    const std::lock_guard lock(reader_mutex_);
    op = std::exchange(reading_, nullptr);
  }
  stop(generation_cancelled());
  reader_done();
  settle();
  if (op) op->finish(tl::unexpected(generation_cancelled()));
}

// The engine is done with it, so nothing is waited for.
Result<Generation::Whole> Generation::read_whole() {
  Whole whole;
  while (auto given = try_next()) {
    if (!*given) return tl::unexpected(given->error());
    if (!**given) break;
    whole.text += (**given)->text;
  }
  const std::lock_guard lock(reader_mutex_);
  whole.ids = given_;
  return whole;
}

}  // namespace weft::async::detail
