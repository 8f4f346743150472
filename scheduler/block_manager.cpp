#include "scheduler/block_manager.h"

#include <numeric>
#include <string>

namespace weft {

BlockManager::BlockManager(int32_t num_blocks, int32_t block_size)
    : block_size_(block_size), capacity_(num_blocks), free_(num_blocks) {
  std::iota(free_.rbegin(), free_.rend(), 0);
}

Result<void> BlockManager::reserve(BlockTable& table, int64_t num_tokens) {
  const int64_t wanted = (num_tokens + block_size_ - 1) / block_size_ - std::ssize(table);
  if (wanted > num_free()) {
    return fail(ErrorCode::kOutOfMemory, "KV pool: " + std::to_string(wanted) + " more blocks of " +
                                             std::to_string(block_size_) + " tokens wanted, " +
                                             std::to_string(num_free()) + " of " +
                                             std::to_string(capacity_) + " are free");
  }
  for (int64_t i = 0; i < wanted; ++i) {
    table.push_back(free_.back());
    free_.pop_back();
  }
  return {};
}

void BlockManager::truncate(BlockTable& table, int64_t num_tokens) {
  const int64_t kept = (num_tokens + block_size_ - 1) / block_size_;
  while (std::ssize(table) > kept) {
    free_.push_back(table.back());
    table.pop_back();
  }
}

}  // namespace weft
