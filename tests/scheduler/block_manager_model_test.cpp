// BlockManager against NaiveBlocks over random operations, with a KV pool of which only the
// meaning is simulated: after every operation each sequence finds at its slots what it computed,
// the ledger and who shares what are as the naive one has them, and the invariants hold.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "scheduler/block_manager.h"
#include "tests/scheduler/naive_blocks.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

struct Pool {
  uint64_t seed;
  int32_t num_blocks;
  int32_t block_size;
  int32_t n_vocab;
  int32_t publish_percent;  // of the operations
  ChainHash hash = &xxh3_chain_hash;
};

// What must be at a position: it depends on the salt and every id up to there, as K and V do.
uint64_t meaning_after(uint64_t before, int32_t id) {
  return xxh3_chain_hash(before, std::span(&id, 1));
}

struct Sequence {
  std::vector<int32_t> ids;
  std::vector<uint64_t> meanings;  // [computed]
  BlockTable table;
  NaiveBlocks::Table naive;
  uint64_t salt = 0;

  int64_t num_computed() const { return std::ssize(meanings); }
  uint64_t meaning() const { return meanings.empty() ? ~salt : meanings.back(); }
};

struct Counts {
  int64_t operations = 0, matched_tokens = 0, copies = 0, refusals = 0;
  NaiveBlocks::Events events;
};

class World {
 public:
  explicit World(const Pool& pool)
      : random_(pool.seed),
        block_size_(pool.block_size),
        n_vocab_(pool.n_vocab),
        publish_percent_(pool.publish_percent),
        blocks_({.num_blocks = pool.num_blocks, .block_size = pool.block_size, .hash = pool.hash}),
        naive_(pool.num_blocks, pool.block_size),
        pool_(static_cast<size_t>(pool.num_blocks * pool.block_size)) {}

  // One random operation; false: something is not as it should be.
  bool step() {
    ++counts_.operations;
    const bool room = sequences_.size() < 7;
    const int32_t choice = random_.below(100);
    if (sequences_.empty() || (choice < 6 && room)) {
      start();
    } else {
      const size_t which = pick();
      Sequence& sequence = sequences_[which];
      if (random_.below(100) < publish_percent_) publish(sequence);
      if (choice < 12 && room) {
        fork(sequence);
      } else if (choice < 18) {
        truncate(sequence, random_.below(static_cast<int32_t>(sequence.num_computed()) + 1));
      } else if (choice < 24) {
        reserve(sequence, std::ssize(sequence.ids) + random_.below(2 * block_size_));
      } else if (choice < 30) {
        look(sequence);
      } else if (choice < 38) {
        truncate(sequence, 0);
        sequences_.erase(sequences_.begin() + static_cast<int64_t>(which));
      } else {
        compute(sequence);
      }
    }
    check();
    return !::testing::Test::HasFailure();
  }

  Counts counts() const {
    Counts counts = counts_;
    counts.events = naive_.events();
    return counts;
  }

  // The physical blocks of every sequence.
  std::vector<std::vector<int32_t>> tables() const {
    std::vector<std::vector<int32_t>> result;
    for (const Sequence& sequence : sequences_) result.push_back(sequence.table.blocks);
    return result;
  }

 private:
  size_t pick() {
    return static_cast<size_t>(random_.below(static_cast<int32_t>(sequences_.size())));
  }

  // Few different ids, and often those of an earlier sequence, so that prefixes meet.
  std::vector<int32_t> some_ids() {
    std::vector<int32_t> ids;
    if (!past_.empty() && random_.below(4) > 0) {
      ids = past_[static_cast<size_t>(random_.below(static_cast<int32_t>(past_.size())))];
      ids.resize(static_cast<size_t>(random_.below(static_cast<int32_t>(ids.size()) + 1)));
    }
    const auto more = random_.ids(random_.below(3 * block_size_), n_vocab_);
    ids.insert(ids.end(), more.begin(), more.end());
    return ids;
  }

  void start() {
    Sequence& sequence = sequences_.emplace_back();
    sequence.ids = some_ids();
    sequence.salt = random_.below(8) == 0 ? 1 : 0;
    match(sequence);
  }

  void match(Sequence& sequence) {
    const int64_t expected = blocks_.longest_match(sequence.ids, sequence.salt);
    const int64_t matched = blocks_.match_prefix(sequence.ids, sequence.salt, sequence.table);
    EXPECT_EQ(matched, expected);
    EXPECT_EQ(matched, naive_.match(sequence.ids, sequence.salt, sequence.naive));
    for (int64_t p = 0; p < matched; ++p) extend(sequence);
    counts_.matched_tokens += matched;
  }

