#include "scheduler/block_manager.h"

#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/allocation_counter.h"
#include "tests/scheduler/all_tables.h"

namespace weft {
namespace {

using test::AllTables;
using Ids = std::vector<int32_t>;

// `count` ids that nothing else in the test has.
Ids ids_from(int32_t first, int64_t count) {
  Ids ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

Ids joined(Ids head, const Ids& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

struct NamedHash {
  const char* name;
  ChainHash hash;
};

// A pool with blocks of four tokens, whose ledger is checked at the end of each test. With a hash
// that is always the same, only ids and parents can tell blocks apart.
class BlockManagerTest : public ::testing::TestWithParam<NamedHash> {
 protected:
  void SetUp() override { start({.num_blocks = 8, .block_size = 4}); }
  void TearDown() override { tables_.check(*blocks_); }

  void start(BlockManagerOptions options) {
    options.hash = GetParam().hash;
    blocks_.emplace(options);
  }
  BlockTable& table() { return tables_.add(); }

  // What a sequence of these ids does: takes what is cached, and computes and publishes the rest.
  BlockTable& computed(const Ids& ids, uint64_t salt = 0) {
    BlockTable& result = table();
    blocks_->match_prefix(ids, salt, result);
    EXPECT_TRUE(blocks_->reserve(result, std::ssize(ids)));
    blocks_->publish(result, ids, std::ssize(ids));
    return result;
  }
  // The same without the look at the cache, as of a sequence that began at the same time.
  BlockTable& computed_apart(const Ids& ids) {
    BlockTable& result = table();
    EXPECT_TRUE(blocks_->reserve(result, std::ssize(ids)));
    blocks_->publish(result, ids, std::ssize(ids));
    return result;
  }
  void run(const Ids& ids) { blocks_->release(computed(ids)); }
  // Takes everything that is not owned, so that all of the cache is evicted.
  void evict_all() {
    BlockTable& all = table();
    ASSERT_TRUE(blocks_->reserve(all, int64_t{blocks_->num_available()} * 4));
    blocks_->release(all);
  }
  BlockManager::Ledger ledger(int32_t free, int32_t cached, int32_t owned) const {
    return {blocks_->capacity(), free, cached, owned};
  }

  std::optional<BlockManager> blocks_;
  AllTables tables_;
};

// --- Reserving ------------------------------------------------------------------------------

TEST_P(BlockManagerTest, GivesEachSequenceBlocksOfItsOwn) {
  BlockTable& a = table();
  BlockTable& b = table();
  ASSERT_TRUE(blocks_->reserve(a, 5));
  ASSERT_TRUE(blocks_->reserve(b, 4));
  EXPECT_EQ(a.blocks.size(), 2u);
  EXPECT_EQ(b.blocks.size(), 1u);
  EXPECT_EQ(std::set<int32_t>({a.blocks[0], a.blocks[1], b.blocks[0]}).size(), 3u);
  EXPECT_EQ(blocks_->ledger(), ledger(5, 0, 3));
}

TEST_P(BlockManagerTest, GrowsATableOnlyWhenItsLastBlockIsFull) {
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 1));
  ASSERT_TRUE(blocks_->reserve(a, 4));
  EXPECT_EQ(a.blocks.size(), 1u);
  ASSERT_TRUE(blocks_->reserve(a, 5));
  EXPECT_EQ(a.blocks.size(), 2u);
  EXPECT_EQ(blocks_->slot(a, 4), a.blocks[1] * 4);
  EXPECT_EQ(blocks_->slot(a, 3), a.blocks[0] * 4 + 3);
}

TEST_P(BlockManagerTest, AReservationThatDoesNotFitChangesNothingAndSaysTheNumbers) {
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 4));
  EXPECT_TRUE(blocks_->can_reserve(a, 32));
  EXPECT_FALSE(blocks_->can_reserve(a, 33));
  const auto result = blocks_->reserve(a, 33);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(result.error().message, "KV pool: 8 more blocks of 4 tokens wanted, 7 of 8 are free");
  EXPECT_EQ(a.blocks.size(), 1u);
  EXPECT_EQ(blocks_->ledger(), ledger(7, 0, 1));
}

