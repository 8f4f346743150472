// The block tables of a test, kept in one place so that owners can be counted.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "scheduler/block_manager.h"

namespace weft::test {

class AllTables {
 public:
  // References stay valid.
  BlockTable& add(BlockTable table = {}) { return tables_.emplace_back(std::move(table)); }
  BlockTable& last() { return tables_.back(); }

  // The invariants, and the ledger's sum.
  void check(const BlockManager& blocks) const {
    std::vector<const BlockTable*> pointers;
    for (const BlockTable& table : tables_) pointers.push_back(&table);
    blocks.check_invariants(pointers);
    const BlockManager::Ledger now = blocks.ledger();
    EXPECT_EQ(now.capacity, now.free + now.cached + now.owned);
  }

 private:
  std::deque<BlockTable> tables_;
};

}  // namespace weft::test
