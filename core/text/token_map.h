// TokenMap: token text → id, for lookups by any slice of a text. Open addressing over views, so
// a lookup allocates nothing. Immutable once built; borrows the strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <xxhash.h>

namespace weft {

inline uint64_t hash_text(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

class TokenMap {
 public:
  static constexpr int32_t kNone = -1;

  TokenMap() = default;
  // Ids are positions in `tokens`; of equal strings the lowest id is kept. Empty strings are
  // left out: they are no text.
  explicit TokenMap(const std::vector<std::string>& tokens);

  int32_t find(std::string_view text) const {
    if (text.size() > max_size_) return kNone;
    const uint64_t hash = hash_text(text);
    for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.id == kNone) return kNone;
      if (slot.tag == static_cast<uint32_t>(hash >> 32) && slot.text == text) return slot.id;
    }
  }

  size_t max_size() const { return max_size_; }  // of any token, in bytes

 private:
  struct Slot {
    std::string_view text;
    uint32_t tag = 0;  // upper half of the hash: most misses end without touching the text
    int32_t id = kNone;
  };
  std::vector<Slot> slots_ = std::vector<Slot>(1);
  size_t mask_ = 0;
  size_t max_size_ = 0;
};

}  // namespace weft