TEST_P(BlockManagerTest, TruncatingReturnsWhatIsNoLongerNeeded) {
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 16));
  blocks_->truncate(a, 5);
  EXPECT_EQ(a.blocks.size(), 2u);
  blocks_->truncate(a, 0);
  EXPECT_TRUE(a.blocks.empty());
  EXPECT_EQ(blocks_->ledger(), ledger(8, 0, 0));
}

// --- Prefix cache ---------------------------------------------------------------------------

TEST_P(BlockManagerTest, FreedPrefixBlockIsReusedByMatchingPrompt) {
  const Ids ids = ids_from(100, 9);
  const std::vector<int32_t> before = computed(ids).blocks;
  blocks_->release(tables_.last());
  EXPECT_EQ(blocks_->ledger(), ledger(6, 2, 0));

  BlockTable& again = table();
  EXPECT_EQ(blocks_->longest_match(ids, 0), 8);
  EXPECT_EQ(blocks_->match_prefix(ids, 0, again), 8);
  EXPECT_EQ(again.blocks, std::vector(before.begin(), before.begin() + 2));
  EXPECT_EQ(blocks_->ledger(), ledger(6, 0, 2));
}

TEST_P(BlockManagerTest, LookingDoesNotTake) {
  run(ids_from(100, 8));
  EXPECT_EQ(blocks_->longest_match(ids_from(100, 9), 0), 8);
  EXPECT_EQ(blocks_->ledger(), ledger(6, 2, 0));
}

TEST_P(BlockManagerTest, BlocksOfARunningSequenceAreShared) {
  const Ids prefix = ids_from(100, 8);
  const BlockTable& a = computed(joined(prefix, {1, 2}));
  const BlockTable& b = computed(joined(prefix, {3}));
  EXPECT_EQ(b.blocks[0], a.blocks[0]);
  EXPECT_EQ(b.blocks[1], a.blocks[1]);
  EXPECT_NE(b.blocks[2], a.blocks[2]);
  EXPECT_EQ(blocks_->ledger(), ledger(4, 0, 4));
}

TEST_P(BlockManagerTest, OneTokenOfAPromptIsAlwaysLeftToCompute) {
  run(ids_from(100, 8));
  EXPECT_EQ(blocks_->longest_match(ids_from(100, 8), 0), 4);
  EXPECT_EQ(blocks_->longest_match(ids_from(100, 9), 0), 8);
  EXPECT_EQ(blocks_->longest_match(ids_from(100, 1), 0), 0);
  EXPECT_EQ(blocks_->longest_match({}, 0), 0);
}

TEST_P(BlockManagerTest, OnlyFullComputedBlocksArePublished) {
  const Ids ids = ids_from(100, 12);
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 12));
  blocks_->publish(a, ids, 7);
  EXPECT_EQ(a.num_published, 1);
  EXPECT_EQ(blocks_->longest_match(ids, 0), 4);
  blocks_->publish(a, ids, 8);
  EXPECT_EQ(blocks_->longest_match(ids, 0), 8);
}

TEST_P(BlockManagerTest, ABlockMatchesOnlyAfterThePrefixItWasComputedAfter) {
  const Ids tail = ids_from(200, 4);
  run(joined(ids_from(100, 4), tail));
  run(ids_from(300, 4));
  EXPECT_EQ(blocks_->longest_match(joined(tail, {1}), 0), 0);
  EXPECT_EQ(blocks_->longest_match(joined(joined(ids_from(300, 4), tail), {1}), 0), 4);
}

