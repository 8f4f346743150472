// RowSink: turns the logits of a step into tokens, and hands hidden states to those who collect
// them, while the step's head is computed. Rows are drawn side by side on the backend's threads,
// each by its own job's sampler alone. One step's results at a time; owned by the step thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "api/engine/job.h"
#include "core/backend.h"

namespace weft::engine {

class RowSink final : public LogitSink {
 public:
  // What a step of one job gave.
  struct Drawn {
    Job* job = nullptr;
    bool has_token = false;                  // the step reached the end of the job's ids
    Result<Token> token;                     // where it did
    std::vector<Result<Token>> fork_tokens;  // [job->forks]: the first tokens of its forks
  };

  // Before the step: the jobs of its parts, in the order of the plan.
  void prepare(std::span<const SequenceStep> steps, std::span<Job* const> jobs);
  void consume(Backend& backend, int64_t first_row, Mat logits) override;
  void consume_hidden(Backend& backend, int64_t first_row, Mat hidden) override;
  // After the step; [steps].
  std::span<Drawn> drawn() { return drawn_; }

 private:
  struct Row {
    int32_t step;
    int64_t position;          // of the token whose logits or state these are
    bool draws;                // the last of the job's ids: its logits give the next token
    float prompt_logprob = 0;  // of the id that follows, where one does
  };
  void take_row(Row& row, std::span<float> logits, std::vector<float>& scratch);
  void report_prompt(const Row& row);
  Result<Token> draw(Job& job, Sampler& sampler, const Job& leader, std::span<float> logits,
                     std::vector<float>& scratch);

  std::vector<Row> rows_, hidden_rows_;
  std::vector<Drawn> drawn_;
  std::vector<float> downloaded_;              // [rows of one call, n_vocab]
  std::vector<std::vector<float>> scratches_;  // [threads], each [n_vocab] once it was needed
  std::vector<float> hidden_;                  // [n_embd]
};

}  // namespace weft::engine
