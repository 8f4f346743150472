// RowSink: turns the logits of a step into tokens, and hands hidden states to those who collect
// them, while the step's head is computed. One step's
// results at a time; owned by the step thread.
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
    int64_t position;  // of the token whose logits or state these are
  };
  void take_row(const Row& row);
  Result<Token> draw(Job& job, Sampler& sampler, const Job& leader);

  std::vector<Row> rows_, hidden_rows_;
  std::vector<Drawn> drawn_;
  std::vector<float> logits_, scratch_;  // [n_vocab]
  std::vector<float> hidden_;            // [n_embd]
};

}  // namespace weft::engine
