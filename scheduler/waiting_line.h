// WaitingLine: the requests that wait to be admitted, in their order: who counts as having come
// earlier goes first (GenerationState::order), then who did. That order is fixed when a request
// comes, so nothing is ever sorted again. Links states, owns none. Owned by the step thread.
#pragma once

#include <array>

#include "scheduler/generation_state.h"

namespace weft {

bool goes_before(const GenerationState& a, const GenerationState& b);

class WaitingLine {
 public:
  // Puts a state in its place: at the end of its priority, or where it was before it ran.
  void insert(GenerationState& state);
  void remove(GenerationState& state);
  // Null: nobody waits.
  GenerationState* first() const;

 private:
  struct Ends {
    GenerationState* first = nullptr;
    GenerationState* last = nullptr;
  };

  std::array<Ends, kNumPriorities> lines_;  // by arrival, which within a priority is the order
};

}  // namespace weft
