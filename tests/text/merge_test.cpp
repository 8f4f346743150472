#include "core/text/merge.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

// Joins pairs of strings over a small alphabet by a random table: many ties, many dead ends.
struct RandomRule {
  std::string word;
  std::map<std::string, Join> joins;  // by what the pair spells

  Join join(const Piece& left, const Piece& right) const {
    const auto found = joins.find(word.substr(left.begin, left.size + right.size));
    return found == joins.end() ? Join{} : found->second;
  }
};

std::vector<Piece> letters(const std::string& word) {
  std::vector<Piece> pieces;
  for (uint32_t i = 0; i < word.size(); ++i) pieces.push_back({word[i], i, 1});
  return pieces;
}

// The definition, with no bookkeeping at all.
std::vector<Piece> merge_plainly(const RandomRule& rule) {
  std::vector<Piece> pieces = letters(rule.word);
  for (;;) {
    size_t best = pieces.size();
    Join best_join;
    for (size_t i = 0; i + 1 < pieces.size(); ++i) {
      const Join join = rule.join(pieces[i], pieces[i + 1]);
      if (join.id < 0) continue;
      if (best_join.id < 0 || join.priority > best_join.priority) best = i, best_join = join;
    }
    if (best_join.id < 0) return pieces;
    pieces[best].id = best_join.id;
    pieces[best].size += pieces[best + 1].size;
    pieces.erase(pieces.begin() + best + 1);
  }
}

TEST(Merge, WordsOfAnyLengthComeOutAsTheDefinitionSays) {
  std::mt19937 random(7);
  Merger merger;
  for (int round = 0; round < 3000; ++round) {
    RandomRule rule;
    // Up to 90 pieces: short ones are scanned, long ones go through the heap.
    for (uint32_t i = 0, size = 1 + random() % 90; i < size; ++i) rule.word += "abc"[random() % 3];
    for (int i = 0; i < 40; ++i) {
      std::string text;
      for (uint32_t k = 0, size = 2 + random() % 5; k < size; ++k) text += "abc"[random() % 3];
      rule.joins[text] = {static_cast<int32_t>(1000 + i), static_cast<uint32_t>(random() % 12)};
    }
    merger.pieces = letters(rule.word);
    merger.run(rule);
    const std::vector<Piece> expected = merge_plainly(rule);
    ASSERT_EQ(merger.pieces.size(), expected.size()) << rule.word;
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(merger.pieces[i].id, expected[i].id) << rule.word;
      ASSERT_EQ(merger.pieces[i].begin, expected[i].begin) << rule.word;
      ASSERT_EQ(merger.pieces[i].size, expected[i].size) << rule.word;
    }
  }
}

}  // namespace
}  // namespace weft
