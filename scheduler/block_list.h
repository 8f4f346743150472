// BlockList: a queue of block ids with removal from the middle, linked through two arrays indexed
// by block, so that nothing is allocated after construction. A block is in it at most once.
#pragma once

#include <cstdint>
#include <vector>

namespace weft {

class BlockList {
 public:
  explicit BlockList(int32_t num_blocks)
      : end_(num_blocks), next_(num_blocks + 1, kNone), previous_(num_blocks + 1, kNone) {
    next_[end_] = previous_[end_] = end_;
  }

  int32_t size() const { return size_; }
  bool contains(int32_t block) const { return next_[block] != kNone; }
  // The block that was put in first; the list must not be empty.
  int32_t front() const { return next_[end_]; }

  void push_back(int32_t block) {
    const int32_t last = previous_[end_];
    next_[last] = previous_[end_] = block;
    previous_[block] = last;
    next_[block] = end_;
    ++size_;
  }

  void remove(int32_t block) {
    next_[previous_[block]] = next_[block];
    previous_[next_[block]] = previous_[block];
    next_[block] = previous_[block] = kNone;
    --size_;
  }

  // Calls fn(block) from the front to the back.
  template <class Fn>
  void for_each(const Fn& fn) const {
    for (int32_t block = next_[end_]; block != end_; block = next_[block]) fn(block);
  }

 private:
  static constexpr int32_t kNone = -1;

  int32_t end_;  // closes the ring: its next is the front, its previous the back
  int32_t size_ = 0;
  std::vector<int32_t> next_, previous_;
};

}  // namespace weft
