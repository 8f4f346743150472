// Rows of blocks: every type at any address and length, and the bits of random blocks.
#include <cmath>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "core/quant/blocks.h"
#include "core/quant/decode.h"
#include "tests/quant/type_names.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

std::vector<std::byte> random_blocks(const DTypeInfo& info, int64_t count) {
  Random random(1, info.name);
  std::vector<std::byte> bytes(static_cast<size_t>(count * info.block_bytes));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
  return bytes;
}

std::vector<uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<uint32_t> bits;
  // What a NaN carries is left open: it depends on the processor.
  for (const float value : values)
    bits.push_back(std::isnan(value) ? 0x7fc00000u : bits_from_float(value));
  return bits;
}

class EveryType : public testing::TestWithParam<DTypeInfo> {
 protected:
  const DTypeInfo& info() const { return GetParam(); }

  std::vector<uint32_t> decoded(const std::byte* src, int64_t blocks) const {
    std::vector<float> values(static_cast<size_t>(blocks * info().block_size));
    decode_row(info().type, src, values.data(), blocks * info().block_size);
    return bits_of(values);
  }
};

TEST_P(EveryType, StructHasTheSizesOfTheTypeTable) {
  visit_block(info().type, [&](auto tag) {
    using Block = typename decltype(tag)::type;
    if constexpr (std::is_void_v<Block>) {
      ADD_FAILURE() << "no struct";
    } else {
      EXPECT_EQ(Block::kType, info().type);
      EXPECT_EQ(Block::kElements, static_cast<int>(info().block_size));
      EXPECT_EQ(sizeof(Block), info().block_bytes);
      EXPECT_EQ(alignof(Block), 1u);
    }
  });
}

TEST_P(EveryType, AddressOfTheBytesDoesNotMatter) {
  const std::vector<std::byte> bytes = random_blocks(info(), 5);
  const std::vector<uint32_t> expected = decoded(bytes.data(), 5);
  for (size_t shift = 1; shift < 8; ++shift) {
    std::vector<std::byte> shifted(shift);
    shifted.insert(shifted.end(), bytes.begin(), bytes.end());
    EXPECT_EQ(decoded(shifted.data() + shift, 5), expected) << "shift " << shift;
  }
}

TEST_P(EveryType, ShorterRowsAreAPrefixAndNothingIsWrittenPastThem) {
  constexpr float kUntouched = 12345.678f;
  const std::vector<std::byte> bytes = random_blocks(info(), 9);
  const std::vector<uint32_t> whole = decoded(bytes.data(), 9);
  for (const int64_t blocks : {0, 1, 2, 3, 8}) {
    const int64_t elements = blocks * info().block_size;
    // The bytes past the row are cut off, so that a sanitizer sees a read beyond it.
    const std::vector<std::byte> exact(bytes.begin(), bytes.begin() + blocks * info().block_bytes);
    std::vector<float> values(static_cast<size_t>(elements + 4), kUntouched);
    decode_row(info().type, exact.data(), values.data(), elements);
    const std::vector<float> past(values.begin() + elements, values.end());
    values.resize(static_cast<size_t>(elements));
    EXPECT_EQ(bits_of(values), std::vector<uint32_t>(whole.begin(), whole.begin() + elements));
    EXPECT_EQ(past, std::vector<float>(4, kUntouched));
  }
}

// FNV-1a over the bits of 64 random blocks. When this fails while the hand-derived blocks pass,
// something changed that those do not reach (a lattice point, the order of two operations).
uint64_t checksum(const std::vector<uint32_t>& bits) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint32_t word : bits) {
    for (int shift = 0; shift < 32; shift += 8)
      hash = (hash ^ ((word >> shift) & 0xff)) * 0x100000001b3;
  }
  return hash;
}

struct Checksum {
  const char* type;
  uint64_t value;
};

constexpr Checksum kChecksums[] = {
    {"F32", 0xdf00807c8eaee75b},     {"F16", 0x2d27e37c8ed2a443},
    {"Q4_0", 0x9ffd9b3d7718173a},    {"Q4_1", 0x6d414ec3bb4f585f},
    {"Q5_0", 0x786b8d2c49d27424},    {"Q5_1", 0x70b6375d54bb96b4},
    {"Q8_0", 0xed2746c21e194a00},    {"Q8_1", 0xc65dc1734c966726},
    {"Q2_K", 0x8f6a7f3f8b661241},    {"Q3_K", 0xe95687945d7a2337},
    {"Q4_K", 0xa7ba4c10b3cb131a},    {"Q5_K", 0x25e3f256779ee23d},
    {"Q6_K", 0x016cb7c096c8107f},    {"Q8_K", 0xfe836c3383778a33},
    {"IQ2_XXS", 0xfb100b7c7faff182}, {"IQ2_XS", 0x44f207977463eca0},
    {"IQ3_XXS", 0xedf4b3001709026f}, {"IQ1_S", 0xa55f1774824a59e1},
    {"IQ4_NL", 0xfb4c8f7d7b7739dd},  {"IQ3_S", 0x55291b6672bbc36f},
    {"IQ2_S", 0x2b05d038932586b5},   {"IQ4_XS", 0x33e23672415a53be},
    {"I8", 0x8409e52bcdfad5c6},      {"I16", 0x5f7eaf0ebddd2b28},
    {"I32", 0xef4e50d7465dd9a9},     {"I64", 0x068c1958964063e9},
    {"F64", 0xe087e1d5d5e3c2db},     {"IQ1_M", 0xd27fda66d76debf6},
    {"BF16", 0x20861812d633c673},    {"TQ1_0", 0x593bc76b48193325},
    {"TQ2_0", 0x7dde188a48263ed5},   {"MXFP4", 0x11dd679038251aa7},
    {"NVFP4", 0xeb79a2708c8abbfc},   {"Q1_0", 0x2ad308ead6c4fe25},
    {"Q2_0", 0x9d4b098c66bc35b8},
};

TEST_P(EveryType, RandomBlocksDecodeToTheSameBitsAsEver) {
  const uint64_t found = checksum(decoded(random_blocks(info(), 64).data(), 64));
  for (const Checksum& expected : kChecksums) {
    if (info().name != expected.type) continue;
    EXPECT_EQ(found, expected.value) << std::hex << "0x" << found;
    return;
  }
  ADD_FAILURE() << "no checksum for " << info().name << ": 0x" << std::hex << found;
}

INSTANTIATE_TEST_SUITE_P(Types, EveryType,
                         testing::ValuesIn(all_dtypes().begin(), all_dtypes().end()), name_of_type);

}  // namespace
}  // namespace weft::test
