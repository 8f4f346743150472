// TokenStream's inside: takes tokens from a job's queue, makes whole text of them and looks for
// stop strings. Read by one thread at a time; cancel() by any.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/engine.h"
#include "api/engine/inbox.h"
#include "api/engine/job.h"
#include "api/stop_matcher.h"
#include "core/text/tokenizer.h"

namespace weft {

class TokenStream::Reader {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  Reader(std::shared_ptr<engine::Job> job, engine::StepLoop& loop,
         std::vector<std::string> stop_strings);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<std::optional<TokenOutput>> next(Deadline deadline);
  std::optional<Result<std::optional<TokenOutput>>> try_next();
  void cancel();
  bool is_finished() const;
  std::optional<FinishReason> finish_reason() const { return finish_reason_; }
  Usage usage() const;
  const std::vector<int32_t>& prompt_ids() const { return prompt_ids_; }
  std::vector<TokenLogprob> prompt_logprobs() const;
  std::vector<int32_t> block_ids() const;
  void when_ready(engine::TokenQueue::Hook hook);
  void when_ended(engine::TokenQueue::EndHook hook) { job_->tokens.when_ended(std::move(hook)); }

 private:
  void take_in(engine::Token token, int32_t left);
  void take_end(const engine::End& end);

  std::shared_ptr<engine::Job> job_;
  engine::StepLoop* loop_;  // only named in posted work, never used here
  std::shared_ptr<engine::Inbox> inbox_;
  std::shared_ptr<const Model> model_;
  std::vector<int32_t> prompt_ids_;
  DetokenizerStream detokenizer_;
  StopMatcher stops_;

  std::deque<TokenOutput> ready_;    // to be given by next()
  std::optional<TokenOutput> held_;  // its text is not settled yet
  Usage usage_;
  bool done_ = false;  // nothing more comes from the queue
  std::optional<FinishReason> finish_reason_;
  std::optional<Error> error_;
};

}  // namespace weft
