// WeightArena: where packed weights lie.
#include "kernels/cpu/packed/weight_arena.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace weft::cpu {
namespace {

TEST(WeightArena, GivesZeroedAlignedPiecesThatShareNothing) {
  WeightArena arena;
  std::vector<WeightArena::Piece> pieces;
  // Several mappings, one of a piece that is larger than they usually are.
  for (const size_t size : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{40} << 20,
                            size_t{30} << 20, size_t{100} << 20, size_t{1000}}) {
    auto piece = arena.take(size);
    ASSERT_TRUE(piece) << piece.error().message;
    EXPECT_EQ(piece->size_bytes, size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(piece->data) % 64, 0u);
    EXPECT_EQ(piece->data[0], std::byte{0});
    EXPECT_EQ(piece->data[size - 1], std::byte{0});
    std::fill_n(piece->data, size, static_cast<std::byte>(pieces.size() + 1));
    pieces.push_back(std::move(*piece));
  }
  for (size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_EQ(pieces[i].data[0], static_cast<std::byte>(i + 1));
    EXPECT_EQ(pieces[i].data[pieces[i].size_bytes - 1], static_cast<std::byte>(i + 1));
  }
}

TEST(WeightArena, SmallPiecesLieSideBySideAndOutliveTheArena) {
  WeightArena::Piece first, second;
  {
    WeightArena arena;
    first = *arena.take(1000);
    second = *arena.take(1000);
  }
  EXPECT_EQ(second.data - first.data, 1024);
  first = {};
  EXPECT_EQ(second.mapping.use_count(), 1);
  EXPECT_EQ(second.data[999], std::byte{0});
}

TEST(WeightArena, WhatCannotBeHadIsAnError) {
  WeightArena arena;
  for (const size_t size : {std::numeric_limits<size_t>::max(), size_t{1} << 62}) {
    const auto piece = arena.take(size);
    ASSERT_FALSE(piece);
    EXPECT_EQ(piece.error().code, ErrorCode::kOutOfMemory);
    EXPECT_NE(piece.error().message.find(std::to_string(size)), std::string::npos);
  }
  EXPECT_TRUE(arena.take(100));
}

}  // namespace
}  // namespace weft::cpu
