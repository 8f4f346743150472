#include "api/parallel/batch_run.h"

#include <algorithm>
#include <string>

#include "api/engine/stream_hooks.h"

namespace weft::parallel {

Request request_of(const BatchGenerationConfig& config, std::vector<int32_t> prompt_ids) {
  return {.prompt_ids = std::move(prompt_ids),
          .max_tokens = config.max_tokens,
          .sampling = {.temperature = config.temperature,
                       .top_k = config.top_k,
                       .top_p = config.top_p,
                       .seed = config.seed}};
}

BatchRun::BatchRun(Engine& engine, const BatchGenerationConfig& config,
                   std::span<const Result<std::vector<int32_t>>> prompts,
                   std::span<GenerationResult> results)
    : engine_(engine),
      config_(config),
      prompts_(prompts),
      results_(results),
      items_(prompts.size()),
      unfinished_(prompts.size()) {}

void BatchRun::run() {
  for (size_t i = 0; i < items_.size(); ++i) {
    items_[i].start = Clock::now();
    attempt(i);
  }
  while (unfinished_ > 0) {
    for (const size_t index : wait_for_ends()) take_result(index);
    stop_late_ones();
  }
}

// Starts an item, again where it failed before; one that fails at once is tried as often.
void BatchRun::attempt(size_t index) {
  Item& item = items_[index];
  GenerationResult& result = results_[index];
  while (result.attempts <= config_.retry_attempts) {
    ++result.attempts;
    auto stream = prompts_[index] ? engine_.submit(request_of(config_, *prompts_[index]))
                                  : Result<TokenStream>(tl::unexpected(prompts_[index].error()));
    if (!stream) {
      result.error = stream.error();
      continue;
    }
    item.stream.emplace(std::move(*stream));
    if (config_.timeout_ms) {
      item.deadline = Clock::now() + std::chrono::milliseconds(*config_.timeout_ms);
    }
    engine::StreamHooks::when_ended(*item.stream,
                                    [ends = ends_, index, attempt = result.attempts](auto&&...) {
                                      {
                                        const std::lock_guard lock(ends->mutex);
                                        ends->ended.emplace_back(index, attempt);
                                      }
                                      ends->changed.notify_one();
                                    });
    return;
  }
  finish(index, Clock::now());
}

// The items that have ended since; waits for one, or until the first is out of time.
std::vector<size_t> BatchRun::wait_for_ends() {
  auto deadline = Clock::time_point::max();
  for (const Item& item : items_) {
    if (item.stream) deadline = std::min(deadline, item.deadline);
  }
  std::vector<size_t> indices;
  std::unique_lock lock(ends_->mutex);
  const auto any = [&] { return !ends_->ended.empty(); };
  if (deadline == Clock::time_point::max()) {
    ends_->changed.wait(lock, any);
  } else {
    ends_->changed.wait_until(lock, deadline, any);
  }
  for (const auto& [index, attempt] : ends_->ended) {
    // An attempt that was out of time has been given up already.
    if (attempt == results_[index].attempts && items_[index].stream) indices.push_back(index);
  }
  ends_->ended.clear();
  return indices;
}

void BatchRun::take_result(size_t index) {
  TokenStream& stream = *items_[index].stream;
  std::string text;
  int32_t tokens = 0;
  auto last = Clock::now();
  for (;;) {
    auto token = stream.next();  // it has ended: nothing is waited for
    if (!token) return failed(index, token.error());
    if (!*token) break;
    text += (*token)->text;
    last = (*token)->made_at;
    ++tokens;
  }
  GenerationResult& result = results_[index];
  result.text = std::move(text);
  result.tokens_generated = tokens;
  result.success = true;
  result.error.reset();
  finish(index, last);
}

void BatchRun::stop_late_ones() {
  const auto now = Clock::now();
  for (size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].stream && items_[i].deadline <= now) {
      failed(i, {ErrorCode::kTimedOut, "not finished within the " +
                                           std::to_string(*config_.timeout_ms) +
                                           " ms that a prompt may take"});
    }
  }
}

// Dropping the stream stops its work before the next step.
void BatchRun::failed(size_t index, Error error) {
  items_[index].stream.reset();
  results_[index].error = std::move(error);
  attempt(index);
}

void BatchRun::finish(size_t index, Clock::time_point end) {
  items_[index].stream.reset();
  const auto took = std::max(end - items_[index].start, Clock::duration::zero());
  results_[index].processing_time_ms =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  --unfinished_;
}

}  // namespace weft::parallel
