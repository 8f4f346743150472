// A handler's side of a generation that advances by turns.
#include <algorithm>
#include <chrono>
#include <utility>

#include "api/engine.h"
#include "api/engine/request.h"
#include "api/engine/step_loop.h"
#include "core/text/tokenizer.h"

namespace weft {

class SteppedGeneration::Reader {
 public:
  Reader(std::shared_ptr<engine::Job> job, engine::StepLoop& loop)
      : job_(std::move(job)),
        loop_(&loop),
        inbox_(loop.inbox()),
        model_(loop.model()),
        // The step thread owns the state once the first turn is asked for.
        max_tokens_(job_->state.limits.max_tokens),
        stop_ids_(job_->state.limits.stop_ids),
        detokenizer_(model_->tokenizer(), false, DetokenizerStream::Start::kContinuation) {}
  ~Reader() { cancel(); }

  Result<Turn> next(Sampler& sampler, std::shared_ptr<engine::Hold> hold) {
    if (num_generated_ >= max_tokens_) {
      return fail(ErrorCode::kMaxTokensReached, "Maximum tokens reached");
    }
    if (!inbox_->post([loop = loop_, job = job_, s = &sampler, h = std::move(hold),
                       now = std::chrono::steady_clock::now()] { loop->turn(job, s, h, now); })) {
      return fail(ErrorCode::kShutDown, "the engine was shut down");
    }
    engine::TokenQueue::Taken taken = job_->tokens.take(engine::TokenQueue::kForever);
    if (!taken.token) return tl::unexpected(taken.end->error.value());
    ++num_generated_;
    const int32_t id = taken.token->id;
    Turn turn{.id = id,
              .text = detokenizer_.push(id),
              .done = num_generated_ == max_tokens_ ||
                      std::binary_search(stop_ids_.begin(), stop_ids_.end(), id)};
    if (turn.done) turn.text += detokenizer_.finish();
    return turn;
  }

  void cancel() {
    inbox_->post([loop = loop_, job = job_] { loop->cancel(job); });
  }
  int32_t num_generated() const { return num_generated_; }

 private:
  std::shared_ptr<engine::Job> job_;
  engine::StepLoop* loop_;  // only named in posted work, never used here
  std::shared_ptr<engine::Inbox> inbox_;
  std::shared_ptr<const Model> model_;
  int32_t max_tokens_;
  std::vector<int32_t> stop_ids_;
  DetokenizerStream detokenizer_;
  int32_t num_generated_ = 0;
};

SteppedGeneration::SteppedGeneration(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}
SteppedGeneration::SteppedGeneration(SteppedGeneration&&) noexcept = default;
SteppedGeneration& SteppedGeneration::operator=(SteppedGeneration&&) noexcept = default;
SteppedGeneration::~SteppedGeneration() = default;

Result<SteppedGeneration> SteppedGeneration::create(Engine& engine, const Request& request) {
  WEFT_TRY_ASSIGN(auto job, engine::make_stepped_job(request, *engine.loop_));
  return SteppedGeneration(std::make_unique<Reader>(std::move(job), *engine.loop_));
}
Result<SteppedGeneration::Turn> SteppedGeneration::next(Sampler& sampler, const EngineHold* hold) {
  return reader_->next(sampler, hold != nullptr ? hold->hold_ : nullptr);
}
void SteppedGeneration::cancel() { reader_->cancel(); }
int32_t SteppedGeneration::num_generated() const { return reader_->num_generated(); }

}  // namespace weft
