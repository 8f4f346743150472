// The launches that a draw is made of, in this order (sample.cpp): edit, best, histogram, choose,
// restore; then, for log-probabilities, best again, and the sum. Rows that a launch does not
// concern leave it at once: a row takes the same way whatever the others are.
#pragma once

#include "kernels/cuda/sample_row.h"
#include "kernels/cuda/stream.h"

namespace weft::cuda {

// What a search for the best is for: to draw from the row, or to weigh it as it was.
enum class SamplePass : uint8_t { kDraw, kScore };

WEFT_DEVICE bool takes_part(const SampleRow& row, SamplePass pass) {
  return pass == SamplePass::kDraw ? row.draws() : row.wants_logprob;
}

inline int sample_slices(int n_vocab) { return (n_vocab + kSampleSlice - 1) / kSampleSlice; }

void edit_logits(Stream& stream, const SampleRow* rows, int count);
void find_best(Stream& stream, const SampleRow* rows, int count, int n_vocab, SamplePass pass);
void count_and_weigh(Stream& stream, const SampleRow* rows, int count, int n_vocab);
void choose_id(Stream& stream, const SampleRow* rows, int count, int n_vocab);
void restore_logits(Stream& stream, const SampleRow* rows, int count);
void sum_weights(Stream& stream, const SampleRow* rows, int count, int n_vocab);

// Not of a draw, but of the step after it: ids[i] below 0 become the id that draw -1 - ids[i] gave,
// or 0 where it gave none (StepBatch::from_draw).
void take_drawn_ids(Stream& stream, const DrawnRow* drawn, int32_t* ids, int count);

}  // namespace weft::cuda
