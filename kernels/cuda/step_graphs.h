// Decode steps as graphs: a step's launches are recorded once and queued together from then on.
// Knows what a recording depends on; the step itself is the backend's. Owned by one step thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "core/backend.h"
#include "kernels/cuda/gpu.h"

namespace weft::cuda {

// Whether a step may be one: few sequences of one token each, of which no more than logits is
// wanted.
bool is_decode_step(const StepBatch& batch);

// All that the launches of a decode step follow from, but for what is uploaded before them and for
// addresses, which are the same as long as nothing was allocated.
struct StepShape {
  const Decoder* decoder = nullptr;
  const DecoderState* state = nullptr;
  int64_t rows = 0;
  std::size_t logit_rows = 0;
  bool ids_from_draws = false;  // some: whose launch looks at each
  std::vector<int32_t> splits;  // of each schedule of each plan of attention

  bool operator==(const StepShape&) const = default;
};

struct StepGraph {
  StepShape shape;
  bool refused = false;          // was to be recorded, and cannot be
  std::unique_ptr<Graph> graph;  // null until it was recorded
  Mat logits;                    // [logit_rows, n_vocab], once it was launched
};

class StepGraphs {
 public:
  // The one of this shape if its step was run before, since when nothing was allocated; else null,
  // and from now on it counts as run. Valid until the next call.
  StepGraph* find(const Gpu& gpu, StepShape shape);

 private:
  std::list<StepGraph> graphs_;  // the one used last first
  int64_t allocations_ = 0;      // when they were recorded
};

// Records what `forward`, given where logits go, launches. False, now and for good, if it does
// anything else, or wants its logits looked at before the end. Nothing was done, in either case.
bool record(Gpu& gpu, StepGraph& step, const std::function<void(LogitSink*)>& forward);

}  // namespace weft::cuda
