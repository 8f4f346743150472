// MergeTable: which two pieces join, how early, and into what. Pieces are numbered: ids of the
// vocabulary, and numbers above it for strings that only merges know. Immutable once built.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/text/merge.h"
#include "core/text/token_map.h"

namespace weft {

class MergeTable {
 public:
  // `merges`: "left right" in the byte-level alphabet, best first; `pieces` names the
  // vocabulary's ids by their bytes. Fails with kGgufBadVocabulary for a merge without its space.
  static Result<MergeTable> create(std::span<const std::string> merges, const TokenMap& pieces,
                                   int32_t n_vocab);

  // Usable as the Rule of Merger::run().
  Join join(const Piece& left, const Piece& right) const {
    const uint64_t pair = key(left.id, right.id);
    for (size_t i = slot_of(pair);; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.pair == pair) return {slot.joined, ~slot.rank};
      if (slot.pair == kEmpty) return {};
    }
  }

  // The piece of a single byte.
  int32_t byte_piece(uint8_t byte) const { return byte_pieces_[byte]; }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;  // no piece is numbered -1

  struct Slot {
    uint64_t pair = kEmpty;
    uint32_t rank = 0;
    int32_t joined = 0;
  };

  static uint64_t key(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  size_t slot_of(uint64_t pair) const {
    // Fibonacci hashing: the upper bits of the product mix both ids.
    return (pair * 0x9e3779b97f4a7c15u >> 32 ^ pair >> 7) & mask_;
  }

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  std::vector<int32_t> byte_pieces_ = std::vector<int32_t>(256);
};

}  // namespace weft
