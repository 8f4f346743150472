#include "kernels/cuda/step_graphs.h"

#include <algorithm>
#include <utility>

namespace weft::cuda {
namespace {

// More rows take so long that launching them is little beside it.
constexpr int32_t kMaxRows = 64;

// Batches of up to 64 rows at two lengths of context each: more are seldom in use at a time, and
// one takes the driver about a kilobyte a launch.
constexpr std::size_t kMaxGraphs = 128;

// Takes note of logits that are not there yet.
struct LogitsToCome final : LogitSink {
  void consume(Backend&, int64_t, Mat rows) override {
    logits = rows;
    ++chunks;
  }
  Mat logits;
  int chunks = 0;
};

}  // namespace

bool is_decode_step(const StepBatch& batch) {
  const int32_t tokens = batch.num_tokens();
  if (tokens == 0 || tokens > kMaxRows || tokens != batch.num_sequences()) return false;
  for (int32_t s = 0; s < tokens; ++s) {
    if (batch.seq_starts[static_cast<std::size_t>(s)] != s) return false;
  }
  return batch.hidden_rows.empty();
}

StepGraph* StepGraphs::find(const Gpu& gpu, StepShape shape) {
  if (gpu.allocations() != allocations_) {
    graphs_.clear();
    allocations_ = gpu.allocations();
  }
  const auto known = std::ranges::find(graphs_, shape, &StepGraph::shape);
  if (known != graphs_.end()) {
    graphs_.splice(graphs_.begin(), graphs_, known);
    return &graphs_.front();
  }
  if (graphs_.size() == kMaxGraphs) graphs_.pop_back();
  graphs_.push_front({.shape = std::move(shape)});
  return nullptr;
}

bool record(Gpu& gpu, StepGraph& step, const std::function<void(LogitSink*)>& forward) {
  step.refused = true;
  if (!gpu.begin_capture()) return false;
  LogitsToCome to_come;
  forward(&to_come);
  std::unique_ptr<Graph> graph = gpu.end_capture();
  if (graph == nullptr || to_come.chunks > 1) return false;
  step.refused = false;
  step.graph = std::move(graph);
  step.logits = to_come.logits;
  return true;
}

}  // namespace weft::cuda
