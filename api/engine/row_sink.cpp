#include "api/engine/row_sink.h"

#include <cmath>
#include <limits>

#include "api/engine/logprobs.h"

namespace weft::engine {

void RowSink::prepare(std::span<const SequenceStep> steps, std::span<Job* const> jobs) {
  rows_.clear();
  hidden_rows_.clear();
  drawn_.clear();
  for (size_t i = 0; i < steps.size(); ++i) {
    drawn_.push_back({.job = jobs[i]});
    const int64_t end = steps[i].sequence->num_computed + steps[i].num_tokens;
    for (int64_t p = end - steps[i].num_logits; p < end; ++p) {
      rows_.push_back({static_cast<int32_t>(i), p});
    }
    for (int64_t p = end - steps[i].num_hidden; p < end; ++p) {
      hidden_rows_.push_back({static_cast<int32_t>(i), p});
    }
  }
}

void RowSink::consume(Backend& backend, int64_t first_row, Mat logits) {
  logits_.resize(logits.cols);
  for (int64_t r = 0; r < logits.rows; ++r) {
    backend.download(logits_.data(), logits.row(r), logits.cols * sizeof(float));
    take_row(rows_[first_row + r]);
  }
}

void RowSink::consume_hidden(Backend& backend, int64_t first_row, Mat hidden) {
  hidden_.resize(hidden.cols);
  for (int64_t r = 0; r < hidden.rows; ++r) {
    backend.download(hidden_.data(), hidden.row(r), hidden.cols * sizeof(float));
    const Row& row = hidden_rows_[first_row + r];
    drawn_[row.step].job->embedder->add(row.position, hidden_);
  }
}

void RowSink::take_row(const Row& row) {
  Drawn& drawn = drawn_[row.step];
  Job& job = *drawn.job;
  const std::vector<int32_t>& ids = job.state.sequence.ids;
  const int64_t next = row.position + 1;
  if (next < std::ssize(ids)) {  // inside the prompt
    const int32_t id = ids[next];
    const std::lock_guard lock(job.prompt_mutex);
    // A prompt that is computed again after a preemption has given these already.
    if (std::ssize(job.prompt_logprobs) == row.position) {
      job.prompt_logprobs.push_back({id, LogProbs(logits_).of(id)});
    }
    return;
  }
  drawn.has_token = true;
  if (job.state.num_generated() == 0) {
    for (const auto& fork : job.forks) {
      drawn.fork_tokens.push_back(draw(*fork, *fork->sampler, job));
    }
  }
  drawn.token = draw(job, job.stepped ? *job.turn_sampler : *job.sampler, job);
}

// The next token of `job`, whose ids so far are `leader`'s.
Result<Token> RowSink::draw(Job& job, Sampler& sampler, const Job& leader) {
  const GenerationState& state = leader.state;
  const std::span<const int32_t> ids = state.sequence.ids;
  scratch_ = logits_;
  if (state.num_generated() < job.state.limits.min_tokens) {
    for (const int32_t id : job.state.limits.stop_ids) {
      scratch_[id] = -std::numeric_limits<float>::infinity();
    }
  }
  Token token;
  WEFT_TRY_ASSIGN(token.id, sampler.sample(scratch_, ids.first(state.num_prompt),
                                           ids.subspan(state.num_prompt), std::ssize(ids)));
  if (job.logprobs >= 0) {
    const LogProbs logprobs(logits_);
    token.logprob = logprobs.of(token.id);
    if (job.logprobs > 0) token.top_logprobs = logprobs.top(job.logprobs);
  }
  return token;
}

}  // namespace weft::engine