  static void extend(Sequence& sequence) {
    sequence.meanings.push_back(meaning_after(
        sequence.meaning(), sequence.ids[static_cast<size_t>(sequence.num_computed())]));
  }

  bool reserve(Sequence& sequence, int64_t num_tokens) {
    const bool can = blocks_.can_reserve(sequence.table, num_tokens);
    const auto reserved = blocks_.reserve(sequence.table, num_tokens);
    EXPECT_EQ(reserved.has_value(), can);
    EXPECT_EQ(reserved.has_value(), naive_.reserve(sequence.naive, num_tokens));
    if (!reserved) ++counts_.refusals;
    return reserved.has_value();
  }

  void compute(Sequence& sequence) {
    if (sequence.table.blocks.empty()) match(sequence);
    const int64_t first = sequence.num_computed();
    const int64_t end = first + 1 + random_.below(2 * block_size_);
    while (std::ssize(sequence.ids) < end) sequence.ids.push_back(random_.below(n_vocab_));
    if (!reserve(sequence, end) || !make_writable(sequence, first)) {
      preempt(sequences_[pick()]);
      return;
    }
    for (int64_t p = first; p < end; ++p) {
      extend(sequence);
      pool_[static_cast<size_t>(blocks_.slot(sequence.table, p))] = sequence.meaning();
    }
    past_.resize(std::min<size_t>(past_.size() + 1, 20));
    past_[pick_past()] = sequence.ids;
  }
  size_t pick_past() {
    return static_cast<size_t>(random_.below(static_cast<int32_t>(past_.size())));
  }

  // All of its ids are to be computed again.
  void preempt(Sequence& sequence) {
    blocks_.release(sequence.table);
    naive_.truncate(sequence.naive, 0);
    sequence.meanings.clear();
  }

  bool make_writable(Sequence& sequence, int64_t position) {
    using Write = NaiveBlocks::Write;
    const auto index = static_cast<size_t>(position / block_size_);
    const int32_t before = sequence.table.blocks[index];
    const auto copy = blocks_.make_writable(sequence.table, position);
    const Write expected = naive_.make_writable(sequence.naive, position);
    EXPECT_EQ(copy.has_value(), expected != Write::kNoBlock);
    if (!copy) {
      ++counts_.refusals;
      return false;
    }
    const int32_t after = sequence.table.blocks[index];
    EXPECT_EQ(after == before, expected == Write::kInPlace);
    EXPECT_EQ(copy->has_value(), expected == Write::kCopied);
    if (copy->has_value()) {
      EXPECT_EQ(**copy, (BlockCopy{before, after}));
      std::copy_n(pool_.begin() + before * block_size_, block_size_,
                  pool_.begin() + after * block_size_);
      ++counts_.copies;
    }
    return true;
  }

  void publish(Sequence& sequence) {
    const int64_t num_computed =
        random_.below(4) > 0 ? sequence.num_computed()
                             : random_.below(static_cast<int32_t>(sequence.num_computed()) + 1);
    blocks_.publish(sequence.table, sequence.ids, num_computed);
    naive_.publish(sequence.naive, sequence.ids, num_computed);
  }

  void truncate(Sequence& sequence, int64_t num_tokens) {
    blocks_.truncate(sequence.table, num_tokens);
    naive_.truncate(sequence.naive, num_tokens);
    sequence.meanings.resize(static_cast<size_t>(num_tokens));
    // What comes next may be something else.
    const auto kept =
        num_tokens + random_.below(static_cast<int32_t>(std::ssize(sequence.ids) - num_tokens + 1));
    sequence.ids.resize(static_cast<size_t>(kept));
  }

  void fork(const Sequence& sequence) {
    Sequence copy;
    copy.ids = sequence.ids;
    copy.meanings = sequence.meanings;
    copy.salt = sequence.salt;
    copy.table = blocks_.fork(sequence.table, sequence.num_computed());
    copy.naive = naive_.fork(sequence.naive, sequence.num_computed());
    copy.ids.resize(copy.meanings.size());
    sequences_.push_back(std::move(copy));
  }

  void look(const Sequence& sequence) {
    NaiveBlocks naive = naive_;
    NaiveBlocks::Table table;
    EXPECT_EQ(blocks_.longest_match(sequence.ids, sequence.salt),
              naive.match(sequence.ids, sequence.salt, table));
  }

