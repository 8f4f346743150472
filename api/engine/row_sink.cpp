#include "api/engine/row_sink.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "api/engine/logprobs.h"
#include "core/check.h"

namespace weft::engine {
namespace {

// Slices of rows are about so long: the work of some microseconds, several times what it costs to
// hand it to another thread.
constexpr int64_t kLogitsAtATime = 16384;

Sampler& sampler_of(Job& job) { return job.stepped ? *job.turn_sampler : *job.sampler; }
// Whether others draw their first tokens from this row too.
bool forks_draw(const Job& job) { return job.state.num_generated() == 0 && !job.forks.empty(); }
bool stop_ids_are_forbidden(const Job& job, int64_t num_generated) {
  return num_generated < job.state.limits.min_tokens;
}

}  // namespace

void RowSink::prepare(std::span<const SequenceStep> steps,
                      std::span<const std::shared_ptr<Job>> jobs, When when) {
  when_ = when;
  ticket_.reset();
  rows_.clear();
  hidden_rows_.clear();
  drawn_.clear();
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto step = static_cast<int32_t>(i);
    drawn_.push_back({.job = jobs[i].get()});
    const int64_t end = steps[i].end();
    for (int64_t p = end - steps[i].num_logits; p < end; ++p) {
      rows_.push_back({.step = step,
                       .position = p,
                       .ahead = steps[i].is_ahead(),
                       .draws = p + 1 == steps[i].num_ids()});
    }
    for (int64_t p = end - steps[i].num_hidden; p < end; ++p) {
      hidden_rows_.push_back({.step = step, .position = p});
    }
  }
}

bool RowSink::may_draw_ahead(const Job& job) {
  return !job.stepped && job.sampler && !job.sampler->depends_on_ids();
}

void RowSink::consume(Backend& backend, int64_t first_row, Mat logits) {
  const std::span rows = std::span(rows_).subspan(first_row, logits.rows);
  if (draw_later(backend, first_row, logits)) return;
  host_rows_.clear();
  if (backend.memory_is_hosts()) {
    for (Row& row : rows) host_rows_.push_back(&row);
  } else {
    draw_on_device(backend, rows, logits);
  }
  const std::span<float> all = logits_on_host(backend, rows, logits);
  const auto n_vocab = static_cast<size_t>(logits.cols);
  scratches_.resize(backend.host_threads());
  const int64_t grain = std::max<int64_t>(1, kLogitsAtATime / logits.cols);
  const auto take_rows = [&](int64_t begin, int64_t end, int worker) {
    for (int64_t r = begin; r < end; ++r) {
      take_row(*host_rows_[r], all.subspan(r * n_vocab, n_vocab), scratches_[worker]);
    }
  };
  // By reference: no copy.
  backend.for_ranges_on_host(std::ssize(host_rows_), grain, std::cref(take_rows));
  for (const Row& row : rows) {
    if (!row.draws) report_prompt(row);
  }
}

// A draw for each part of the step, or none at all.
bool RowSink::may_draw_later() {
  if (rows_.empty() || rows_.size() != drawn_.size()) return false;
  draws_.clear();
  for (const Row& row : rows_) {
    std::optional<RowDraw> draw = row.draws ? row_draw(row) : std::nullopt;
    if (!draw) return false;
    draws_.push_back(*draw);
  }
  return true;
}

bool RowSink::draw_later(Backend& backend, int64_t first_row, Mat logits) {
  if (first_row == 0 && (backend.memory_is_hosts() || !may_draw_later())) when_ = When::kAtOnce;
  if (when_ == When::kAtOnce) return false;
  const std::span draws = std::span(draws_).subspan(first_row, logits.rows);
  for (size_t i = 0; i < draws.size(); ++i) draws[i].row = static_cast<int64_t>(i);
  ticket_ = backend.sample_later(logits, draws, first_row, std::ssize(draws_));
  if (!ticket_) when_ = When::kAtOnce;
  return ticket_.has_value();
}

