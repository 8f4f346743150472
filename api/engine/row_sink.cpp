#include "api/engine/row_sink.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "api/engine/logprobs.h"

namespace weft::engine {
namespace {

// Slices of rows are about so long: the work of some microseconds, several times what it costs to
// hand it to another thread.
constexpr int64_t kLogitsAtATime = 16384;

}  // namespace

void RowSink::prepare(std::span<const SequenceStep> steps, std::span<Job* const> jobs) {
  rows_.clear();
  hidden_rows_.clear();
  drawn_.clear();
  for (size_t i = 0; i < steps.size(); ++i) {
    const Sequence& sequence = *steps[i].sequence;
    const auto step = static_cast<int32_t>(i);
    drawn_.push_back({.job = jobs[i]});
    const int64_t end = sequence.num_computed + steps[i].num_tokens;
    for (int64_t p = end - steps[i].num_logits; p < end; ++p) {
      rows_.push_back({.step = step, .position = p, .draws = p + 1 == std::ssize(sequence.ids)});
    }
    for (int64_t p = end - steps[i].num_hidden; p < end; ++p) {
      hidden_rows_.push_back({.step = step, .position = p});
    }
  }
}

void RowSink::consume(Backend& backend, int64_t first_row, Mat logits) {
  const std::span rows = std::span(rows_).subspan(first_row, logits.rows);
  const auto n_vocab = static_cast<size_t>(logits.cols);
  std::span<float> all(logits.data, logits.rows * n_vocab);
  if (!backend.memory_is_hosts()) {
    downloaded_.resize(all.size());
    backend.download(downloaded_.data(), logits.data, all.size_bytes());
    all = downloaded_;
  }
  scratches_.resize(backend.host_threads());
  const int64_t grain = std::max<int64_t>(1, kLogitsAtATime / logits.cols);
  const auto take_rows = [&](int64_t begin, int64_t end, int worker) {
    for (int64_t r = begin; r < end; ++r) {
      take_row(rows[r], all.subspan(r * n_vocab, n_vocab), scratches_[worker]);
    }
  };
  backend.for_ranges_on_host(logits.rows, grain, std::cref(take_rows));  // by reference: no copy
  for (const Row& row : rows) {
    if (!row.draws) report_prompt(row);
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

// On any of the backend's threads, at once with other rows: changes its row, its step's Drawn and
// the samplers of its job and its job's forks.
void RowSink::take_row(Row& row, std::span<float> logits, std::vector<float>& scratch) {
  Drawn& drawn = drawn_[row.step];
  Job& job = *drawn.job;
  if (!row.draws) {
    row.prompt_logprob = LogProbs(logits).of(job.state.sequence.ids[row.position + 1]);
    return;
  }
  drawn.has_token = true;
  if (job.state.num_generated() == 0) {
    for (const auto& fork : job.forks) {
      drawn.fork_tokens.push_back(draw(*fork, *fork->sampler, job, logits, scratch));
    }
  }
  drawn.token = draw(job, job.stepped ? *job.turn_sampler : *job.sampler, job, logits, scratch);
}

void RowSink::report_prompt(const Row& row) {
  Job& job = *drawn_[row.step].job;
  const std::lock_guard lock(job.prompt_mutex);
  // A prompt that is computed again after a preemption has given these already.
  if (std::ssize(job.prompt_logprobs) != row.position) return;
  job.prompt_logprobs.push_back({job.state.sequence.ids[row.position + 1], row.prompt_logprob});
}

// The next token of `job`, whose ids so far are `leader`'s. Only a leader, which draws last, may
// change the logits.
Result<Token> RowSink::draw(Job& job, Sampler& sampler, const Job& leader, std::span<float> logits,
                            std::vector<float>& scratch) {
  const GenerationState& state = leader.state;
  const std::span<const int32_t> ids = state.sequence.ids;
  std::span<float> changed = logits;
  if (&job != &leader || job.logprobs >= 0) {
    scratch.assign(logits.begin(), logits.end());
    changed = scratch;
  }
  if (state.num_generated() < job.state.limits.min_tokens) {
    for (const int32_t id : job.state.limits.stop_ids) {
      changed[id] = -std::numeric_limits<float>::infinity();
    }
  }
  Token token;
  WEFT_TRY_ASSIGN(token.id, sampler.sample(changed, ids.first(state.num_prompt),
                                           ids.subspan(state.num_prompt), std::ssize(ids)));
  if (job.logprobs >= 0) {
    const LogProbs logprobs(logits);
    token.logprob = logprobs.of(token.id);
    if (job.logprobs > 0) token.top_logprobs = logprobs.top(job.logprobs);
  }
  return token;
}

}  // namespace weft::engine
