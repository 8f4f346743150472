// A stream of an AsyncLLM, read by completions.
#include <memory>
#include <mutex>

#include "api/async_llm/hooks.h"
#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/llm_handles.h"
#include "api/c/post.h"

using namespace weft;
using namespace weft::c;
using llm::StreamOutput;

namespace {

using Done = Completion<const weft_llm_token*>;

// Shared by the handle and by the next() that waits.
class LLMReader : public std::enable_shared_from_this<LLMReader> {
 public:
  LLMReader(std::shared_ptr<async::Runtime> runtime, llm::Stream stream)
      : runtime_(std::move(runtime)), stream_(std::move(stream)) {}

  void next(Done done) {
    {
      const std::lock_guard lock(mutex_);
      if (!waiting_) {
        waiting_.emplace(std::move(done));
        return post(runtime_, [self = shared_from_this()] { self->look(); });
      }
    }
    // Not within the call that takes it.
    auto refused = std::make_shared<Done>(std::move(done));
    post(runtime_, [refused] {
      refused->fail(
          {ErrorCode::kInvalidArgument, "next: another next() of this stream is waiting"});
    });
  }
  void cancel() { stream_.cancel(); }
  uint64_t request_id() const { return stream_.request_id(); }

 private:
  // On the runtime: one at a time, as there is one next() at a time.
  void look() {
    auto next = stream_.try_next();
    if (!next) {
      return llm::LLMHooks::when_ready(
          stream_, [self = shared_from_this()] { post(self->runtime_, [self] { self->look(); }); });
    }
    Done done = take();  // who is told may ask for the next at once
    if (!*next) return done.fail(std::move(next->error()));
    if (!**next) return done.succeed(nullptr);
    const StreamOutput& output = ***next;
    const weft_llm_token token{.struct_size = sizeof(weft_llm_token),
                               .token_id = output.token_id,
                               .token = output.token.c_str(),
                               .token_size = output.token.size(),
                               .text = output.text.c_str(),
                               .size = output.text.size(),
                               .finished = output.finished ? 1 : 0,
                               .tokens_generated = output.tokens_generated,
                               .request_id = output.request_id};
    done.succeed(&token);
  }
  Done take() {
    const std::lock_guard lock(mutex_);
    Done done = std::move(*waiting_);
    waiting_.reset();
    return done;
  }

  const std::shared_ptr<async::Runtime> runtime_;
  llm::Stream stream_;
  std::mutex mutex_;
  std::optional<Done> waiting_;  // guarded by mutex_
};

}  // namespace

struct weft_llm_stream {
  std::shared_ptr<LLMReader> value;
};

extern "C" {

weft_status weft_llm_generate_stream(const weft_llm* llm, const char* prompt, size_t size,
                                     const weft_llm_params* params,
                                     const weft_request_options* options, weft_llm_stream** stream,
                                     weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}, {stream, "stream"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    WEFT_TRY_ASSIGN(const LLMAsk ask, llm_ask(params, options));
    hand_out(stream, std::make_shared<LLMReader>(
                         llm->runtime,
                         llm->value->generate_stream(std::string(text), ask.params, ask.options)));
    return {};
  });
}

weft_status weft_llm_chat_stream(const weft_llm* llm, const weft_chat_message* messages,
                                 size_t count, const weft_chat_options* chat_options,
                                 const weft_llm_params* params, const weft_request_options* options,
                                 weft_llm_stream** stream, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{llm, "llm"}, {stream, "stream"}}));
    WEFT_TRY_ASSIGN(auto talk, messages_of(messages, count));
    WEFT_TRY_ASSIGN(const auto how, chat_options_of(chat_options));
    WEFT_TRY_ASSIGN(const LLMAsk ask, llm_ask(params, options));
    hand_out(stream, std::make_shared<LLMReader>(
                         llm->runtime,
                         llm->value->chat_stream(std::move(talk), ask.params, ask.options, how)));
    return {};
  });
}

weft_status weft_llm_stream_next(weft_llm_stream* stream, weft_on_llm_token on_token,
                                 void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{stream, "stream"}, {on_token, "on_token"}}));
    stream->value->next(Done(on_token, user_data));
    return {};
  });
}

void weft_llm_stream_cancel(weft_llm_stream* stream) {
  if (stream != nullptr) stream->value->cancel();
}

uint64_t weft_llm_stream_request_id(const weft_llm_stream* stream) {
  return stream != nullptr ? stream->value->request_id() : 0;
}

void weft_llm_stream_free(weft_llm_stream* stream) {
  weft_llm_stream_cancel(stream);  // a next() that waits holds it a little longer
  free_handle(stream);
}

}  // extern "C"
