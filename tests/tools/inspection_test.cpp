#include "tools/inspection.h"

#include <gtest/gtest.h>

#include "tests/gguf/tiny_model.h"
#include "tests/support/temp_folder.h"
#include "tools/byte_size.h"

namespace weft::tools {
namespace {

using test::GgufBuilder;
using test::TempFolder;
using test::TinyModel;

TEST(Inspection, ModelIsDescribedWithItsMemory) {
  const TempFolder folder;
  const std::string path = folder.write("m.gguf", TinyModel().build());
  const auto found = inspect(path, 100);
  ASSERT_TRUE(found) << found.error().message;
  // Embedding, last norm; in each of two layers the norms, attention and feed-forward:
  // 32 + 8 + 2 × (16 + 256 + 384).
  EXPECT_EQ(found->n_params, 1352);
  EXPECT_EQ(found->tensor_bytes, 4u * 1352);
  ASSERT_EQ(found->types.size(), 1u);
  EXPECT_EQ(found->types[0].tensors, 20);
  ASSERT_TRUE(found->stop_tokens) << found->vocabulary_problem;
  ASSERT_EQ(found->stop_tokens->size(), 1u);
  EXPECT_EQ(found->stop_tokens->at(0).text, "</s>");
  ASSERT_TRUE(found->memory) << found->model_problem;
  EXPECT_EQ(found->memory->weight_bytes, 4u * 1352);
  // 100 tokens are 7 blocks of 16; K and V, 2 layers, 8 floats.
  EXPECT_GE(found->memory->kv_bytes, 7u * 16 * 2 * 2 * 8 * 4);
  EXPECT_GT(found->memory->workspace_bytes, 0u);
}

TEST(Inspection, MemoryGrowsWithTheContext) {
  const TempFolder folder;
  const std::string path = folder.write("m.gguf", TinyModel().build());
  const auto small = inspect(path, 64);
  const auto large = inspect(path, 64'000);
  ASSERT_TRUE(small && large && small->memory && large->memory);
  EXPECT_EQ(large->memory->kv_bytes, 1000 * small->memory->kv_bytes);
}

TEST(Inspection, WhatCannotBeRunIsDescribedAsFarAsItGoes) {
  const TempFolder folder;
  const std::string path = folder.write(
      "m.gguf", GgufBuilder().string("general.architecture", "mamba").zeros("w", {8}).build());
  const auto found = inspect(path, 64);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->n_params, 8);
  EXPECT_FALSE(found->stop_tokens);
  EXPECT_NE(found->vocabulary_problem, "");
  EXPECT_FALSE(found->memory);
  EXPECT_NE(found->model_problem.find("mamba"), std::string::npos);
}

TEST(Inspection, FileThatIsNoGgufIsAnError) {
  const TempFolder folder;
  EXPECT_EQ(inspect(folder.write("m.gguf", {}), 64).error().code, ErrorCode::kGgufBadMagic);
}

TEST(ByteSize, HasOneDecimalFromAKibibyteOn) {
  EXPECT_EQ(byte_size(0), "0 B");
  EXPECT_EQ(byte_size(1023), "1023 B");
  EXPECT_EQ(byte_size(1536), "1.5 KiB");
  EXPECT_EQ(byte_size((uint64_t{1} << 20) - 1), "1.0 MiB");
  EXPECT_EQ(byte_size(uint64_t{5} << 30), "5.0 GiB");
}

}  // namespace
}  // namespace weft::tools
