#include "gguf/reader.h"

#include <gtest/gtest.h>

#include "tests/support/gguf_builder.h"

namespace weft::gguf {
namespace {

using test::append;
using test::Bytes;
using test::GgufBuilder;

Bytes small_file(uint32_t version = 3) {
  GgufBuilder builder;
  builder.version = version;
  builder.string("general.architecture", "llama")
      .number<uint32_t>("llama.block_count", 2)
      .number<float>("llama.rope.freq_base", 10000)
      .number<bool>("flag", true)
      .array<int32_t>("numbers", {1, -2, 3})
      .strings("words", {"one", "", "three"});
  Bytes floats;
  for (int i = 0; i < 8; ++i) append<float>(floats, static_cast<float>(i));
  builder.tensor("a.weight", {4, 2}, DType::kF32, floats);
  builder.zeros("b.weight", {64}, DType::kQ8_0);
  return builder.build();
}

TEST(GgufReader, ReadsKeysInFileOrderAndTensorsWithTheirBytes) {
  for (const uint32_t version : {2u, 3u}) {
    const Bytes file = small_file(version);
    const auto contents = read(file);
    ASSERT_TRUE(contents) << contents.error().message;
    EXPECT_EQ(contents->version, version);
    EXPECT_EQ(contents->alignment, 32u);
    ASSERT_EQ(contents->metadata.entries().size(), 6u);
    EXPECT_EQ(contents->metadata.entries()[0].key, "general.architecture");
    EXPECT_EQ(contents->metadata.entries()[5].key, "words");
    ASSERT_EQ(contents->tensors.size(), 2u);
    const HostTensor* a = contents->tensors.find("a.weight");
    ASSERT_NE(a, nullptr);
    EXPECT_EQ(a->cols(), 4);
    EXPECT_EQ(a->rows(), 2);
    ASSERT_EQ(a->bytes.size(), 32u);
    float last;
    std::memcpy(&last, a->bytes.data() + 28, 4);
    EXPECT_EQ(last, 7.0f);
    EXPECT_EQ(contents->tensors.find("b.weight")->bytes.size(), 68u);
    EXPECT_EQ(contents->tensors.find("c.weight"), nullptr);
  }
}

TEST(GgufReader, FileCutAtAnyByteIsAnErrorUntilItsDataIsWhole) {
  const Bytes whole = small_file();
  const auto contents = read(whole);
  ASSERT_TRUE(contents);
  const HostTensor& last = contents->tensors.all().back();
  const size_t needed = static_cast<size_t>(last.bytes.data() + last.bytes.size() - whole.data());
  for (size_t size = 0; size <= whole.size(); ++size) {
    // A copy of exactly that size, so that a sanitizer sees a step beyond it.
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(read(cut).has_value(), size >= needed) << size << " of " << whole.size();
  }
}

TEST(GgufReader, EveryFlippedByteIsReadOrRefusedWithoutHarm) {
  const Bytes whole = small_file();
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      Bytes changed = whole;
      changed[i] = static_cast<std::byte>(value);
      const auto contents = read(changed);
      EXPECT_TRUE(contents || !contents.error().message.empty());
    }
  }
}

TEST(GgufReader, FileWithoutTensorsNeedsNoPadding) {
  const Bytes file = GgufBuilder().string("key", "v").build();
  ASSERT_NE(file.size() % 32, 0u);
  const auto contents = read(file);
  ASSERT_TRUE(contents) << contents.error().message;
  EXPECT_EQ(contents->tensors.size(), 0u);
}

TEST(GgufReader, DataMayEndWithoutThePaddingOfItsLastTensor) {
  Bytes file = small_file();
  file.resize(file.size() - 28);  // 68 bytes of the last tensor were padded to 96
  EXPECT_TRUE(read(file));
}

TEST(GgufReader, AlignmentKeyMovesTheData) {
  GgufBuilder builder;
  builder.alignment = 64;
  builder.number<uint32_t>("general.alignment", 64);
  builder.zeros("a", {1}).zeros("b", {1});
  const Bytes file = builder.build();
  const auto contents = read(file);
  ASSERT_TRUE(contents) << contents.error().message;
  EXPECT_EQ(contents->alignment, 64u);
  EXPECT_EQ(contents->data_offset % 64, 0u);
  const auto tensors = contents->tensors.all();
  EXPECT_EQ(tensors[1].bytes.data() - tensors[0].bytes.data(), 64);
}

}  // namespace
}  // namespace weft::gguf
