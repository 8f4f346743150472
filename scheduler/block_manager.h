// Paged KV bookkeeping: which physical blocks belong to which sequences, shared by prefix. Knows
// ids and hashes only; never touches tensor memory. Owned by the step thread.
//
// A block is free (its bits mean nothing), owned (by one sequence or several), or cached: owned by
// none, but published and kept until its place is needed. At any time
// capacity = free + cached + owned.
//
// The way of a sequence: match_prefix(), then for each step reserve(), make_writable() where
// something may be shared, the step itself, publish(); at the end release(). Nothing is allocated
// per call, except that a table grows to the longest it has been.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/batch.h"
#include "core/error.h"
#include "scheduler/block_list.h"
#include "scheduler/prefix_index.h"

namespace weft {

struct BlockManagerOptions {
  int32_t num_blocks = 0;
  int32_t block_size = 16;            // tokens
  bool prefix_cache = true;           // false: nothing is published, nothing matches
  ChainHash hash = &xxh3_chain_hash;  // tests make it collide
};

// The blocks of one sequence, in order of position. Plain data owned by the sequence; only the
// manager changes it. A copy owns nothing (fork() makes one that does), and a table must be
// released before it is destroyed.
struct BlockTable {
  std::vector<int32_t> blocks;
  int32_t num_published = 0;  // the first so many are in the prefix cache
  uint64_t salt = 0;          // what the chain starts from
};

class BlockManager {
 public:
  explicit BlockManager(const BlockManagerOptions& options);

  // --- Prefix cache ---------------------------------------------------------------------------
  // Gives the empty `table` the longest cached prefix of `ids` in whole blocks, and returns its
  // tokens. At most ids.size() - 1 of them: one must be computed to have logits. Only what was
  // published under the same `salt` (adapter, a caller's own key) matches.
  int64_t match_prefix(std::span<const int32_t> ids, uint64_t salt, BlockTable& table);
  // The tokens match_prefix() would give now.
  int64_t longest_match(std::span<const int32_t> ids, uint64_t salt) const;

  // Offers the blocks that are full and computed to later sequences. `ids` are those of the
  // table's positions, at least the first `num_computed`, which are computed. Where another
  // sequence has published the same prefix meanwhile, the table goes over to that block, which
  // holds the same bits, and its own is given back: slots taken from the table before are void.
  void publish(BlockTable& table, std::span<const int32_t> ids, int64_t num_computed);

  // --- Blocks of a sequence -------------------------------------------------------------------
  // Makes `table` hold at least `num_tokens` tokens. Takes free blocks first, then the cached ones
  // that were given back longest ago. All or nothing: fails with kOutOfMemory, with the numbers.
  Result<void> reserve(BlockTable& table, int64_t num_tokens);
  bool can_reserve(const BlockTable& table, int64_t num_tokens) const {
    return blocks_wanted(table, num_tokens) <= num_available();
  }

  // Gives back every block beyond the first `num_tokens` tokens. The last one kept may be shared
  // or published: make_writable() before going on.
  void truncate(BlockTable& table, int64_t num_tokens);
  // Gives back all. Published blocks stay cached, to be evicted from the sequence's tail on.
  void release(BlockTable& table) { truncate(table, 0); }

  // A table that shares the blocks of the first `num_tokens` tokens: what is computed of them. Both
  // sequences call make_writable() before they go on.
  BlockTable fork(const BlockTable& table, int64_t num_tokens);

  // Before a sequence goes on at `position`, whose block it has reserved: makes that block its own
  // to write, by putting another in its place where it is shared or published. Returns the copy
  // that must be done before the step, if there is something to keep; copies of one step are done
  // in the order of the calls. Positions from `position` on count as not computed; no block
  // after this one may be published or shared. Fails with kOutOfMemory, with nothing changed, if
  // the block has other owners and none can be had.
  Result<std::optional<BlockCopy>> make_writable(BlockTable& table, int64_t position);

  // Whether make_writable() there would take a block and give none back.
  bool is_shared(const BlockTable& table, int64_t position) const {
    const int64_t index = position / block_size_;
    return index < std::ssize(table.blocks) && owners_[table.blocks[index]] > 1;
  }

  // Where `position` of a sequence lives: physical block × block_size + offset in the block.
  int32_t slot(const BlockTable& table, int64_t position) const {
    return table.blocks[position / block_size_] * block_size_ +
           static_cast<int32_t>(position % block_size_);
  }

  // --- Ledger ---------------------------------------------------------------------------------
  struct Ledger {
    int32_t capacity, free, cached, owned;
    bool operator==(const Ledger&) const = default;
  };
  Ledger ledger() const;
  int32_t block_size() const { return block_size_; }
  int32_t capacity() const { return static_cast<int32_t>(owners_.size()); }
  // Blocks that reserve() can take: free or cached.
  int32_t num_available() const { return static_cast<int32_t>(free_.size()) + cached_.size(); }
  // Blocks that hold `num_tokens` tokens.
  int64_t blocks_for(int64_t num_tokens) const {
    return (num_tokens + block_size_ - 1) / block_size_;
  }

  // For tests: ends the process if owners, lists and prefix cache disagree with each other, or
  // the numbers of owners with `tables`, which must be all that own something. Linear in
  // everything.
  void check_invariants(std::span<const BlockTable* const> tables) const;

 private:
  int64_t blocks_wanted(const BlockTable& table, int64_t num_tokens) const {
    return blocks_for(num_tokens) - std::ssize(table.blocks);
  }
  std::span<const int32_t> block_ids(std::span<const int32_t> ids, int64_t index) const {
    return ids.subspan(static_cast<size_t>(index * block_size_), static_cast<size_t>(block_size_));
  }
  // The block that goes on after `parent` with block `index` of `ids`, if it may be matched.
  int32_t cached_block(int32_t parent, uint64_t salt, std::span<const int32_t> ids,
                       int64_t index) const;
  int32_t take_new();
  void take(int32_t block);
  void drop(int32_t block);

  int32_t block_size_;
  bool prefix_cache_;
  std::vector<int32_t> owners_;  // [blocks] tables that a block is in
  std::vector<int32_t> free_;    // the last is given out next
  BlockList cached_;             // published blocks without an owner, longest ago first
  int32_t num_owned_ = 0;
  PrefixIndex index_;
};

}  // namespace weft