  void check() const {
    EXPECT_EQ(blocks_.ledger(), naive_.ledger());
    std::vector<const BlockTable*> tables;
    std::map<int32_t, int64_t> naive_of;
    std::map<int64_t, int32_t> real_of;
    for (const Sequence& sequence : sequences_) {
      tables.push_back(&sequence.table);
      ASSERT_EQ(sequence.table.num_published, sequence.naive.num_published);
      ASSERT_EQ(sequence.table.blocks.size(), sequence.naive.blocks.size());
      for (size_t i = 0; i < sequence.table.blocks.size(); ++i) {
        const int32_t real = sequence.table.blocks[i];
        const int64_t naive = sequence.naive.blocks[i];
        EXPECT_EQ(naive_of.try_emplace(real, naive).first->second, naive);
        EXPECT_EQ(real_of.try_emplace(naive, real).first->second, real);
      }
      for (int64_t p = 0; p < sequence.num_computed(); ++p) {
        ASSERT_EQ(pool_[static_cast<size_t>(blocks_.slot(sequence.table, p))],
                  sequence.meanings[static_cast<size_t>(p)])
            << "position " << p;
      }
    }
    blocks_.check_invariants(tables);
  }

  Random random_;
  int32_t block_size_;
  int32_t n_vocab_;
  int32_t publish_percent_;
  BlockManager blocks_;
  NaiveBlocks naive_;
  std::vector<uint64_t> pool_;  // [slots] what is stored there
  std::vector<Sequence> sequences_;
  std::vector<std::vector<int32_t>> past_;
  Counts counts_;
};

// Pools from far too small to ample, blocks from one token up; where nothing differs or little is
// published, equal blocks are many.
std::vector<Pool> pools() {
  std::vector<Pool> result;
  uint64_t seed = 0;
  for (const int32_t num_blocks : {3, 12, 24, 48}) {
    for (const int32_t block_size : {1, 2, 4}) {
      for (const int32_t n_vocab : {1, 2, 5}) {
        for (const int32_t publish_percent : {8, 60}) {
          result.push_back({++seed, num_blocks, block_size, n_vocab, publish_percent});
        }
      }
    }
  }
  return result;
}

TEST(BlockManagerModel, RandomOperationsAreAsTheNaiveManagerHasThem) {
  Counts all;
  for (const Pool& pool : pools()) {
    World world(pool);
    for (int i = 0; i < 10'000; ++i) {
      ASSERT_TRUE(world.step()) << pool.num_blocks << " blocks of " << pool.block_size
                                << " tokens, operation " << i;
    }
    const Counts counts = world.counts();
    all.operations += counts.operations;
    all.matched_tokens += counts.matched_tokens;
    all.copies += counts.copies;
    all.refusals += counts.refusals;
    all.events.evicted += counts.events.evicted;
    all.events.merged += counts.events.merged;
    all.events.orphaned += counts.events.orphaned;
    all.events.uncached += counts.events.uncached;
  }
  EXPECT_GE(all.operations, 100'000);
  // The operations have been everywhere.
  EXPECT_GT(all.matched_tokens, 1000);
  EXPECT_GT(all.copies, 1000);
  EXPECT_GT(all.refusals, 1000);
  EXPECT_GT(all.events.evicted, 1000);
  EXPECT_GT(all.events.merged, 1000);
  EXPECT_GT(all.events.orphaned, 10);
  EXPECT_GT(all.events.uncached, 10);
}

// Hashes only make the search fast: with the worst of them everything is the same, to the
// physical block.
TEST(BlockManagerModel, CollidingHashesChangeNothing) {
  const ChainHash collisions[] = {
      [](uint64_t, std::span<const int32_t>) { return uint64_t{0}; },
      // All tags equal while the table wraps around, and few different ones.
      [](uint64_t, std::span<const int32_t>) { return ~uint64_t{0}; },
      [](uint64_t before, std::span<const int32_t> ids) {
        return xxh3_chain_hash(before, ids) & 3;
      },
  };
  for (const ChainHash collision : collisions) {
    for (const Pool& pool : pools()) {
      Pool colliding = pool;
      colliding.hash = collision;
      World world(pool);
      World same(colliding);
      for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(world.step() && same.step());
        ASSERT_EQ(world.tables(), same.tables());
      }
    }
  }
}

}  // namespace
}  // namespace weft::test
