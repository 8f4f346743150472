#include "scheduler/prefix_index.h"

#include <algorithm>
#include <bit>
#include <string>

#include <xxhash.h>

#include "core/check.h"

namespace weft {

uint64_t xxh3_chain_hash(uint64_t before, std::span<const int32_t> ids) {
  return XXH3_64bits_withSeed(ids.data(), ids.size_bytes(), before);
}

// Twice as many slots as blocks: a search that finds nothing looks at 2.5 of them on average.
PrefixIndex::PrefixIndex(int32_t num_blocks, int32_t block_size, ChainHash hash)
    : hash_(hash),
      block_size_(static_cast<size_t>(block_size)),
      mask_(std::bit_ceil(std::max<size_t>(2 * static_cast<size_t>(num_blocks), 2)) - 1),
      slots_(mask_ + 1),
      entries_(static_cast<size_t>(num_blocks)),
      ids_(static_cast<size_t>(num_blocks) * block_size_) {}

PrefixIndex::Key PrefixIndex::key(int32_t parent, uint64_t salt,
                                  std::span<const int32_t> ids) const {
  if (parent == kNone) return {hash_(salt, ids), 0, salt, ids};
  const Entry& entry = entries_[parent];
  WEFT_CHECK(entry.registration != 0, "block " + std::to_string(parent) + " is not registered");
  return {hash_(entry.hash, ids), entry.registration, salt, ids};
}

bool PrefixIndex::matches(const Key& key, int32_t block) const {
  const Entry& entry = entries_[block];
  return entry.parent == key.parent && entry.salt == key.salt &&
         std::equal(key.ids.begin(), key.ids.end(), ids_.begin() + block * block_size_);
}

int32_t PrefixIndex::find(const Key& key) const {
  const auto tag = static_cast<uint32_t>(key.hash);
  for (size_t i = tag & mask_;; i = (i + 1) & mask_) {
    const Slot& slot = slots_[i];
    if (slot.block == kNone) return kNone;
    if (slot.tag == tag && matches(key, slot.block)) return slot.block;
  }
}

void PrefixIndex::insert(const Key& key, int32_t block) {
  WEFT_CHECK(!contains(block) && key.ids.size() == block_size_,
             "block " + std::to_string(block) + ", " + std::to_string(key.ids.size()) + " ids");
  entries_[block] = {++num_registrations_, key.hash, key.parent, key.salt};
  std::copy(key.ids.begin(), key.ids.end(), ids_.begin() + block * block_size_);
  const auto tag = static_cast<uint32_t>(key.hash);
  size_t i = tag & mask_;
  while (slots_[i].block != kNone) i = (i + 1) & mask_;
  slots_[i] = {tag, block};
}

size_t PrefixIndex::slot_of(int32_t block) const {
  size_t i = static_cast<uint32_t>(entries_[block].hash) & mask_;
  while (slots_[i].block != block) {
    WEFT_CHECK(slots_[i].block != kNone, "block " + std::to_string(block) + " has no slot");
    i = (i + 1) & mask_;
  }
  return i;
}

void PrefixIndex::erase(int32_t block) {
  WEFT_CHECK(contains(block), "block " + std::to_string(block) + " is not registered");
  // No tombstones: what comes after moves up into the hole, unless it lies between where its own
  // search begins and here.
  size_t hole = slot_of(block);
  for (size_t i = (hole + 1) & mask_; slots_[i].block != kNone; i = (i + 1) & mask_) {
    const size_t begin = slots_[i].tag & mask_;
    if (((i - begin) & mask_) >= ((i - hole) & mask_)) {
      slots_[hole] = slots_[i];
      hole = i;
    }
  }
  slots_[hole] = {};
  entries_[block] = {};
}

void PrefixIndex::check_invariants() const {
  size_t registered = 0;
  for (int32_t block = 0; block < std::ssize(entries_); ++block) {
    if (!contains(block)) continue;
    ++registered;
    const Entry& entry = entries_[block];
    WEFT_CHECK(entry.registration <= num_registrations_ && entry.parent < entry.registration,
               "block " + std::to_string(block) + " is older than its parent");
    const int32_t found = find({entry.hash, entry.parent, entry.salt, ids(block)});
    WEFT_CHECK(found == block,
               "block " + std::to_string(block) + " is found as block " + std::to_string(found));
  }
  const auto used = std::count_if(slots_.begin(), slots_.end(),
                                  [](const Slot& slot) { return slot.block != kNone; });
  WEFT_CHECK(static_cast<size_t>(used) == registered,
             std::to_string(used) + " slots for " + std::to_string(registered) + " blocks");
}

}  // namespace weft
