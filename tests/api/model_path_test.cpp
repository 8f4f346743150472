#include "api/model_path.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

class FindModel : public ::testing::Test {
 protected:
  void put(const std::string& name) {
    const fs::path path = folder_.path(name);
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
  }
  // The found file's path below the models' folder.
  std::string find(const std::string& name) {
    const auto path = find_model(name, folder_.path(""));
    return path ? fs::path(*path).lexically_relative(folder_.path("")).string() : "";
  }
  test::TempFolder folder_;
};

TEST_F(FindModel, APathThatExistsIsItself) {
  put("a.gguf");
  const std::string path = folder_.path("a.gguf");
  EXPECT_EQ(find_model(path, "").value(), path);
}

TEST_F(FindModel, NamesForgiveCaseAndSeparators) {
  put("Qwen3-0.6B.gguf");
  EXPECT_EQ(find("Qwen/Qwen3-0.6B"), "Qwen3-0.6B.gguf");
  EXPECT_EQ(find("qwen3_0.6b"), "Qwen3-0.6B.gguf");
  put("Llama-3.2-1B-Instruct-Q4_K_M.gguf");
  EXPECT_EQ(find("llama3.2:1b"), "Llama-3.2-1B-Instruct-Q4_K_M.gguf");
}

TEST_F(FindModel, WhatIsLeftOutBeginsAtASeparator) {
  put("stories260K.gguf");
  EXPECT_EQ(find("stories-260k"), "stories260K.gguf");
  EXPECT_EQ(find("stories"), "");
  EXPECT_EQ(find("s"), "");
}

TEST_F(FindModel, FoldersBelowAreLookedInToo) {
  put("Qwen/Qwen2.5-0.5B.gguf");
  EXPECT_EQ(find("Qwen/Qwen2.5-0.5B"), "Qwen/Qwen2.5-0.5B.gguf");
  EXPECT_EQ(find("qwen2.5-0.5b"), "Qwen/Qwen2.5-0.5B.gguf");
}

TEST_F(FindModel, OfSeveralTheShortestIsTaken) {
  put("tiny-Q8_0.gguf");
  put("tiny-Q4_K_M.gguf");
  put("tiny.gguf");
  EXPECT_EQ(find("tiny"), "tiny.gguf");
  EXPECT_EQ(find("tiny q4 k m"), "tiny-Q4_K_M.gguf");
}

TEST_F(FindModel, ASplitModelIsItsFirstPart) {
  put("big-00002-of-00002.gguf");
  put("big-00001-of-00002.gguf");
  EXPECT_EQ(find("big"), "big-00001-of-00002.gguf");
}

TEST_F(FindModel, WhatIsNotThereIsNotFound) {
  put("a.gguf");
  put("b.txt");
  EXPECT_EQ(find("b"), "");
  EXPECT_EQ(find("c"), "");
  EXPECT_EQ(find(""), "");
  EXPECT_FALSE(find_model("a", ""));
  EXPECT_FALSE(find_model("a", "/no/such/folder"));
}

}  // namespace
}  // namespace weft
