#include "tools/synth/random_points.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "core/quant/decode.h"

namespace weft::synth {
namespace {

std::vector<std::byte> draw(DType type, uint64_t first_block, int64_t blocks, uint64_t seed = 3) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(blocks * dtype_info(type).block_bytes));
  random_points(seed, 7, type, 0.02f, first_block, bytes);
  return bytes;
}

TEST(RandomPoints, HaveTheDeviationThatWasAskedForInEachBlock) {
  int types = 0;
  for (const DTypeInfo& info : all_dtypes()) {
    if (!has_random_points(info.type)) continue;
    ++types;
    const auto bytes = draw(info.type, 0, 50);
    std::vector<float> values(50 * info.block_size);
    decode_row(info.type, bytes.data(), values.data(), std::ssize(values));
    for (std::size_t block = 0; block < 50; ++block) {
      double squares = 0;
      double sum = 0;
      for (std::size_t i = 0; i < info.block_size; ++i) {
        const double value = values[block * info.block_size + i];
        squares += value * value;
        sum += value;
      }
      // The scale is a half float: 11 bits.
      EXPECT_NEAR(std::sqrt(squares / info.block_size), 0.02, 0.02 * 0x1p-10) << info.name;
      EXPECT_LT(std::abs(sum / info.block_size), 0.01) << info.name;
    }
  }
  EXPECT_EQ(types, 7);
}

TEST(RandomPoints, DoNotDependOnHowBlocksAreShared) {
  for (const DTypeInfo& info : all_dtypes()) {
    if (!has_random_points(info.type)) continue;
    const auto all = draw(info.type, 0, 9);
    const auto last = draw(info.type, 5, 4);
    EXPECT_TRUE(std::equal(last.begin(), last.end(), all.end() - std::ssize(last))) << info.name;
    EXPECT_NE(all, draw(info.type, 0, 9, 4)) << info.name;
  }
}

}  // namespace
}  // namespace weft::synth