Result<void> RowSink::collect(Backend& backend) {
  results_.assign(rows_.size(), {});
  WEFT_TRY(backend.collect(*std::exchange(ticket_, std::nullopt), results_));
  for (size_t i = 0; i < results_.size(); ++i) {
    if (results_[i].id >= 0) take_drawn(rows_[i], results_[i]);
  }
  return {};
}

void RowSink::draw_on_device(Backend& backend, std::span<Row> rows, Mat logits) {
  draws_.clear();
  device_rows_.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    std::optional<RowDraw> draw = row_draw(rows[i]);
    if (!draw) {
      host_rows_.push_back(&rows[i]);
      continue;
    }
    draw->row = static_cast<int64_t>(i);
    draws_.push_back(*draw);
    device_rows_.push_back(&rows[i]);
  }
  results_.assign(draws_.size(), {});  // not drawn
  if (!draws_.empty()) backend.sample(logits, draws_, results_);
  for (size_t i = 0; i < results_.size(); ++i) {
    // What cannot be drawn is for the host to refuse in its own words.
    if (results_[i].id < 0) {
      host_rows_.push_back(device_rows_[i]);
    } else {
      take_drawn(*device_rows_[i], results_[i]);
    }
  }
  std::ranges::sort(host_rows_);
}

std::span<float> RowSink::logits_on_host(Backend& backend, std::span<const Row> rows, Mat logits) {
  if (backend.memory_is_hosts()) return {logits.data, rows.size() * logits.cols};
  downloaded_.resize(host_rows_.size() * logits.cols);
  // Neighbours come in one copy.
  for (size_t first = 0, next = 0; first < host_rows_.size(); first = next) {
    const auto row = host_rows_[first] - rows.data();
    for (next = first + 1; next < host_rows_.size(); ++next) {
      if (host_rows_[next] != host_rows_[next - 1] + 1) break;
    }
    backend.download(downloaded_.data() + first * logits.cols, logits.row(row),
                     (next - first) * logits.cols * sizeof(float));
  }
  return downloaded_;
}

// The row's own options alone decide: nothing is told of what else is in the step.
std::optional<RowDraw> RowSink::row_draw(const Row& row) const {
  Job& job = *drawn_[row.step].job;
  const GenerationState& state = job.state;
  const std::span<const int32_t> ids = state.sequence.ids;
  if (!row.draws) return RowDraw{.given = ids[row.position + 1]};
  if (forks_draw(job) || job.logprobs > 0) return std::nullopt;
  const int64_t num_ids = row.position + 1;
  WEFT_CHECK(num_ids == std::ssize(ids) + row.ahead && !(row.ahead && !may_draw_ahead(job)),
             "a draw for position " + std::to_string(num_ids) + " after " +
                 std::to_string(ids.size()) + " ids");
  auto draw =
      sampler_of(job).row_draw(ids.first(state.num_prompt), ids.subspan(state.num_prompt), num_ids);
  if (!draw) return std::nullopt;
  draw->wants_logprob = job.logprobs >= 0;
  if (stop_ids_are_forbidden(job, num_ids - state.num_prompt)) {
    draw->forbidden = state.limits.stop_ids;
  }
  return draw;
}

void RowSink::take_drawn(Row& row, const DrawnRow& result) {
  const auto logprob = [&] {
    return static_cast<float>(result.logit - log_sum(result.best, result.weight_sum));
  };
  if (!row.draws) {
    row.prompt_logprob = logprob();
    return;
  }
  Drawn& drawn = drawn_[row.step];
  drawn.has_token = true;
  drawn.token = Token{.id = result.id};
  if (drawn.job->logprobs >= 0) drawn.token->logprob = logprob();
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
  if (forks_draw(job)) {
    for (const auto& fork : job.forks) {
      drawn.fork_tokens.push_back(draw(*fork, *fork->sampler, job, logits, scratch));
    }
  }
  drawn.token = draw(job, sampler_of(job), job, logits, scratch);
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
  if (stop_ids_are_forbidden(job, state.num_generated())) {
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
