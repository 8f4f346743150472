// NaiveBlocks: BlockManager's promises in the plainest words, for a test to hold the real one to.
// No hashes, no lists, no pool: blocks are numbered as they are taken and a number never comes
// back; what is cached is searched from end to end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "scheduler/block_manager.h"

namespace weft::test {

class NaiveBlocks {
 public:
  struct Table {
    std::vector<int64_t> blocks;
    int64_t num_published = 0;
    uint64_t salt = 0;
  };
  enum class Write { kInPlace, kReplaced, kCopied, kNoBlock };
  // How often what makes a block manager hard has happened.
  struct Events {
    int64_t evicted = 0;
    int64_t merged = 0;    // went over to an equal block
    int64_t orphaned = 0;  // published again, after a parent that has taken the old one's place
    int64_t uncached = 0;  // written in place by its only owner, the pool being full
  };

  NaiveBlocks(int32_t num_blocks, int32_t block_size)
      : num_blocks_(num_blocks), block_size_(block_size) {}

  int64_t match(std::span<const int32_t> ids, uint64_t salt, Table& table);
  void publish(Table& table, std::span<const int32_t> ids, int64_t num_computed);
  bool reserve(Table& table, int64_t num_tokens);
  void truncate(Table& table, int64_t num_tokens);
  Table fork(const Table& table, int64_t num_tokens);
  Write make_writable(Table& table, int64_t position);

  BlockManager::Ledger ledger() const;
  const Events& events() const { return events_; }

 private:
  struct Publication {
    int64_t number;
    int64_t parent;  // its publication's number; 0: none
    uint64_t salt;
    std::vector<int32_t> ids;
  };
  struct Block {
    int32_t owners = 0;
    std::optional<Publication> publication;
  };

  int64_t num_free() const { return num_blocks_ - std::ssize(blocks_); }
  int64_t blocks_for(int64_t num_tokens) const {
    return (num_tokens + block_size_ - 1) / block_size_;
  }
  // What block `index` of these ids is published as, if that may be.
  Publication wanted(const Table& table, std::span<const int32_t> ids, int64_t index) const;
  std::optional<int64_t> find(const Publication& wanted) const;
  int64_t take_new();
  void take(int64_t block);
  void drop(int64_t block);

  int64_t num_blocks_;
  int64_t block_size_;
  int64_t num_taken_ = 0;
  int64_t num_publications_ = 0;
  std::map<int64_t, Block> blocks_;  // that are owned or cached
  std::vector<int64_t> cached_;      // longest ago first
  Events events_;
};

}  // namespace weft::test
