#include "gguf/writer.h"

#include <gtest/gtest.h>

#include "gguf/file.h"
#include "tests/support/small_files_only.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_data.h"

namespace weft::gguf {
namespace {

using test::TempFolder;

std::vector<std::byte> pattern(size_t size, int seed) {
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + seed);
  return bytes;
}

TEST(GgufWriter, WhatIsWrittenIsReadBack) {
  const TempFolder folder;
  auto writer = Writer::create(folder.path("m.gguf"));
  ASSERT_TRUE(writer) << writer.error().message;
  ASSERT_TRUE(writer->add_number<uint8_t>("u8", 255));
  ASSERT_TRUE(writer->add_number<int64_t>("i64", -1));
  ASSERT_TRUE(writer->add_number("f32", 1.5f));
  ASSERT_TRUE(writer->add_number("f64", 2.5));
  ASSERT_TRUE(writer->add_number("yes", true));
  ASSERT_TRUE(writer->add_string("text", std::string_view("a\0b", 3)));
  ASSERT_TRUE(writer->add_array<int32_t>("numbers", std::vector<int32_t>{1, -2}));
  ASSERT_TRUE(writer->add_strings("words", std::vector<std::string>{"x", "", "yz"}));
  // 36 and 34 bytes: both need padding. A single number has one dimension.
  ASSERT_TRUE(writer->add_tensor("a", DType::kF32, {3, 3, 1, 1}));
  ASSERT_TRUE(writer->add_tensor("b", DType::kQ8_0, {32, 1, 1, 1}));
  ASSERT_TRUE(writer->add_tensor("c", DType::kF16, {1, 1, 1, 1}));
  const auto data = pattern(36 + 34 + 2, 1);
  // Pieces that end inside tensors, at their ends and in the next one.
  for (const auto& [begin, end] : {std::pair{0, 7}, {7, 36}, {36, 36}, {36, 71}, {71, 72}}) {
    ASSERT_TRUE(writer->append(std::span(data).subspan(begin, end - begin)));
  }
  ASSERT_TRUE(writer->finish());
  EXPECT_EQ(folder.file_count(), 1u);

  const auto file = File::open(folder.path("m.gguf"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->version(), 3u);
  const Metadata& meta = file->metadata();
  EXPECT_EQ(meta.entries().size(), 8u);
  EXPECT_EQ(meta.get<uint8_t>("u8").value(), 255);
  EXPECT_EQ(meta.get<int64_t>("i64").value(), -1);
  EXPECT_EQ(meta.get<float>("f32").value(), 1.5f);
  EXPECT_EQ(meta.get<double>("f64").value(), 2.5);
  EXPECT_TRUE(meta.get<bool>("yes").value());
  EXPECT_EQ(meta.get<std::string_view>("text").value(), std::string_view("a\0b", 3));
  EXPECT_EQ(meta.get_array<int32_t>("numbers")->to_vector(), (std::vector<int32_t>{1, -2}));
  EXPECT_EQ(meta.get_strings("words").value(), (std::vector<std::string_view>{"x", "", "yz"}));
  size_t at = 0;
  for (const HostTensor& tensor : file->tensors().all()) {
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, std::span(data).subspan(at, tensor.bytes.size())))
        << tensor.name;
    at += tensor.bytes.size();
  }
  EXPECT_EQ(at, data.size());
}

TEST(GgufWriter, OtherAlignmentIsWrittenAndKept) {
  const TempFolder folder;
  auto writer = Writer::create(folder.path("m.gguf"), {.alignment = 128});
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->add_tensor("a", DType::kI8, {5, 1, 1, 1}));
  ASSERT_TRUE(writer->add_tensor("b", DType::kI8, {5, 1, 1, 1}));
  ASSERT_TRUE(writer->append(pattern(10, 2)));
  ASSERT_TRUE(writer->finish());
  const auto file = File::open(folder.path("m.gguf"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->alignment(), 128u);
  EXPECT_EQ(file->tensors().find("b")->bytes[0], static_cast<std::byte>(5 * 7 + 2));
}

