// StepUnderWay: a step from its plan to its tokens. It outlives the plan, and keeps its jobs alive
// where they end before it does. Owned by the step thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "api/engine/job.h"
#include "api/engine/row_sink.h"
#include "scheduler/step_scheduler.h"

namespace weft::engine {

struct StepUnderWay {
  std::vector<SequenceStep> steps;
  std::vector<std::shared_ptr<Job>> jobs;  // [steps]
  std::vector<int64_t> begins;             // [steps] the first position of each
  int32_t num_decodes = 0;                 // the first so many
  StepShape shape;
  std::chrono::steady_clock::time_point begun_at;
  RowSink sink;
  std::vector<GenerationState*> states;  // [steps] once it is done

  // Drops parts: part i becomes part `kept`, which is not above it; then only the first are left.
  void keep(size_t i, size_t kept) {
    if (i == kept) return;
    steps[kept] = steps[i];
    jobs[kept] = std::move(jobs[i]);
    sink.keep(i, kept);
  }
  void keep_first(size_t kept) {
    steps.resize(kept);
    jobs.resize(kept);
    sink.keep_first(kept);
  }
};

}  // namespace weft::engine
