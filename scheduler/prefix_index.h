// PrefixIndex: finds the block that holds given tokens after a given prefix. Knows what is in the
// blocks, not who uses them: that is BlockManager's.
//
// A registered block is a link of a chain: its own ids, and the block before it. It is found by a
// hash over the whole chain, and taken only if its ids and the block before it are the ones asked
// for; a hash alone decides nothing. Each registration gets a number that is never used again,
// and a block names its parent by that number: when a parent is erased and its block holds
// something else, the children it left behind match nothing any more.
//
// Owned by the step thread. Allocates in the constructor only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft {

// Hash of a chain that goes on with `ids` after a chain (or a salt) whose hash is `before`.
using ChainHash = uint64_t (*)(uint64_t before, std::span<const int32_t> ids);
uint64_t xxh3_chain_hash(uint64_t before, std::span<const int32_t> ids);

class PrefixIndex {
 public:
  static constexpr int32_t kNone = -1;

  // What a block is found by. The ids are borrowed.
  struct Key {
    uint64_t hash;
    uint64_t parent;  // registration of the block before; 0: the chain starts here
    uint64_t salt;
    std::span<const int32_t> ids;
  };

  PrefixIndex(int32_t num_blocks, int32_t block_size, ChainHash hash);

  // Key of block_size `ids` after the registered block `parent`; kNone: at the start of a chain.
  // Chains with different salts never meet.
  Key key(int32_t parent, uint64_t salt, std::span<const int32_t> ids) const;

  // The block registered under the key, or kNone.
  int32_t find(const Key& key) const;

  bool contains(int32_t block) const { return entries_[block].registration != 0; }
  // The ids of a registered block.
  std::span<const int32_t> ids(int32_t block) const {
    return std::span(ids_).subspan(static_cast<size_t>(block) * block_size_, block_size_);
  }

  // Registers a block that is not registered, under a key that finds nothing.
  void insert(const Key& key, int32_t block);
  void erase(int32_t block);

  // Ends the process if the table and the blocks disagree. Linear in the number of blocks.
  void check_invariants() const;

 private:
  struct Entry {
    uint64_t registration = 0;  // 0: not registered
    uint64_t hash = 0;
    uint64_t parent = 0;
    uint64_t salt = 0;
  };
  // Of an open-addressing table with linear probing. The tag is the hash's lower half: it says
  // where the slot's search began, and spares most looks at blocks with another hash.
  struct Slot {
    uint32_t tag = 0;
    int32_t block = kNone;
  };

  size_t slot_of(int32_t block) const;
  bool matches(const Key& key, int32_t block) const;

  ChainHash hash_;
  size_t block_size_;
  size_t mask_;  // number of slots - 1
  uint64_t num_registrations_ = 0;
  std::vector<Slot> slots_;
  std::vector<Entry> entries_;  // [blocks]
  std::vector<int32_t> ids_;    // [blocks, block_size]
};

}  // namespace weft