TEST_P(BlockManagerTest, ChainsOfDifferentSaltsNeverMeet) {
  const Ids ids = ids_from(100, 9);
  blocks_->release(computed(ids, 7));
  EXPECT_EQ(blocks_->longest_match(ids, 7), 8);
  EXPECT_EQ(blocks_->longest_match(ids, 0), 0);
  EXPECT_EQ(blocks_->longest_match(ids, 8), 0);
}

TEST_P(BlockManagerTest, WithoutPrefixCacheNothingIsKept) {
  start({.num_blocks = 8, .block_size = 4, .prefix_cache = false});
  run(ids_from(100, 9));
  EXPECT_EQ(blocks_->longest_match(ids_from(100, 9), 0), 0);
  EXPECT_EQ(blocks_->ledger(), ledger(8, 0, 0));
}

TEST_P(BlockManagerTest, APrefixComputedTwiceAtOnceIsKeptOnce) {
  const Ids ids = ids_from(100, 10);
  const BlockTable& a = computed_apart(ids);
  EXPECT_EQ(blocks_->ledger(), ledger(5, 0, 3));
  const BlockTable& b = computed_apart(ids);
  EXPECT_EQ(b.blocks[0], a.blocks[0]);
  EXPECT_EQ(b.blocks[1], a.blocks[1]);
  EXPECT_NE(b.blocks[2], a.blocks[2]) << "the last block is not full";
  EXPECT_EQ(blocks_->ledger(), ledger(4, 0, 4));
}

// --- Eviction -------------------------------------------------------------------------------

TEST_P(BlockManagerTest, FreeBlocksAreTakenBeforeCachedOnes) {
  run(ids_from(100, 8));
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 24));
  EXPECT_EQ(blocks_->ledger(), ledger(0, 2, 6));
  EXPECT_EQ(blocks_->longest_match(ids_from(100, 9), 0), 8);
}

TEST_P(BlockManagerTest, ASequencesTailIsEvictedBeforeItsHead) {
  const Ids ids = ids_from(100, 32);
  run(ids);
  for (int32_t left = 7; left >= 0; --left) {
    BlockTable& taken = table();
    ASSERT_TRUE(blocks_->reserve(taken, 4));
    EXPECT_EQ(blocks_->longest_match(joined(ids, {1}), 0), left * 4);
  }
}

TEST_P(BlockManagerTest, WhatWasGivenBackLongestAgoIsEvictedFirst) {
  run(ids_from(100, 12));
  run(ids_from(200, 12));
  run(ids_from(100, 13));  // used again
  BlockTable& taken = table();
  ASSERT_TRUE(blocks_->reserve(taken, 3 * 4));
  EXPECT_EQ(blocks_->longest_match(ids_from(100, 13), 0), 12);
  EXPECT_EQ(blocks_->longest_match(ids_from(200, 13), 0), 8);
}

TEST_P(BlockManagerTest, MatchedBlocksAreNotEvicted) {
  run(ids_from(100, 8));
  BlockTable& a = table();
  ASSERT_EQ(blocks_->match_prefix(ids_from(100, 9), 0, a), 8);
  EXPECT_FALSE(blocks_->can_reserve(a, 9 * 4));
  ASSERT_TRUE(blocks_->reserve(a, 8 * 4));
  EXPECT_EQ(blocks_->longest_match(ids_from(100, 9), 0), 8);
}

