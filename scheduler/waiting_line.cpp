#include "scheduler/waiting_line.h"

namespace weft {

bool goes_before(const GenerationState& a, const GenerationState& b) {
  return a.order < b.order || (a.order == b.order && a.arrival < b.arrival);
}

// What was preempted or paused goes back to a place near the front: all that is before it in its
// line came earlier.
void WaitingLine::insert(GenerationState& state) {
  Ends& line = lines_[static_cast<size_t>(state.priority)];
  GenerationState* before = line.last;
  GenerationState* after = nullptr;
  if (before && before->arrival > state.arrival) {
    after = line.first;
    while (after->arrival < state.arrival) after = after->waiting_after;
    before = after->waiting_before;
  }
  state.waiting_before = before;
  state.waiting_after = after;
  (before ? before->waiting_after : line.first) = &state;
  (after ? after->waiting_before : line.last) = &state;
}

void WaitingLine::remove(GenerationState& state) {
  Ends& line = lines_[static_cast<size_t>(state.priority)];
  GenerationState* const before = state.waiting_before;
  GenerationState* const after = state.waiting_after;
  (before ? before->waiting_after : line.first) = after;
  (after ? after->waiting_before : line.last) = before;
  state.waiting_before = state.waiting_after = nullptr;
}

GenerationState* WaitingLine::first() const {
  GenerationState* first = nullptr;
  for (const Ends& line : lines_) {
    if (line.first && (!first || goes_before(*line.first, *first))) first = line.first;
  }
  return first;
}

}  // namespace weft
