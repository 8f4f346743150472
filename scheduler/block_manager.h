// Paged KV bookkeeping: which physical blocks are free and which belong to a sequence. Knows ids
// only; never touches tensor memory. Not thread-safe: owned by the step thread.
#pragma once

#include <cstdint>
#include <vector>

#include "core/error.h"

namespace weft {

// The physical blocks of one sequence, in order of position.
using BlockTable = std::vector<int32_t>;

class BlockManager {
 public:
  BlockManager(int32_t num_blocks, int32_t block_size);

  // Makes `table` hold at least `num_tokens` tokens. All or nothing: fails with kOutOfMemory,
  // with the numbers, where too few blocks are free.
  Result<void> reserve(BlockTable& table, int64_t num_tokens);
  // Gives back every block beyond the first `num_tokens` tokens.
  void truncate(BlockTable& table, int64_t num_tokens);

  // Where position `position` of a sequence lives.
  int32_t slot(const BlockTable& table, int64_t position) const {
    return table[position / block_size_] * block_size_ +
           static_cast<int32_t>(position % block_size_);
  }

  int32_t block_size() const { return block_size_; }
  int32_t capacity() const { return capacity_; }
  int32_t num_free() const { return static_cast<int32_t>(free_.size()); }

 private:
  int32_t block_size_;
  int32_t capacity_;
  std::vector<int32_t> free_;  // the last is given out next
};

}  // namespace weft
