// The caller's side of embeddings.
#include "api/embedding.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "api/engine.h"
#include "api/engine/inbox.h"
#include "api/engine/request.h"
#include "api/engine/step_loop.h"
#include "api/engine/stream_hooks.h"

namespace weft {

PendingEmbedding::PendingEmbedding(std::shared_ptr<engine::Job> job, engine::StepLoop& loop)
    : job_(std::move(job)), loop_(&loop), inbox_(loop.inbox()) {}
PendingEmbedding::PendingEmbedding(PendingEmbedding&&) noexcept = default;
PendingEmbedding& PendingEmbedding::operator=(PendingEmbedding&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  job_ = std::move(other.job_);
  loop_ = other.loop_;
  inbox_ = std::move(other.inbox_);
  return *this;
}
PendingEmbedding::~PendingEmbedding() { cancel(); }

void PendingEmbedding::cancel() {
  if (!job_ || job_->tokens.ended()) return;
  // The inbox refuses it once the loop has gone.
  inbox_->post([loop = loop_, job = job_] { loop->cancel(job); });
}

bool PendingEmbedding::is_ready() const { return job_->tokens.ended(); }

Result<Embedding> PendingEmbedding::get() { return get_until(engine::TokenQueue::kForever); }

Result<Embedding> PendingEmbedding::get_until(std::chrono::steady_clock::time_point deadline) {
  const engine::TokenQueue::Taken taken = job_->tokens.take(deadline);
  if (taken.end == nullptr) {
    return fail(ErrorCode::kTimedOut, "no embedding within the time allowed");
  }
  if (taken.end->error) return tl::unexpected(*taken.end->error);
  if (!job_->embedder) {
    return fail(ErrorCode::kInvalidArgument, "the embedding was taken already");
  }
  // The step thread is done with the job.
  const auto embedder = std::move(job_->embedder);
  Embedding embedding{.dim = embedder->dim()};
  WEFT_TRY_ASSIGN(embedding.values, embedder->take());
  embedding.ids = std::move(job_->state.sequence.ids);
  embedding.cached_tokens = static_cast<int32_t>(job_->state.num_cached);
  return embedding;
}

void engine::StreamHooks::when_ended(PendingEmbedding& embedding, EndHook hook) {
  embedding.job_->tokens.when_ended(std::move(hook));
}

Result<PendingEmbedding> Engine::submit_embedding(const EmbedRequest& request) {
  WEFT_TRY_ASSIGN(auto job, engine::make_embedding_job(request, *loop_));
  PendingEmbedding pending(job, *loop_);
  WEFT_TRY(loop_->submit({std::move(job)}));
  return pending;
}

namespace {

// The embeddings of all texts, in order, with no more under way at once than fit the queue.
Result<std::vector<Embedding>> embed_all(Engine& engine, std::span<const std::string> texts,
                                         bool tokens, const EmbedOptions& options) {
  const auto window =
      static_cast<size_t>(std::min(engine.config().max_queue, 2 * engine.config().max_sequences));
  std::deque<PendingEmbedding> pending;
  std::vector<Embedding> embeddings;
  embeddings.reserve(texts.size());
  size_t submitted = 0;
  while (embeddings.size() < texts.size()) {
    while (submitted < texts.size() && pending.size() < window) {
      auto started =
          engine.submit_embedding({.text = texts[submitted], .tokens = tokens, .options = options});
      if (!started) {
        return fail(started.error().code,
                    "text " + std::to_string(submitted) + ": " + started.error().message);
      }
      pending.push_back(std::move(*started));
      ++submitted;
    }
    WEFT_TRY_ASSIGN(embeddings.emplace_back(), pending.front().get());
    pending.pop_front();
  }
  return embeddings;
}

}  // namespace

Result<std::vector<std::vector<float>>> Engine::embed(std::span<const std::string> texts,
                                                      const EmbedOptions& options) {
  WEFT_TRY_ASSIGN(auto embeddings, embed_all(*this, texts, false, options));
  std::vector<std::vector<float>> vectors;
  vectors.reserve(embeddings.size());
  for (Embedding& embedding : embeddings) vectors.push_back(std::move(embedding.values));
  return vectors;
}

Result<std::vector<Embedding>> Engine::embed_tokens(std::span<const std::string> texts,
                                                    const EmbedOptions& options) {
  return embed_all(*this, texts, true, options);
}

}  // namespace weft