// A child stays cached while its parent's block is evicted and given to something else. This
// takes a fork from before publishing, whose table still has the sequence's own first block when
// the sequence itself has gone over to another's.
TEST_P(BlockManagerTest, AStaleChildDoesNotMatchAfterWhatTookItsParentsBlock) {
  const Ids prefix = ids_from(100, 4);
  const Ids child = ids_from(200, 4);
  const Ids ids = joined(prefix, child);
  BlockTable& other = computed(prefix);
  const int32_t parent = other.blocks[0];
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 8));
  BlockTable& fork = tables_.add(blocks_->fork(a, 8));
  blocks_->publish(a, ids, 8);
  ASSERT_EQ(a.blocks[0], parent);
  ASSERT_EQ(blocks_->longest_match(joined(ids, {1}), 0), 8);
  blocks_->release(a);
  blocks_->release(other);
  evict_all();
  ASSERT_EQ(blocks_->longest_match(joined(ids, {1}), 0), 0);

  // The parent's block comes to hold another prefix: the child was not computed after that.
  const Ids imposter = ids_from(300, 4);
  while (tables_.last().blocks != std::vector{parent}) {
    tables_.add();
    ASSERT_TRUE(blocks_->reserve(tables_.last(), 4));
  }
  blocks_->publish(tables_.last(), imposter, 4);
  ASSERT_EQ(blocks_->longest_match(joined(imposter, {1}), 0), 4);
  EXPECT_EQ(blocks_->longest_match(joined(joined(imposter, child), {1}), 0), 4);

  // The fork brings the chain back with its own blocks.
  blocks_->publish(fork, ids, 8);
  EXPECT_EQ(blocks_->longest_match(joined(ids, {1}), 0), 8);
  EXPECT_EQ(blocks_->longest_match(joined(joined(imposter, child), {1}), 0), 4);
}

TEST_P(BlockManagerTest, AnEvictedPrefixIsForgotten) {
  run(ids_from(100, 9));
  evict_all();
  EXPECT_EQ(blocks_->longest_match(ids_from(100, 9), 0), 0);
  EXPECT_EQ(blocks_->ledger(), ledger(8, 0, 0));
}

// --- Copy on write --------------------------------------------------------------------------

TEST_P(BlockManagerTest, ABlockOfOnesOwnIsWrittenInPlace) {
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 6));
  const auto copy = blocks_->make_writable(a, 5);
  ASSERT_TRUE(copy);
  EXPECT_EQ(*copy, std::nullopt);
}

TEST_P(BlockManagerTest, TheFirstOfAForkToGoOnCopiesAndTheLastDoesNot) {
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 6));
  BlockTable& b = tables_.add(blocks_->fork(a, 6));
  EXPECT_EQ(a.blocks, b.blocks);
  EXPECT_EQ(blocks_->ledger(), ledger(6, 0, 2));

  const int32_t shared = a.blocks[1];
  const auto copy = blocks_->make_writable(a, 6);
  ASSERT_TRUE(copy);
  EXPECT_EQ(*copy, (BlockCopy{shared, a.blocks[1]}));
  EXPECT_NE(a.blocks[1], shared);
  EXPECT_EQ(b.blocks[1], shared);
  EXPECT_EQ(blocks_->make_writable(b, 6).value(), std::nullopt);
  EXPECT_EQ(a.blocks[0], b.blocks[0]) << "full blocks stay shared";
}

TEST_P(BlockManagerTest, AForkSharesOnlyWhatIsComputed) {
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 16));
  EXPECT_EQ(tables_.add(blocks_->fork(a, 5)).blocks.size(), 2u);
}

TEST_P(BlockManagerTest, ASharedBlockThatIsRewrittenWholeIsReplacedWithoutACopy) {
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 8));
  BlockTable& b = tables_.add(blocks_->fork(a, 8));
  EXPECT_EQ(blocks_->make_writable(a, 4).value(), std::nullopt);
  EXPECT_NE(a.blocks[1], b.blocks[1]);
}

TEST_P(BlockManagerTest, APublishedBlockIsNotWrittenOver) {
  const Ids ids = ids_from(100, 8);
  BlockTable& a = computed(ids);
  const int32_t published = a.blocks[1];
  blocks_->truncate(a, 6);
  EXPECT_EQ(a.num_published, 1);
  const auto copy = blocks_->make_writable(a, 6);
  ASSERT_TRUE(copy);
  EXPECT_EQ(*copy, (BlockCopy{published, a.blocks[1]}));
  EXPECT_EQ(blocks_->longest_match(joined(ids, {1}), 0), 8) << "what was published is still there";

  const Ids other = joined(ids_from(100, 6), {1, 2});
  blocks_->publish(a, other, 8);
  EXPECT_EQ(blocks_->longest_match(joined(other, {1}), 0), 8);
}

