#include "core/text/token_map.h"

#include <algorithm>
#include <bit>

namespace weft {

TokenMap::TokenMap(const std::vector<std::string>& tokens) {
  // At most half full, so that probe chains stay short and an empty slot always ends them.
  slots_ = std::vector<Slot>(std::bit_ceil(2 * tokens.size() + 2));
  mask_ = slots_.size() - 1;
  for (size_t id = 0; id < tokens.size(); ++id) {
    const std::string_view text = tokens[id];
    if (text.empty() || find(text) != kNone) continue;
    max_size_ = std::max(max_size_, text.size());
    const uint64_t hash = hash_text(text);
    size_t i = hash & mask_;
    while (slots_[i].id != kNone) i = (i + 1) & mask_;
    slots_[i] = {text, static_cast<uint32_t>(hash >> 32), static_cast<int32_t>(id)};
  }
}

}  // namespace weft
