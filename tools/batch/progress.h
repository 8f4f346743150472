// How far a batch is, on standard error: one line that is rewritten on a terminal, a line now and
// then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>

namespace weft::tools {

struct BatchFigures {
  int64_t requests = 0;  // whose lines are written
  int64_t errors = 0;    // of them
  int64_t prompt_tokens = 0;
  int64_t generated_tokens = 0;
  double done_share = 0;  // of the input, in bytes; 0 where its size is not known
};

class BatchProgress {
 public:
  BatchProgress();
  // Prints if it is time to.
  void update(const BatchFigures& figures);
  // Removes the line under way.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  bool terminal_;
  bool line_open_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point printed_ = start_;
};

}  // namespace weft::tools
