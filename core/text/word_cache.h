// WordCache: the words of one encode() call that were tokenised already. It keeps no copies: an
// entry points at an earlier place in the text and at the ids written for it, so it costs one
// small allocation a call and needs no locks. Owned by one call.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/text/token_map.h"

namespace weft {

class WordCache {
 public:
  // `text`: what the words are slices of; `ids`: where their tokens go. Both outlive the cache,
  // and ids already written must stay as they are.
  WordCache(std::string_view text, std::vector<int32_t>& ids)
      : text_(text),
        ids_(&ids),
        // A distinct word every 16 bytes is more than prose has; 2^14 entries (384 KiB) fit a
        // second-level cache.
        entries_(std::bit_ceil(std::clamp<size_t>(text.size() / 16, 1, size_t{1} << 14))) {}

  // Appends the ids of the word at [begin, begin + size), calling tokenize(word) where it is not
  // known; tokenize appends to `ids` itself.
  template <class Tokenize>
  void append(size_t begin, size_t size, Tokenize&& tokenize) {
    const std::string_view word = text_.substr(begin, size);
    if (size > kMaxWordSize) return tokenize(word);
    const uint64_t hash = hash_text(word);
    Entry& entry = entries_[hash & (entries_.size() - 1)];
    if (entry.size == size && entry.tag == static_cast<uint32_t>(hash >> 32) &&
        std::memcmp(text_.data() + entry.begin, word.data(), size) == 0) {
      for (size_t i = 0; i < entry.num_ids; ++i) ids_->push_back((*ids_)[entry.first_id + i]);
      return;
    }
    const size_t first_id = ids_->size();
    tokenize(word);
    entry = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(begin), first_id,
             static_cast<uint16_t>(size), static_cast<uint16_t>(ids_->size() - first_id)};
  }

 private:
  // Longer words hardly repeat.
  static constexpr size_t kMaxWordSize = 64;

  struct Entry {
    uint32_t tag = 0;
    uint32_t begin = 0;
    uint64_t first_id = 0;
    uint16_t size = 0;  // 0: empty entry
    uint16_t num_ids = 0;
  };

  std::string_view text_;
  std::vector<int32_t>* ids_;
  std::vector<Entry> entries_;
};

}  // namespace weft
