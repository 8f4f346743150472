// logit[id] = −∞ for a forbidden id; for a seen one
//   logit > 0 ? logit / repetition : logit × repetition,
//   and less presence + frequency × times where it was generated.
//
// A block is a row. What was there is kept and put back when the draw is over: a row's
// log-probabilities are of the logits as they were, and so is what a host would be given.
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/sample_kernels.h"

namespace weft::cuda {
namespace {

struct EditLogits {
  static constexpr const char* kName = "edit_logits";
  static constexpr int kThreads = 256;
  using Shared = NoShared;

  const SampleRow* rows;

  WEFT_DEVICE void operator()(Shared&) const {
    const SampleRow row = load(rows + block_index().x);
    WEFT_NO_UNROLL
    for (int i = thread_index(); i < row.num_seen; i += kThreads) {
      const TokenCount seen = load(row.seen + i);
      float logit = load(row.logits + seen.id);
      store(row.saved + i, logit);
      if (row.repetition_penalty != 1.0f) {
        logit = logit > 0.0f ? logit / row.repetition_penalty : logit * row.repetition_penalty;
      }
      if (seen.times_generated > 0) {
        logit -=
            row.presence_penalty + row.frequency_penalty * static_cast<float>(seen.times_generated);
      }
      store(row.logits + seen.id, logit);
    }
    sync_threads();  // a forbidden id may be a seen one
    for (int i = thread_index(); i < row.num_forbidden; i += kThreads) {
      float* const logit = row.logits + load(row.forbidden + i);
      store(row.saved + row.num_seen + i, load(logit));
      store(logit, -INFINITY);
    }
  }
};

struct RestoreLogits {
  static constexpr const char* kName = "restore_logits";
  static constexpr int kThreads = 256;
  using Shared = NoShared;

  const SampleRow* rows;

  WEFT_DEVICE void operator()(Shared&) const {
    const SampleRow row = load(rows + block_index().x);
    for (int i = thread_index(); i < row.num_forbidden; i += kThreads) {
      store(row.logits + load(row.forbidden + i), load(row.saved + row.num_seen + i));
    }
    sync_threads();
    for (int i = thread_index(); i < row.num_seen; i += kThreads) {
      store(row.logits + load(row.seen + i).id, load(row.saved + i));
    }
  }
};

}  // namespace

void edit_logits(Stream& stream, const SampleRow* rows, int count) {
  launch(stream, {.x = count}, EditLogits{rows});
}

void restore_logits(Stream& stream, const SampleRow* rows, int count) {
  launch(stream, {.x = count}, RestoreLogits{rows});
}

}  // namespace weft::cuda
