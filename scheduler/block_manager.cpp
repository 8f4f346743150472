#include "scheduler/block_manager.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/check.h"

namespace weft {

BlockManager::BlockManager(const BlockManagerOptions& options)
    : block_size_(options.block_size),
      prefix_cache_(options.prefix_cache),
      owners_(static_cast<size_t>(options.num_blocks)),
      free_(static_cast<size_t>(options.num_blocks)),
      cached_(options.num_blocks),
      index_(options.num_blocks, options.block_size, options.hash) {
  WEFT_CHECK(block_size_ > 0, "blocks of " + std::to_string(block_size_) + " tokens");
  std::iota(free_.rbegin(), free_.rend(), 0);
}

// --- Prefix cache ---------------------------------------------------------------------------

int32_t BlockManager::cached_block(int32_t parent, uint64_t salt, std::span<const int32_t> ids,
                                   int64_t index) const {
  if (!prefix_cache_ || (index + 1) * block_size_ >= std::ssize(ids)) return PrefixIndex::kNone;
  return index_.find(index_.key(parent, salt, block_ids(ids, index)));
}

int64_t BlockManager::match_prefix(std::span<const int32_t> ids, uint64_t salt, BlockTable& table) {
  WEFT_CHECK(table.blocks.empty(), "a table of " + std::to_string(table.blocks.size()) +
                                       " blocks, expected an empty one");
  table.salt = salt;
  table.num_published = 0;
  int32_t block = PrefixIndex::kNone;
  while ((block = cached_block(block, salt, ids, table.num_published)) != PrefixIndex::kNone) {
    take(block);
    table.blocks.push_back(block);
    ++table.num_published;
  }
  return int64_t{table.num_published} * block_size_;
}

int64_t BlockManager::longest_match(std::span<const int32_t> ids, uint64_t salt) const {
  int64_t num_blocks = 0;
  int32_t block = PrefixIndex::kNone;
  while ((block = cached_block(block, salt, ids, num_blocks)) != PrefixIndex::kNone) ++num_blocks;
  return num_blocks * block_size_;
}

void BlockManager::publish(BlockTable& table, std::span<const int32_t> ids, int64_t num_computed) {
  if (!prefix_cache_) return;
  WEFT_CHECK(
      num_computed <= std::ssize(ids) && blocks_for(num_computed) <= std::ssize(table.blocks),
      std::to_string(num_computed) + " tokens computed, of " + std::to_string(ids.size()) + " in " +
          std::to_string(table.blocks.size()) + " blocks");
  for (; (table.num_published + int64_t{1}) * block_size_ <= num_computed; ++table.num_published) {
    const int32_t i = table.num_published;
    const int32_t parent = i > 0 ? table.blocks[i - 1] : PrefixIndex::kNone;
    const auto key = index_.key(parent, table.salt, block_ids(ids, i));
    int32_t& own = table.blocks[i];
    const int32_t published = index_.find(key);
    if (published == own) continue;  // by a fork of this sequence
    if (index_.contains(own)) {
      // A fork has published it after a parent that is not this table's, though equal. Of two
      // equal chains only one can be found, and that is this table's: nothing finds the block.
      WEFT_CHECK(std::ranges::equal(index_.ids(own), key.ids),
                 "block " + std::to_string(own) + " was published with other ids");
      index_.erase(own);
    }
    if (published == PrefixIndex::kNone) {
      index_.insert(key, own);
    } else {
      take(published);
      drop(own);
      own = published;
    }
  }
}

// --- Blocks of a sequence -------------------------------------------------------------------

Result<void> BlockManager::reserve(BlockTable& table, int64_t num_tokens) {
  const int64_t wanted = blocks_wanted(table, num_tokens);
  if (wanted > num_available()) {
    return fail(ErrorCode::kOutOfMemory, "KV pool: " + std::to_string(wanted) + " more blocks of " +
                                             std::to_string(block_size_) + " tokens wanted, " +
                                             std::to_string(num_available()) + " of " +
                                             std::to_string(capacity()) + " are free");
  }
  for (int64_t i = 0; i < wanted; ++i) table.blocks.push_back(take_new());
  return {};
}

void BlockManager::truncate(BlockTable& table, int64_t num_tokens) {
  // From the tail on, so that it is evicted before what it needs in front of it.
  const int64_t kept = blocks_for(num_tokens);
  while (std::ssize(table.blocks) > kept) {
    drop(table.blocks.back());
    table.blocks.pop_back();
  }
  table.num_published =
      static_cast<int32_t>(std::min<int64_t>(table.num_published, num_tokens / block_size_));
}

BlockTable BlockManager::fork(const BlockTable& table, int64_t num_tokens) {
  const int64_t num_blocks = blocks_for(num_tokens);
  WEFT_CHECK(
      num_blocks <= std::ssize(table.blocks),
      std::to_string(num_tokens) + " tokens of " + std::to_string(table.blocks.size()) + " blocks");
  BlockTable result;
  result.blocks.assign(table.blocks.begin(), table.blocks.begin() + num_blocks);
  result.num_published =
      static_cast<int32_t>(std::min<int64_t>(table.num_published, num_tokens / block_size_));
  result.salt = table.salt;
  for (const int32_t block : result.blocks) take(block);
  return result;
}

Result<std::optional<BlockCopy>> BlockManager::make_writable(BlockTable& table, int64_t position) {
  const int64_t index = position / block_size_;
  WEFT_CHECK(index < std::ssize(table.blocks) && table.num_published <= index + 1,
             "position " + std::to_string(position) + " of " + std::to_string(table.blocks.size()) +
                 " blocks, " + std::to_string(table.num_published) + " published");
  int32_t& block = table.blocks[index];
  const bool shared = owners_[block] > 1;
  if (shared && num_available() == 0) {
    return fail(ErrorCode::kOutOfMemory, "KV pool: a block to copy a shared one to wanted, 0 of " +
                                             std::to_string(capacity()) + " are free");
  }
  table.num_published = static_cast<int32_t>(std::min<int64_t>(table.num_published, index));
  if (!shared && !index_.contains(block)) return std::nullopt;
  if (num_available() == 0) {
    index_.erase(block);  // going on matters more than a cached block
    return std::nullopt;
  }
  const int32_t from = block;
  block = take_new();
  drop(from);
  if (position % block_size_ == 0) return std::nullopt;
  return BlockCopy{from, block};
}

int32_t BlockManager::take_new() {
  int32_t block;
  if (free_.empty()) {
    block = cached_.front();
    cached_.remove(block);
    index_.erase(block);
  } else {
    block = free_.back();
    free_.pop_back();
  }
  owners_[block] = 1;
  ++num_owned_;
  return block;
}

// A published block, or one that has an owner.
void BlockManager::take(int32_t block) {
  if (owners_[block]++ > 0) return;
  cached_.remove(block);
  ++num_owned_;
}

void BlockManager::drop(int32_t block) {
  WEFT_CHECK(owners_[block] > 0, "block " + std::to_string(block) + " has no owner");
  if (--owners_[block] > 0) return;
  --num_owned_;
  if (index_.contains(block)) {
    cached_.push_back(block);
  } else {
    free_.push_back(block);
  }
}

// --- Ledger ---------------------------------------------------------------------------------

BlockManager::Ledger BlockManager::ledger() const {
  return {.capacity = capacity(),
          .free = static_cast<int32_t>(free_.size()),
          .cached = cached_.size(),
          .owned = num_owned_};
}

void BlockManager::check_invariants(std::span<const BlockTable* const> tables) const {
  const auto named = [](int32_t block) { return "block " + std::to_string(block); };

  std::vector<int32_t> owners(owners_.size());
  for (const BlockTable* table : tables) {
    for (const int32_t block : table->blocks) ++owners.at(block);
    WEFT_CHECK(table->num_published <= std::ssize(table->blocks),
               std::to_string(table->num_published) + " blocks published");
    for (int32_t i = 0; i < table->num_published; ++i) {
      WEFT_CHECK(index_.contains(table->blocks[i]), named(table->blocks[i]) + " is not published");
    }
  }
  enum class Place : char { kNowhere, kFree, kCached };
  std::vector<Place> places(owners_.size(), Place::kNowhere);
  const auto put = [&](int32_t block, Place place) {
    WEFT_CHECK(places[block] == Place::kNowhere, named(block) + " is listed twice");
    places[block] = place;
  };
  for (const int32_t block : free_) put(block, Place::kFree);
  int32_t num_cached = 0;
  cached_.for_each([&](int32_t block) {
    put(block, Place::kCached);
    ++num_cached;
  });
  int32_t num_owned = 0;
  for (int32_t block = 0; block < capacity(); ++block) {
    WEFT_CHECK(owners_[block] == owners[block],
               named(block) + " is said to have " + std::to_string(owners_[block]) +
                   " owners, in tables " + std::to_string(owners[block]) + " times");
    num_owned += owners[block] > 0 ? 1 : 0;
    const Place expected = owners[block] > 0        ? Place::kNowhere
                           : index_.contains(block) ? Place::kCached
                                                    : Place::kFree;
    WEFT_CHECK(places[block] == expected, named(block) + " is in a list where it must not be");
  }
  const Ledger now = ledger();
  WEFT_CHECK(now.cached == num_cached && now.owned == num_owned &&
                 now.capacity == now.free + now.cached + now.owned,
             std::to_string(now.free) + " free, " + std::to_string(now.cached) + " cached, " +
                 std::to_string(now.owned) + " owned of " + std::to_string(now.capacity));
  index_.check_invariants();
}

}  // namespace weft
