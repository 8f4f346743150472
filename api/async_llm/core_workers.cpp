// What an AsyncLLM's workers do: text to ids before a request runs, ids to text when it has ended.
#include <utility>

#include "api/async_llm/core.h"
#include "api/engine/stream_hooks.h"

namespace weft::llm {

using Place = PendingRequest::Place;

void Core::work() {
  Lock lock(mutex_);
  for (;;) {
    ring_timers();
    if (!to_read_.empty()) {
      const Pending request = std::move(to_read_.front());
      to_read_.pop_front();
      read(lock, request);
    } else if (!to_prepare_.empty()) {
      prepare(lock, to_prepare_.pop());
    } else if (engine_gone_) {
      return;  // what another worker still has, it finishes itself
    } else if (timers_.empty()) {
      work_there_.wait(lock);
    } else {
      const Clock::time_point first = timers_.begin()->first;
      work_there_.wait_until(lock, first);
    }
  }
}

// Of a worker that has the request for itself: a talk becomes its prompt here.
Result<Request> Core::engine_request(PendingRequest& request) const {
  const SamplingParams& params = request.params;
  const Model& model = engine_->model();
  std::vector<int32_t> ids;
  if (request.talk) {
    WEFT_TRY_ASSIGN(RenderedPrompt rendered,
                    render_chat(model, request.talk->messages, request.talk->options));
    WEFT_TRY_ASSIGN(ids, tokenize_prompt(model, rendered));
    request.prompt = std::move(rendered.text);
  } else {
    WEFT_TRY_ASSIGN(ids, model.tokenize(request.prompt));
  }
  if (ids.empty()) return fail(ErrorCode::kInvalidArgument, "prompt: empty, expected a token");
  const int64_t length = std::ssize(ids) + params.max_tokens;
  if (length > config_.max_seq_length) {
    return fail(ErrorCode::kContextOverflow,
                "prompt of " + std::to_string(ids.size()) + " tokens + max_tokens " +
                    std::to_string(params.max_tokens) + " = " + std::to_string(length) +
                    ", max_seq_length is " + std::to_string(config_.max_seq_length));
  }
  return Request{.prompt_ids = std::move(ids),
                 .max_tokens = params.max_tokens,
                 .min_tokens = params.min_tokens,
                 .sampling = {.temperature = params.temperature,
                              .top_k = params.top_k,
                              .top_p = params.top_p,
                              .repetition_penalty = params.repetition_penalty,
                              .seed = params.seed},
                 .stop_strings = params.stop_sequences,
                 .stop_ids = params.stop_token_ids,
                 .priority = request.options.priority,
                 .report_blocks = true};
}

void Core::prepare(Lock& lock, const Pending& request) {
  request->place = Place::kWithWorker;
  ++preparing_;
  lock.unlock();
  auto prepared = engine_request(*request);
  lock.lock();
  if (prepared && request->ended_early) prepared = tl::unexpected(*request->ended_early);
  Result<TokenStream> stream =
      prepared ? engine_->submit(*prepared) : Result<TokenStream>(tl::unexpected(prepared.error()));
  --preparing_;
  if (!stream) {
    let_in();
    return finish(lock, request, tl::unexpected(stream.error()));
  }
  request->stream = std::make_shared<TokenStream>(std::move(*stream));
  hand_back(lock, request);
}

// To the engine, which tells when there is something to read; or to the reader, for good.
void Core::hand_back(Lock& lock, const Pending& request) {
  const bool is_first_time = !std::exchange(request->with_engine, true);
  request->has_news = false;
  lock.unlock();
  // A hook may be called at once. While the request is with this worker no other reads it.
  const auto self = shared_from_this();
  engine::StreamHooks::when_ready(*request->stream,
                                  [self, request] { self->told(request, false); });
  if (is_first_time) {
    engine::StreamHooks::when_ended(*request->stream,
                                    [self, request](auto&&...) { self->told(request, true); });
  }
  lock.lock();
  if (request->kind == Kind::kStream) {
    request->place = Place::kWithReader;
    --unfinished_;
    all_done_.notify_all();
    request->prepared->set_value(request->stream);
    auto on_prepared = std::exchange(request->on_prepared, nullptr);
    lock.unlock();
    if (on_prepared) on_prepared();
    on_prepared = nullptr;  // it may hold the last of its reader, who then says goodbye
    lock.lock();
  } else if (request->ended || (request->has_news && !request->params.stop_sequences.empty())) {
    to_read(request);
  } else {
    request->place = Place::kWithEngine;
  }
}

// Called by the engine, with its first token (where there are stop sequences, with each) and its
// end. It has left the engine's queue by then.
void Core::told(const Pending& request, bool ended) {
  const std::lock_guard lock(mutex_);
  request->has_news = true;
  request->ended = request->ended || ended;
  const bool worth_reading = request->ended || !request->params.stop_sequences.empty();
  if (request->place == Place::kWithEngine && worth_reading) to_read(request);
  let_in();
}

void Core::to_read(const Pending& request) {
  request->place = Place::kToRead;
  to_read_.push_back(request);
  work_there_.notify_one();
}

void Core::read(Lock& lock, const Pending& request) {
  request->place = Place::kWithWorker;
  const std::shared_ptr<TokenStream> stream = request->stream;
  if (!stream) return finish(lock, request, tl::unexpected(*request->ended_early));

  lock.unlock();
  std::optional<Error> error;
  bool at_end = false;
  while (auto next = stream->try_next()) {
    if (!*next) error = next->error();
    at_end = !*next || !**next;
    if (at_end) break;
    request->text += (**next)->text;
    ++request->num_tokens;
  }
  lock.lock();
  if (at_end && !request->ended) {
    // A stop sequence was found here, and the engine has yet to hear of it.
    request->place = Place::kWithEngine;
    return;
  }
  if (!at_end) return hand_back(lock, request);
  if (error) {
    const bool from_outside = request->ended_early && error->code == ErrorCode::kCancelled;
    return finish(lock, request, tl::unexpected(from_outside ? *request->ended_early : *error));
  }
  const Usage usage = stream->usage();
  finish(lock, request,
         GenerationOutput{.request_id = request->id,
                          .prompt = std::move(request->prompt),
                          .generated_text = std::move(request->text),
                          .tokens_generated = request->num_tokens,
                          .total_tokens = usage.prompt_tokens + request->num_tokens,
                          .block_indices = stream->block_ids(),
                          .finish_reason = stream->finish_reason().value()});
}

void Core::call(AsyncLLM::OnDone on_done, Result<GenerationOutput> answer) {
  try {
    on_done(std::move(answer));
  } catch (...) {
    // The caller's own: it had its answer, and nobody else is to suffer.
  }
}  // what it holds goes now, on this thread

void Core::give(PendingRequest& request, Result<GenerationOutput> answer) {
  if (request.prepared) request.prepared->set_value(tl::unexpected(answer.error()));
  if (request.on_done) call(std::exchange(request.on_done, nullptr), std::move(answer));
}

void Core::finish(Lock& lock, const Pending& request, Result<GenerationOutput> answer) {
  request->place = Place::kDone;
  count(answer ? std::nullopt : std::optional<Error>(answer.error()));
  auto stream = std::move(request->stream);
  auto waiting_for = std::move(request->waiting_for);
  auto on_prepared = std::exchange(request->on_prepared, nullptr);
  if (request->kind == Kind::kKept && waiting_for.empty()) {
    keep(request, std::move(answer));
  } else {
    leave(request);
  }

  lock.unlock();
  stream.reset();
  for (auto& on_done : waiting_for) call(std::move(on_done), answer);
  give(*request, std::move(answer));
  if (on_prepared) on_prepared();
  on_prepared = nullptr;
  lock.lock();
  if (--unfinished_ == 0) all_done_.notify_all();
}

}  // namespace weft::llm
