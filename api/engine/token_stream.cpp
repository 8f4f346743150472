// The reader's side of a generation: ids become text here, on the reader's thread.
#include <deque>
#include <utility>

#include "api/engine.h"
#include "api/engine/step_loop.h"
#include "api/engine/stream_hooks.h"
#include "api/engine/stream_reader.h"

namespace weft {

TokenStream::Reader::Reader(std::shared_ptr<engine::Job> job, engine::StepLoop& loop,
                            std::vector<std::string> stop_strings)
    : job_(std::move(job)),
      loop_(&loop),
      inbox_(loop.inbox()),
      model_(loop.model()),
      prompt_ids_(job_->state.sequence.ids),
      detokenizer_(model_->tokenizer(), false, DetokenizerStream::Start::kContinuation),
      stops_(std::move(stop_strings)) {}

// Posted work names the loop, which runs it itself: the inbox refuses it once the loop has gone.
TokenStream::Reader::~Reader() {
  job_->tokens.when_ready(nullptr);
  if (!done_) cancel();
}

void TokenStream::Reader::when_ready(engine::TokenQueue::Hook hook) {
  if (hook && (!ready_.empty() || done_)) return hook();
  job_->tokens.when_ready(std::move(hook));
}

void TokenStream::Reader::cancel() {
  inbox_->post([loop = loop_, job = job_] { loop->cancel(job); });
}

Result<std::optional<TokenOutput>> TokenStream::Reader::next(Deadline deadline) {
  while (ready_.empty() && !done_) {
    engine::TokenQueue::Taken taken = job_->tokens.take(deadline);
    if (taken.token) {
      take_in(std::move(*taken.token), taken.left);
    } else if (taken.end != nullptr) {
      take_end(*taken.end);
    } else {
      return fail(ErrorCode::kTimedOut, "no token within the time allowed");
    }
  }
  if (!ready_.empty()) {
    TokenOutput output = std::move(ready_.front());
    ready_.pop_front();
    return output;
  }
  if (error_) return tl::unexpected(*error_);
  return std::nullopt;
}

std::optional<Result<std::optional<TokenOutput>>> TokenStream::Reader::try_next() {
  auto result = next(Deadline::min());
  if (!result && result.error().code == ErrorCode::kTimedOut) return std::nullopt;
  return result;
}

// A token whose text is not settled (half a character, the beginning of a stop string) waits for
// the next event, so that the last token can carry what turns out to be text after all.
void TokenStream::Reader::take_in(engine::Token token, int32_t left) {
  if (job_->buffer > 0 && left == job_->buffer / 2) {
    inbox_->post([loop = loop_, job = job_] { loop->resume(job); });
  }
  if (held_) ready_.push_back(std::exchange(held_, std::nullopt).value());
  TokenOutput output{.id = token.id,
                     .index = usage_.completion_tokens++,
                     .text = stops_.push(detokenizer_.push(token.id)),
                     .made_at = token.made_at,
                     .logprob = token.logprob,
                     .top_logprobs = std::move(token.top_logprobs)};
  if (stops_.stopped()) {
    ready_.push_back(std::move(output));
    done_ = true;
    finish_reason_ = FinishReason::kStopString;
    inbox_->post([loop = loop_, job = job_, kept = usage_.completion_tokens] {
      loop->stop_after(job, kept);
    });
  } else if (stops_.holding() || detokenizer_.holding()) {
    held_ = std::move(output);
  } else {
    ready_.push_back(std::move(output));
  }
}

void TokenStream::Reader::take_end(const engine::End& end) {
  done_ = true;
  finish_reason_ = end.reason;
  error_ = end.error;
  if (!held_) return;
  held_->text += stops_.push(detokenizer_.finish());
  // What was held back may complete a stop string with the replacement of a broken character.
  if (stops_.stopped()) finish_reason_ = FinishReason::kStopString;
  held_->text += stops_.finish();
  ready_.push_back(std::exchange(held_, std::nullopt).value());
}

bool TokenStream::Reader::is_finished() const {
  return ready_.empty() && (done_ || (!held_ && job_->tokens.ended() && job_->tokens.empty()));
}

Usage TokenStream::Reader::usage() const {
  Usage usage = usage_;
  usage.prompt_tokens = static_cast<int32_t>(prompt_ids_.size());
  const std::lock_guard lock(job_->prompt_mutex);
  usage.cached_tokens = job_->num_cached;
  return usage;
}

std::vector<TokenLogprob> TokenStream::Reader::prompt_logprobs() const {
  const std::lock_guard lock(job_->prompt_mutex);
  return job_->prompt_logprobs;
}

std::vector<int32_t> TokenStream::Reader::block_ids() const {
  const std::lock_guard lock(job_->prompt_mutex);
  return job_->block_ids;
}

TokenStream::TokenStream(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}
TokenStream::TokenStream(TokenStream&&) noexcept = default;
TokenStream& TokenStream::operator=(TokenStream&&) noexcept = default;
TokenStream::~TokenStream() = default;

Result<std::optional<TokenOutput>> TokenStream::next() {
  return reader_->next(engine::TokenQueue::kForever);
}
Result<std::optional<TokenOutput>> TokenStream::next_until(
    std::chrono::steady_clock::time_point deadline) {
  return reader_->next(deadline);
}
std::optional<Result<std::optional<TokenOutput>>> TokenStream::try_next() {
  return reader_->try_next();
}
void TokenStream::cancel() { reader_->cancel(); }
bool TokenStream::is_finished() const { return reader_->is_finished(); }
std::optional<FinishReason> TokenStream::finish_reason() const { return reader_->finish_reason(); }
Usage TokenStream::usage() const { return reader_->usage(); }
const std::vector<int32_t>& TokenStream::prompt_ids() const { return reader_->prompt_ids(); }
std::vector<TokenLogprob> TokenStream::prompt_logprobs() const {
  return reader_->prompt_logprobs();
}
std::vector<int32_t> TokenStream::block_ids() const { return reader_->block_ids(); }

void engine::StreamHooks::when_ready(TokenStream& stream, Hook hook) {
  stream.reader_->when_ready(std::move(hook));
}
void engine::StreamHooks::when_ended(TokenStream& stream, EndHook hook) {
  stream.reader_->when_ended(std::move(hook));
}

}  // namespace weft
