#include "gguf/file.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/gguf_builder.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

namespace weft::gguf {
namespace {

using test::Bytes;
using test::GgufBuilder;
using test::TempFolder;

Bytes part(uint16_t number, uint16_t count, int32_t tensors, const char* tensor) {
  GgufBuilder builder;
  if (number == 0) builder.string("general.name", "whole");
  builder.number<uint16_t>("split.no", number)
      .number<uint16_t>("split.count", count)
      .number<int32_t>("split.tensors.count", tensors);
  if (tensor != nullptr) builder.zeros(tensor, {8});
  return builder.build();
}

ErrorCode code_of(const std::string& path) {
  const auto file = File::open(path);
  EXPECT_FALSE(file) << path;
  return file ? ErrorCode::kGenerationFailed : file.error().code;
}

TEST(GgufFile, OpensMappedAndReadAlike) {
  const TempFolder folder;
  const std::string path =
      folder.write("m.gguf", GgufBuilder().string("general.name", "x").zeros("w", {4}).build());
  for (const bool use_mmap : {true, false}) {
    const auto file = File::open(path, {.use_mmap = use_mmap});
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->metadata().get<std::string_view>("general.name").value(), "x");
    EXPECT_EQ(file->tensors().find("w")->bytes.size(), 16u);
    EXPECT_EQ(file->mappings()[0]->is_mapped(), use_mmap);
    EXPECT_EQ(file->path(), path);
  }
}

// A list of tensors behind more keys than are read at first, and one that is cut off there.
TEST(GgufFile, OnDemandReadsKeysAndTensorsHoweverManyThereAre) {
  const TempFolder folder;
  const std::string name(std::size_t{20} << 20, 'x');
  std::vector<std::byte> bytes = GgufBuilder().string("long", name).zeros("w", {4096}).build();
  std::fill(bytes.end() - 4096 * 4, bytes.end(), std::byte{1});
  const MapOptions options{.use_mmap = false, .on_demand = true};
  {
    const auto file = File::open(folder.write("m.gguf", bytes), options);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->metadata().get<std::string_view>("long").value(), name);
    const auto w = file->tensors().find("w")->bytes;
    ASSERT_TRUE(file->fetch(w));
    EXPECT_EQ(std::count(w.begin(), w.end(), std::byte{1}), std::ssize(w));
    file->release(w);
    EXPECT_EQ(w[w.size() / 2], std::byte{0});
  }
  const std::string whole =
      File::open(folder.write("n.gguf", {bytes.data(), name.size()})).error().message;
  EXPECT_EQ(File::open(folder.path("n.gguf"), options).error().message, whole);
}

TEST(GgufFile, CopiesKeepTheBytesAlive) {
  const TempFolder folder;
  const std::string path = folder.write("m.gguf", GgufBuilder().zeros("w", {4}).build());
  std::optional<File> copy;
  {
    const auto file = File::open(path);
    ASSERT_TRUE(file);
    copy = *file;
  }
  EXPECT_EQ(copy->tensors().find("w")->bytes[15], std::byte{0});
}

TEST(GgufFile, SplitModelOpensWholeFromAnyPart) {
  const TempFolder folder;
  folder.write("m-00001-of-00003.gguf", part(0, 3, 2, nullptr));
  folder.write("m-00002-of-00003.gguf", part(1, 3, 2, "a"));
  folder.write("m-00003-of-00003.gguf", part(2, 3, 2, "b"));
  for (const char* name : {"m-00001-of-00003.gguf", "m-00003-of-00003.gguf"}) {
    const auto file = File::open(folder.path(name));
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->metadata().get<std::string_view>("general.name").value(), "whole");
    ASSERT_EQ(file->tensors().size(), 2u);
    EXPECT_EQ(file->tensors().all()[0].name, "a");
    EXPECT_EQ(file->tensors().all()[1].name, "b");
    EXPECT_EQ(file->mappings().size(), 3u);
  }
}

TEST(GgufFile, MissingPartIsNamed) {
  const TempFolder folder;
  const std::string path = folder.write("m-00001-of-00002.gguf", part(0, 2, 2, "a"));
  const auto file = File::open(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kGgufMissingSplit);
  EXPECT_NE(file.error().message.find("m-00002-of-00002.gguf"), std::string::npos);
}

TEST(GgufFile, PartsThatDoNotFitTogetherAreRefused) {
  const TempFolder folder;
  // A part under another's name.
  std::string path = folder.write("n-00001-of-00002.gguf", part(0, 2, 2, "a"));
  folder.write("n-00002-of-00002.gguf", part(0, 2, 2, "b"));
  EXPECT_EQ(code_of(path), ErrorCode::kGgufBadSplit);
  // Another count of parts.
  path = folder.write("c-00001-of-00002.gguf", part(0, 2, 2, "a"));
  folder.write("c-00002-of-00002.gguf", part(1, 3, 2, "b"));
  EXPECT_EQ(code_of(path), ErrorCode::kGgufBadSplit);
  // Another count of tensors.
  path = folder.write("t-00001-of-00002.gguf", part(0, 2, 3, "a"));
  folder.write("t-00002-of-00002.gguf", part(1, 2, 3, "b"));
  EXPECT_EQ(code_of(path), ErrorCode::kGgufBadSplit);
  // One tensor in two parts.
  path = folder.write("d-00001-of-00002.gguf", part(0, 2, 2, "a"));
  folder.write("d-00002-of-00002.gguf", part(1, 2, 2, "a"));
  EXPECT_EQ(code_of(path), ErrorCode::kGgufDuplicateTensor);
  // A part that is no split file at all.
  path = folder.write("k-00001-of-00002.gguf", part(0, 2, 2, "a"));
  folder.write("k-00002-of-00002.gguf", GgufBuilder().zeros("b", {8}).build());
  EXPECT_EQ(code_of(path), ErrorCode::kGgufMissingKey);
  // A part under a name that says nothing.
  path = folder.write("renamed.gguf", part(0, 2, 2, "a"));
  EXPECT_EQ(code_of(path), ErrorCode::kGgufBadSplit);
}

TEST(GgufFile, EverySharedModelAndVocabularyParses) {
  WEFT_NEED_TEST_DATA("models");
  int opened = 0;
  for (const char* folder : {"models", "vocab"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator(test::test_data_folder() / folder)) {
      if (entry.path().extension() != ".gguf") continue;
      const auto file = File::open(entry.path().string());
      ASSERT_TRUE(file) << file.error().message;
      EXPECT_FALSE(file->metadata().entries().empty()) << entry.path();
      EXPECT_EQ(file->tensors().size() == 0, std::string(folder) == "vocab") << entry.path();
      ++opened;
    }
  }
  EXPECT_GE(opened, 20);
}

}  // namespace
}  // namespace weft::gguf
