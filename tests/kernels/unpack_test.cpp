// The unpackers of every instruction set against the formats' definitions, bit for bit.
#include <algorithm>

#include "tests/kernels/support.h"

namespace weft::test {
namespace {

class UnpackTest : public IsaTest {
 protected:
  Random random_{23};
};

TEST_P(UnpackTest, GivesTheBitsOfDecodeBlock) {
  int formats = 0;
  for (const DType type : weight_types()) {
    const int64_t n =
        int64_t{dtype_info(type).block_size} * (dtype_info(type).block_size > 1 ? 64 : 997);
    for (std::size_t misaligned : {0, 1, 3}) {
      const auto blocks = random_blocks(random_, type, n, INFINITY);
      std::vector<std::byte> bytes(blocks.size() + misaligned);
      std::copy(blocks.begin(), blocks.end(), bytes.begin() + static_cast<int64_t>(misaligned));
      std::vector<float> expected(static_cast<std::size_t>(n));
      // A vector may be written past the end of plain rows.
      std::vector<float> got(expected.size() + cpu::kLanes);
      if (!table_->unpack(type, bytes.data() + misaligned, got.data(), n)) break;
      formats += misaligned == 0 ? 1 : 0;
      got.resize(expected.size());
      decode_row(type, bytes.data() + misaligned, expected.data(), n);
      ASSERT_TRUE(same_bits(got, expected)) << dtype_name(type) << " at " << misaligned;
    }
  }
  EXPECT_GE(formats, 16);
}

// Those that have unpackers of their own.
std::vector<std::string> isas_that_unpack() {
  std::vector<std::string> names;
  for (const cpu::KernelTable* table : cpu::all_tables()) {
    const bool runs = table->supported(detect_cpu_features());
    if (runs && table->unpack != nullptr) names.emplace_back(table->isa);
  }
  return names;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(UnpackTest);
INSTANTIATE_TEST_SUITE_P(Isa, UnpackTest, ::testing::ValuesIn(isas_that_unpack()), isa_name);

}  // namespace
}  // namespace weft::test
