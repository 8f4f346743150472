#include <utility>

#include "api/async_llm/core.h"
#include "api/async_llm/hooks.h"

namespace weft::llm {

Stream::Stream(std::shared_ptr<Core> core, std::shared_ptr<PendingRequest> request,
               Prepared prepared)
    : core_(std::move(core)), request_(std::move(request)), prepared_(std::move(prepared)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(request_, other.request_);
  std::swap(prepared_, other.prepared_);
  std::swap(stream_, other.stream_);
  std::swap(text_, other.text_);
  std::swap(error_, other.error_);
  std::swap(done_, other.done_);
  return *this;
}
Stream::~Stream() {
  if (core_ && !done_) {
    core_->reader_done(request_, Error{ErrorCode::kCancelled, "the reader has gone"});
  }
}

RequestId Stream::request_id() const { return request_->id; }
void Stream::cancel() { core_->cancel(request_->id); }

void Stream::finish(const std::optional<Error>& error) {
  done_ = true;
  if (error) error_ = core_->reason_of(request_, *error);
  core_->reader_done(request_, error_);
}

void Stream::take_prepared() {
  if (done_ || stream_) return;
  auto prepared = prepared_.get();
  if (prepared) {
    stream_ = std::move(*prepared);
  } else {
    finish(prepared.error());
  }
}

Result<std::optional<StreamOutput>> Stream::ended() const {
  if (error_) return tl::unexpected(*error_);
  return std::nullopt;
}

Result<std::optional<StreamOutput>> Stream::next() {
  take_prepared();
  return done_ ? ended() : output_of(stream_->next());
}

std::optional<Result<std::optional<StreamOutput>>> Stream::try_next() {
  const bool waits = !done_ && !stream_;
  if (waits && prepared_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    return std::nullopt;
  }
  take_prepared();
  if (done_) return ended();
  auto token = stream_->try_next();
  if (!token) return std::nullopt;
  return output_of(std::move(*token));
}

void LLMHooks::when_ready(Stream& stream, Hook hook) {
  if (stream.done_) return hook();
  stream.core_->when_readable(stream.request_, stream.stream_.get(), std::move(hook));
}

Result<std::optional<StreamOutput>> Stream::output_of(Result<std::optional<TokenOutput>> token) {
  if (!token) {
    finish(token.error());
    return tl::unexpected(*error_);
  }
  StreamOutput output{.tokens_generated = stream_->usage().completion_tokens,
                      .request_id = request_->id};
  if (*token) {
    output.token_id = (*token)->id;
    output.token = std::move((*token)->text);
    text_ += output.token;
    output.tokens_generated = (*token)->index + 1;
  }
  output.text = text_;
  // The last token is known for the last; after it there is nothing to wait for. An error that
  // comes behind it is for the next call.
  const bool at_end = !*token || stream_->is_finished();
  if (at_end && stream_->next() && (!*token || stream_->finish_reason() != FinishReason::kStop)) {
    output.finished = true;
    finish(std::nullopt);
  }
  return output;
}

}  // namespace weft::llm
