#include "api/async_llm/batch.h"

#include <algorithm>
#include <utility>

#include "api/async_llm/core.h"

namespace weft::llm {

Batch::Batch(std::shared_ptr<Core> core, std::vector<std::string> prompts,
             const SamplingParams& params, OnDone on_done)
    : core_(std::move(core)),
      params_(params),
      on_done_(std::move(on_done)),
      prompts_(std::move(prompts)),
      answers_(prompts_.size(), GenerationOutput{}) {}

void Batch::start(std::shared_ptr<Core> core, std::vector<std::string> prompts,
                  const SamplingParams& params, int32_t batch_size, OnDone on_done) {
  const size_t size = prompts.size();
  if (batch_size < 1) {
    const Error error{ErrorCode::kInvalidArgument,
                      "batch_size: " + std::to_string(batch_size) + ", expected at least 1"};
    on_done(Answers(size, tl::unexpected(error)));
  } else if (size == 0) {
    on_done({});
  } else {
    const std::shared_ptr<Batch> batch(
        new Batch(std::move(core), std::move(prompts), params, std::move(on_done)));
    for (size_t i = std::min(size, static_cast<size_t>(batch_size)); i > 0; --i) {
      batch->submit_next();
    }
  }
}

void Batch::submit_next() {
  for (;;) {
    auto request = std::make_shared<PendingRequest>();
    request->kind = PendingRequest::Kind::kCallback;
    request->params = params_;
    size_t index = 0;
    {
      const std::lock_guard lock(mutex_);
      if (next_ == prompts_.size()) return;
      index = next_++;
      request->prompt = std::move(prompts_[index]);
    }
    request->on_done = [self = shared_from_this(), index](Result<GenerationOutput> answer) {
      self->put(index, std::move(answer));
      self->submit_next();
    };
    const auto submitted = core_->submit(request, Core::WhenFull::kInLine);
    if (submitted) return;
    put(index, tl::unexpected(submitted.error()));
  }
}

void Batch::put(size_t index, Result<GenerationOutput> answer) {
  {
    const std::lock_guard lock(mutex_);
    answers_[index] = std::move(answer);
    if (++num_answered_ < answers_.size()) return;
  }
  std::exchange(on_done_, nullptr)(std::move(answers_));
}

}  // namespace weft::llm