TEST(GgufWriter, BadNamesShapesAndRepeatsAreRefused) {
  const TempFolder folder;
  auto writer = Writer::create(folder.path("m.gguf"));
  ASSERT_TRUE(writer);
  const auto tensor = [&](const char* name, DType type, std::array<int64_t, 4> shape) {
    return writer->add_tensor(name, type, shape).error().code;
  };
  ASSERT_TRUE(writer->add_string("key", "v"));
  EXPECT_EQ(writer->add_string("key", "v").error().code, ErrorCode::kGgufDuplicateKey);
  EXPECT_EQ(writer->add_string("", "v").error().code, ErrorCode::kGgufBadKey);
  ASSERT_TRUE(writer->add_tensor("t", DType::kF32, {1, 1, 1, 1}));
  EXPECT_EQ(tensor("t", DType::kF32, {1, 1, 1, 1}), ErrorCode::kGgufDuplicateTensor);
  EXPECT_EQ(tensor("", DType::kF32, {1, 1, 1, 1}), ErrorCode::kGgufBadTensorName);
  EXPECT_EQ(tensor("u", DType::kF32, {1, 0, 1, 1}), ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(tensor("u", DType::kF32, {INT64_MAX, 2, 1, 1}), ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(tensor("u", DType::kF32, {INT64_MAX, 1, 1, 1}), ErrorCode::kGgufRowNotBlocks);
  EXPECT_EQ(tensor("u", DType::kQ4_K, {32, 8, 1, 1}), ErrorCode::kGgufRowNotBlocks);
  EXPECT_EQ(Writer::create(folder.path("n.gguf"), {.alignment = 48}).error().code,
            ErrorCode::kGgufBadAlignment);
}

TEST(GgufWriter, UnfinishedFileLeavesTheOldOneAndNothingElse) {
  const TempFolder folder;
  const std::string path = folder.write("m.gguf", pattern(3, 0));
  {
    auto writer = Writer::create(path);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->add_tensor("t", DType::kI8, {100, 1, 1, 1}));
    ASSERT_TRUE(writer->append(pattern(50, 0)));
  }
  EXPECT_EQ(folder.file_count(), 1u);
  EXPECT_EQ(std::filesystem::file_size(path), 3u);
}

TEST(GgufWriter, FullDiskLeavesNothingUnderTheFinalName) {
  const TempFolder folder;
  Result<void> finished;
  {
    const test::SmallFilesOnly full_disk(100'000);
    auto writer = Writer::create(folder.path("m.gguf"));
    ASSERT_TRUE(writer && writer->add_tensor("t", DType::kI8, {200'000, 1, 1, 1}));
    finished = writer->append(pattern(200'000, 0));
    if (finished) finished = writer->finish();
  }
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(folder.file_count(), 0u);
}

TEST(GgufWriter, CopyOfEverySharedModelHasTheSameKeysAndTensors) {
  WEFT_NEED_TEST_DATA("models");
  const TempFolder folder;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::test_data_folder() / "models")) {
    if (entry.path().extension() != ".gguf") continue;
    const auto original = File::open(entry.path().string());
    ASSERT_TRUE(original) << original.error().message;
    const std::string path = folder.path("copy.gguf");
    auto writer = Writer::create(path, {.alignment = original->alignment()});
    ASSERT_TRUE(writer);
    for (const Entry& e : original->metadata().entries()) {
      if (e.key == kAlignmentKey) continue;
      ASSERT_TRUE(writer->add_value(e.key, e.value));
    }
    for (const HostTensor& t : original->tensors().all()) {
      ASSERT_TRUE(writer->add_tensor(t.name, t.type, t.shape));
    }
    for (const HostTensor& t : original->tensors().all()) ASSERT_TRUE(writer->append(t.bytes));
    ASSERT_TRUE(writer->finish());

    const auto copy = File::open(path);
    ASSERT_TRUE(copy) << copy.error().message;
    for (const Entry& e : original->metadata().entries()) {
      const Value* value = copy->metadata().find(e.key);
      ASSERT_NE(value, nullptr) << e.key;
      EXPECT_EQ(value->type_string(), e.value.type_string());
      EXPECT_TRUE(std::ranges::equal(value->bytes, e.value.bytes)) << e.key;
    }
    ASSERT_EQ(copy->tensors().size(), original->tensors().size());
    for (const HostTensor& t : original->tensors().all()) {
      const HostTensor* copied = copy->tensors().find(t.name);
      ASSERT_NE(copied, nullptr) << t.name;
      EXPECT_EQ(copied->shape, t.shape);
      EXPECT_EQ(copied->type, t.type);
      EXPECT_TRUE(std::ranges::equal(copied->bytes, t.bytes)) << t.name;
    }
  }
}

}  // namespace
}  // namespace weft::gguf
