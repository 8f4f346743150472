#include "scheduler/block_manager.h"

#include <set>

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(BlockManager, GivesEachSequenceBlocksOfItsOwn) {
  BlockManager blocks(4, 16);
  BlockTable a, b;
  ASSERT_TRUE(blocks.reserve(a, 17));
  ASSERT_TRUE(blocks.reserve(b, 16));
  EXPECT_EQ(a.size(), 2u);
  EXPECT_EQ(b.size(), 1u);
  EXPECT_EQ(std::set<int32_t>({a[0], a[1], b[0]}).size(), 3u);
  EXPECT_EQ(blocks.num_free(), 1);
}

TEST(BlockManager, GrowsATableOnlyWhenItsLastBlockIsFull) {
  BlockManager blocks(4, 16);
  BlockTable table;
  ASSERT_TRUE(blocks.reserve(table, 1));
  ASSERT_TRUE(blocks.reserve(table, 16));
  EXPECT_EQ(table.size(), 1u);
  ASSERT_TRUE(blocks.reserve(table, 17));
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(blocks.slot(table, 16), table[1] * 16);
  EXPECT_EQ(blocks.slot(table, 15), table[0] * 16 + 15);
}

TEST(BlockManager, AReservationThatDoesNotFitChangesNothingAndSaysTheNumbers) {
  BlockManager blocks(2, 16);
  BlockTable table;
  ASSERT_TRUE(blocks.reserve(table, 16));
  const auto result = blocks.reserve(table, 16 * 4);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kOutOfMemory);
  EXPECT_NE(result.error().message.find("3 more blocks"), std::string::npos);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(blocks.num_free(), 1);
}

TEST(BlockManager, TruncatingReturnsWhatIsNoLongerNeeded) {
  BlockManager blocks(4, 16);
  BlockTable table;
  ASSERT_TRUE(blocks.reserve(table, 64));
  blocks.truncate(table, 17);
  EXPECT_EQ(table.size(), 2u);
  blocks.truncate(table, 0);
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(blocks.num_free(), blocks.capacity());
}

}  // namespace
}  // namespace weft
