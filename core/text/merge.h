// The merge loop that SentencePiece and byte-level BPE share: join the best neighbouring pair,
// the leftmost of equals, until no pair joins. Short words scan, long ones use a heap, so the
// worst case is n log n; both give the same pieces.
//
// A Rule says what joins: `Join join(const Piece& left, const Piece& right) const`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace weft {

struct Piece {
  int32_t id;      // the rule's name for it; -1 where it has none
  uint32_t begin;  // byte offset in the word's text
  uint32_t size;   // bytes
};

struct Join {
  int32_t id = -1;        // what the pair becomes; -1: it does not join
  uint32_t priority = 0;  // the highest joins first
};

// Merges words; keeps its buffers between them, so that a word allocates nothing. Owned by one
// encode() call.
class Merger {
 public:
  // Fill with the word's smallest pieces, in order; after run() holds the merged ones.
  std::vector<Piece> pieces;

  template <class Rule>
  void run(const Rule& rule) {
    if (pieces.size() <= kScanPieces) {
      scan(rule);
    } else {
      heap(rule);
    }
  }

 private:
  // Scanning is quadratic in pieces but has no bookkeeping: it wins up to about this many.
  static constexpr size_t kScanPieces = 32;

  template <class Rule>
  void scan(const Rule& rule) {
    Join joins[kScanPieces];  // joins[i]: pieces i and i + 1
    size_t count = pieces.size();
    for (size_t i = 0; i + 1 < count; ++i) joins[i] = rule.join(pieces[i], pieces[i + 1]);
    while (count > 1) {
      size_t best = count;
      for (size_t i = 0; i + 1 < count; ++i) {
        if (joins[i].id >= 0 && (best == count || joins[i].priority > joins[best].priority)) {
          best = i;
        }
      }
      if (best == count) break;
      pieces[best] = {joins[best].id, pieces[best].begin,
                      pieces[best].size + pieces[best + 1].size};
      --count;
      std::copy(pieces.begin() + best + 2, pieces.begin() + count + 1, pieces.begin() + best + 1);
      std::copy(joins + best + 1, joins + count, joins + best);
      if (best > 0) joins[best - 1] = rule.join(pieces[best - 1], pieces[best]);
      if (best + 1 < count) joins[best] = rule.join(pieces[best], pieces[best + 1]);
    }
    pieces.resize(count);
  }

  // A pair waiting in the heap. It is stale, and skipped, once either side has changed: then the
  // bytes it would cover differ from those its left piece and that one's neighbour cover now.
  struct Candidate {
    uint64_t order;  // priority, then ~left: the leftmost of equals is the greatest
    int32_t id;
    uint32_t size;
    uint32_t left() const { return ~static_cast<uint32_t>(order); }
    bool operator<(const Candidate& other) const { return order < other.order; }
  };

  static constexpr uint32_t kEnd = UINT32_MAX;

  template <class Rule>
  void heap(const Rule& rule) {
    const auto count = static_cast<uint32_t>(pieces.size());
    next_.resize(count);
    previous_.resize(count);
    candidates_.clear();
    for (uint32_t i = 0; i < count; ++i) {
      next_[i] = i + 1 < count ? i + 1 : kEnd;
      previous_[i] = i > 0 ? i - 1 : kEnd;
    }
    for (uint32_t i = 0; i + 1 < count; ++i) consider(rule, i);
    std::make_heap(candidates_.begin(), candidates_.end());
    while (!candidates_.empty()) {
      std::pop_heap(candidates_.begin(), candidates_.end());
      const Candidate best = candidates_.back();
      candidates_.pop_back();
      const uint32_t left = best.left();
      if (pieces[left].size == 0 || next_[left] == kEnd) continue;
      const uint32_t right = next_[left];
      if (pieces[left].size + pieces[right].size != best.size) continue;
      pieces[left] = {best.id, pieces[left].begin, best.size};
      pieces[right].size = 0;
      next_[left] = next_[right];
      if (next_[left] != kEnd) {
        previous_[next_[left]] = left;
        if (consider(rule, left)) std::push_heap(candidates_.begin(), candidates_.end());
      }
      if (previous_[left] != kEnd && consider(rule, previous_[left])) {
        std::push_heap(candidates_.begin(), candidates_.end());
      }
    }
    std::erase_if(pieces, [](const Piece& piece) { return piece.size == 0; });
  }

  template <class Rule>
  bool consider(const Rule& rule, uint32_t left) {
    const Piece& a = pieces[left];
    const Piece& b = pieces[next_[left]];
    const Join join = rule.join(a, b);
    if (join.id < 0) return false;
    candidates_.push_back(
        {uint64_t{join.priority} << 32 | static_cast<uint32_t>(~left), join.id, a.size + b.size});
    return true;
  }

  std::vector<uint32_t> next_, previous_;
  std::vector<Candidate> candidates_;
};

}  // namespace weft
