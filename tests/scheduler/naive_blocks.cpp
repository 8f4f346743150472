#include "tests/scheduler/naive_blocks.h"

#include <algorithm>

namespace weft::test {

NaiveBlocks::Publication NaiveBlocks::wanted(const Table& table, std::span<const int32_t> ids,
                                             int64_t index) const {
  const auto part =
      ids.subspan(static_cast<size_t>(index * block_size_), static_cast<size_t>(block_size_));
  const int64_t parent =
      index == 0 ? 0 : blocks_.at(table.blocks[static_cast<size_t>(index - 1)]).publication->number;
  return {0, parent, table.salt, {part.begin(), part.end()}};
}

std::optional<int64_t> NaiveBlocks::find(const Publication& wanted) const {
  for (const auto& [number, block] : blocks_) {
    const auto& found = block.publication;
    if (found && found->parent == wanted.parent && found->salt == wanted.salt &&
        found->ids == wanted.ids) {
      return number;
    }
  }
  return std::nullopt;
}

int64_t NaiveBlocks::match(std::span<const int32_t> ids, uint64_t salt, Table& table) {
  table.salt = salt;
  while ((table.num_published + 1) * block_size_ < std::ssize(ids)) {
    const auto block = find(wanted(table, ids, table.num_published));
    if (!block) break;
    take(*block);
    table.blocks.push_back(*block);
    ++table.num_published;
  }
  return table.num_published * block_size_;
}

void NaiveBlocks::publish(Table& table, std::span<const int32_t> ids, int64_t num_computed) {
  while ((table.num_published + 1) * block_size_ <= num_computed) {
    Publication publication = wanted(table, ids, table.num_published);
    int64_t& own = table.blocks[static_cast<size_t>(table.num_published++)];
    const auto equal = find(publication);
    if (equal == own) continue;
    if (blocks_.at(own).publication) ++events_.orphaned;
    if (equal) {
      blocks_.at(own).publication.reset();
      take(*equal);
      drop(own);
      own = *equal;
      ++events_.merged;
    } else {
      publication.number = ++num_publications_;
      blocks_.at(own).publication = std::move(publication);
    }
  }
}

bool NaiveBlocks::reserve(Table& table, int64_t num_tokens) {
  const int64_t wanted = blocks_for(num_tokens) - std::ssize(table.blocks);
  if (wanted > num_free() + std::ssize(cached_)) return false;
  for (int64_t i = 0; i < wanted; ++i) table.blocks.push_back(take_new());
  return true;
}

void NaiveBlocks::truncate(Table& table, int64_t num_tokens) {
  while (std::ssize(table.blocks) > blocks_for(num_tokens)) {
    drop(table.blocks.back());
    table.blocks.pop_back();
  }
  table.num_published = std::min(table.num_published, num_tokens / block_size_);
}

NaiveBlocks::Table NaiveBlocks::fork(const Table& table, int64_t num_tokens) {
  Table result = table;
  result.blocks.resize(static_cast<size_t>(blocks_for(num_tokens)));
  result.num_published = std::min(result.num_published, num_tokens / block_size_);
  for (const int64_t block : result.blocks) take(block);
  return result;
}

NaiveBlocks::Write NaiveBlocks::make_writable(Table& table, int64_t position) {
  const int64_t index = position / block_size_;
  int64_t& own = table.blocks[static_cast<size_t>(index)];
  Block& block = blocks_.at(own);
  const bool full = num_free() == 0 && cached_.empty();
  if (block.owners > 1 && full) return Write::kNoBlock;
  table.num_published = std::min(table.num_published, index);
  if (block.owners == 1 && (full || !block.publication)) {
    if (block.publication) ++events_.uncached;
    block.publication.reset();
    return Write::kInPlace;
  }
  const int64_t old = own;
  own = take_new();
  drop(old);
  return position % block_size_ == 0 ? Write::kReplaced : Write::kCopied;
}

int64_t NaiveBlocks::take_new() {
  if (num_free() == 0) {
    blocks_.erase(cached_.front());
    cached_.erase(cached_.begin());
    ++events_.evicted;
  }
  blocks_[++num_taken_].owners = 1;
  return num_taken_;
}

void NaiveBlocks::take(int64_t block) {
  ++blocks_.at(block).owners;
  std::erase(cached_, block);
}

void NaiveBlocks::drop(int64_t number) {
  Block& block = blocks_.at(number);
  if (--block.owners > 0) return;
  if (block.publication) {
    cached_.push_back(number);
  } else {
    blocks_.erase(number);
  }
}

BlockManager::Ledger NaiveBlocks::ledger() const {
  const auto owned = std::count_if(blocks_.begin(), blocks_.end(),
                                   [](const auto& entry) { return entry.second.owners > 0; });
  return {static_cast<int32_t>(num_blocks_), static_cast<int32_t>(num_free()),
          static_cast<int32_t>(cached_.size()), static_cast<int32_t>(owned)};
}

}  // namespace weft::test
