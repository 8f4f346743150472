// copy_blocks(): the bytes of a block in every layer, in the order of the list, and nothing else;
// attention over copied blocks gives the same bits.
#include <numeric>

#include "kernels/cpu/cpu_kv_cache.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

using Bytes = std::vector<std::byte>;

class CopyBlocksTest : public IsaTest {
 protected:
  static constexpr int32_t kLayers = 3;
  static constexpr int32_t kHeads = 2;
  static constexpr int32_t kBlocks = 6;
  static constexpr int32_t kBlockSize = 8;

  // A cache whose slots are all filled with random keys and values.
  std::unique_ptr<KvCache> filled_cache(Backend& backend, DType type, int32_t head_dim) {
    auto cache = backend.create_kv_cache({kLayers, kHeads, head_dim, kBlockSize, kBlocks, type});
    EXPECT_TRUE(cache);
    constexpr int32_t kSlots = kBlocks * kBlockSize;
    std::vector<int32_t> slots(kSlots);
    std::iota(slots.begin(), slots.end(), 0);
    for (int32_t layer = 0; layer < kLayers; ++layer) {
      auto k = random_floats(random_, int64_t{kSlots} * kHeads * head_dim);
      auto v = random_floats(random_, int64_t{kSlots} * kHeads * head_dim);
      backend.kv_store(**cache, layer, mat(k, kSlots), mat(v, kSlots), slots);
    }
    return std::move(*cache);
  }

  // K and V of each layer's block.
  static std::vector<Bytes> block_bytes(const KvCache& cache, int32_t block) {
    const auto& cpu_cache = static_cast<const cpu::CpuKvCache&>(cache);
    const std::size_t size = cpu_cache.block_bytes();
    std::vector<Bytes> result;
    for (int32_t layer = 0; layer < kLayers; ++layer) {
      for (const std::byte* blocks : {cpu_cache.k(layer), cpu_cache.v(layer)}) {
        const std::byte* begin = blocks + static_cast<std::size_t>(block) * size;
        result.emplace_back(begin, begin + size);
      }
    }
    return result;
  }
  static std::vector<std::vector<Bytes>> all_bytes(const KvCache& cache) {
    std::vector<std::vector<Bytes>> result;
    for (int32_t block = 0; block < kBlocks; ++block) result.push_back(block_bytes(cache, block));
    return result;
  }

  Random random_{5};
};

TEST_P(CopyBlocksTest, CopiesEveryLayerInTheOrderOfTheListAndNothingElse) {
  for (const int threads : {1, 3}) {
    const auto backend = make_backend(GetParam(), threads);
    for (const DType type : {DType::kF32, DType::kF16}) {
      const auto cache = filled_cache(*backend, type, 20);
      auto expected = all_bytes(*cache);
      const BlockCopy copies[] = {{4, 1}, {1, 5}, {0, 4}};
      for (const BlockCopy& copy : copies) {
        expected[static_cast<std::size_t>(copy.to)] = expected[static_cast<std::size_t>(copy.from)];
      }
      backend->copy_blocks(*cache, copies);
      EXPECT_TRUE(all_bytes(*cache) == expected);
      EXPECT_FALSE(block_bytes(*cache, 1) == block_bytes(*cache, 2));
    }
  }
}

TEST_P(CopyBlocksTest, AttentionOverACopiedTableGivesTheSameBits) {
  const auto backend = make_backend(GetParam());
  const auto cache = filled_cache(*backend, DType::kF16, 20);
  constexpr int32_t kTokens = 2 * kBlockSize + 3;
  auto q = random_floats(random_, 2 * kHeads * 20);
  // The last token of a sequence in these blocks.
  const auto attend = [&](std::vector<int32_t> blocks) {
    const int32_t position[] = {kTokens - 1};
    const int32_t id[] = {0};
    const int32_t slot[] = {blocks.back() * kBlockSize + (kTokens - 1) % kBlockSize};
    const int32_t seq_starts[] = {0, 1};
    const int32_t table_starts[] = {0, 3};
    const StepBatch batch{id, position, slot, seq_starts, blocks, table_starts, {}};
    std::vector<float> out(q.size(), NAN);
    backend->attention(mat(q, 1), *cache, kLayers - 1, {2 * kHeads, kHeads, 20, 0, 0.3f}, batch,
                       mat(out, 1));
    return out;
  };
  const auto before = attend({0, 1, 2});
  EXPECT_FALSE(same_bits(attend({3, 1, 4}), before));
  const BlockCopy copies[] = {{0, 3}, {2, 4}};
  backend->copy_blocks(*cache, copies);
  EXPECT_TRUE(same_bits(attend({3, 1, 4}), before));
  EXPECT_TRUE(same_bits(attend({0, 1, 2}), before));
}

WEFT_INSTANTIATE_ISAS(CopyBlocksTest);

}  // namespace
}  // namespace weft::test