TEST_P(BlockManagerTest, WhatIsWrittenOverInTheLastBlockIsPublishedAnew) {
  BlockTable& a = computed(ids_from(100, 8));
  ASSERT_TRUE(blocks_->make_writable(a, 6));
  EXPECT_EQ(a.num_published, 1);
  const Ids other = joined(ids_from(100, 6), {1, 2});
  blocks_->publish(a, other, 8);
  EXPECT_EQ(blocks_->longest_match(joined(other, {1}), 0), 8);
}

TEST_P(BlockManagerTest, InAFullPoolAPublishedBlockOfOnesOwnLeavesTheCacheToBeWritten) {
  const Ids ids = ids_from(100, 32);
  BlockTable& a = computed(ids);
  const int32_t last = a.blocks[7];
  blocks_->truncate(a, 30);
  EXPECT_EQ(blocks_->make_writable(a, 30).value(), std::nullopt);
  EXPECT_EQ(a.blocks[7], last);
  EXPECT_EQ(blocks_->longest_match(joined(ids, {1}), 0), 28);
}

TEST_P(BlockManagerTest, InAFullPoolASharedBlockCannotBeMadeWritable) {
  BlockTable& a = table();
  ASSERT_TRUE(blocks_->reserve(a, 30));
  BlockTable& b = tables_.add(blocks_->fork(a, 30));
  const auto result = blocks_->make_writable(a, 30);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(a.blocks, b.blocks);
}

// --- Steady state ---------------------------------------------------------------------------

TEST_P(BlockManagerTest, NothingIsAllocatedOnceATableHasGrown) {
  const Ids prompts[] = {ids_from(100, 20), ids_from(200, 20), joined(ids_from(100, 9), {1, 2, 3})};
  BlockTable& a = table();
  int64_t allocations = 0;
  for (int round = 0; round < 10; ++round) {
    const int64_t before = bench::num_allocations();
    for (const Ids& ids : prompts) {
      blocks_->match_prefix(ids, 0, a);
      ASSERT_TRUE(blocks_->reserve(a, std::ssize(ids)));
      blocks_->publish(a, ids, std::ssize(ids));
      blocks_->truncate(a, 7);
      ASSERT_TRUE(blocks_->make_writable(a, 7));
      blocks_->release(a);
    }
    allocations = bench::num_allocations() - before;
    if (round == 0) {
      EXPECT_GT(allocations, 0) << "the count works";
    } else {
      EXPECT_EQ(allocations, 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Hash, BlockManagerTest,
                         ::testing::Values(NamedHash{"xxh3", &xxh3_chain_hash},
                                           NamedHash{"constant",
                                                     [](uint64_t, std::span<const int32_t>) {
                                                       return uint64_t{5};
                                                     }}),
                         [](const auto& hash) { return std::string(hash.param.name); });

// --- The check itself -----------------------------------------------------------------------

TEST(BlockManagerDeathTest, ATableOfAnUnknownOwnerIsABug) {
  BlockManager blocks({.num_blocks = 4, .block_size = 4});
  BlockTable a;
  ASSERT_TRUE(blocks.reserve(a, 4));
  const BlockTable copy = a;
  const BlockTable* const none[] = {nullptr};
  const BlockTable* const both[] = {&a, &copy};
  EXPECT_DEATH(blocks.check_invariants(std::span(none, 0)), "1 owners, in tables 0 times");
  EXPECT_DEATH(blocks.check_invariants(both), "1 owners, in tables 2 times");
}

}  // namespace
}  // namespace weft
