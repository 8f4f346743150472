#include "scheduler/generation_state.h"

#include <algorithm>

namespace weft {

bool GenerationState::is_stop(int32_t id) const {
  return std::ranges::binary_search(limits.stop_ids, id);
}

}  // namespace weft
