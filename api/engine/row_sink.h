// RowSink: turns the logits of a step into tokens, and hands hidden states to those who collect
// them, while the step's head is computed. A backend with memory of its own draws the rows whose
// own options it can serve; the others are drawn side by side on the backend's threads, each by its
// job's sampler.
//
// Where a step was prepared for it and the backend can serve all of its rows, they are drawn later:
// what they gave is known when it is collected, and a row that cannot be drawn then was not drawn
// at all (it has no token, and the logits that it should be refused by are gone): computed and
// drawn once more in a step that is not drawn later, it is refused as ever.
//
// One step's results at a time; owned by the step thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "api/engine/job.h"
#include "core/backend.h"
#include "core/row_draw.h"

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

  enum class When : uint8_t { kAtOnce, kLater };  // kLater where that is possible

  // Before the step: the jobs of its parts, in the order of the plan.
  void prepare(std::span<const SequenceStep> steps, std::span<const std::shared_ptr<Job>> jobs,
               When when = When::kAtOnce);
  // Whether a row of this job may be drawn before the ids of its step before are known.
  static bool may_draw_ahead(const Job& job);
  void consume(Backend& backend, int64_t first_row, Mat logits) override;
  void consume_hidden(Backend& backend, int64_t first_row, Mat hidden) override;
  // After consume(): whether the rows are drawn later, draw k being that of part k.
  bool is_open() const { return ticket_.has_value(); }
  // Waits for them. Fails with the device's error.
  Result<void> collect(Backend& backend);
  // After the step, once collected; [steps].
  std::span<Drawn> drawn() { return drawn_; }
  // Puts part i in the place of part `kept`; leaves the first parts only.
  void keep(size_t i, size_t kept) { drawn_[kept] = std::move(drawn_[i]); }
  void keep_first(size_t kept) { drawn_.resize(kept); }

 private:
  struct Row {
    int32_t step;
    int64_t position;          // of the token whose logits or state these are
    bool ahead;                // which is not among the job's ids yet
    bool draws;                // the last of the job's ids: its logits give the next token
    float prompt_logprob = 0;  // of the id that follows, where one does
  };
  bool may_draw_later();
  bool draw_later(Backend& backend, int64_t first_row, Mat logits);
  // Of the rows, those that the backend does not draw are left in host_rows_.
  void draw_on_device(Backend& backend, std::span<Row> rows, Mat logits);
  std::optional<RowDraw> row_draw(const Row& row) const;
  void take_drawn(Row& row, const DrawnRow& result);
  // The rows of host_rows_, one after the other; they may be overwritten.
  std::span<float> logits_on_host(Backend& backend, std::span<const Row> rows, Mat logits);
  void take_row(Row& row, std::span<float> logits, std::vector<float>& scratch);
  void report_prompt(const Row& row);
  Result<Token> draw(Job& job, Sampler& sampler, const Job& leader, std::span<float> logits,
                     std::vector<float>& scratch);

  std::vector<Row> rows_, hidden_rows_;
  When when_ = When::kAtOnce;
  std::optional<DrawTicket> ticket_;
  std::vector<Drawn> drawn_;
  // Of one call:
  std::vector<Row*> host_rows_, device_rows_;
  std::vector<RowDraw> draws_;                 // [device_rows_], or of the whole step if later
  std::vector<DrawnRow> results_;              // [device_rows_]
  std::vector<float> downloaded_;              // [host_rows_, n_vocab]
  std::vector<std::vector<float>> scratches_;  // [threads], each [n_vocab] once it was needed
  std::vector<float> hidden_;                  // [n_embd]
};

}  // namespace weft::engine
