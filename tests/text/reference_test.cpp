// Real vocabularies against ids that reference tokenizers gave: the cases that come with them.
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/text/tokenizer.h"
#include "gguf/file.h"
#include "gguf/vocab_loader.h"
#include "tests/support/test_data.h"

namespace weft {
namespace {

std::unique_ptr<Tokenizer> load(const std::filesystem::path& path) {
  const auto file = gguf::File::open(path.string());
  if (!file) throw std::runtime_error(file.error().message);
  auto vocab = gguf::load_vocab(file->metadata());
  if (!vocab) throw std::runtime_error(vocab.error().message);
  auto tokenizer = Tokenizer::create(std::move(*vocab));
  if (!tokenizer) throw std::runtime_error(tokenizer.error().message);
  return std::move(*tokenizer);
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> inputs(const std::filesystem::path& path) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> result;
  const std::string text = read(path);
  size_t begin = 0;
  // Each case, the last one too, ends with the separator.
  for (size_t end; (end = text.find(kSeparator, begin)) != std::string::npos;) {
    result.push_back(text.substr(begin, end - begin));
    begin = end + kSeparator.size();
  }
  return result;
}

std::vector<std::vector<int32_t>> outputs(const std::filesystem::path& path) {
  std::vector<std::vector<int32_t>> result;
  std::istringstream lines(read(path));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream ids(line);
    result.emplace_back(std::istream_iterator<int32_t>(ids), std::istream_iterator<int32_t>());
  }
  return result;
}

class Reference : public testing::TestWithParam<const char*> {};

TEST_P(Reference, EveryCaseGivesTheSameIdsAndComesBackAsText) {
  const std::string base = std::string("vocab/vocab-") + GetParam();
  WEFT_NEED_TEST_DATA((base + ".gguf"));
  const auto folder = test::test_data_folder();
  const auto tokenizer = load(folder / (base + ".gguf"));
  const auto texts = inputs(folder / (base + ".inp"));
  const auto expected = outputs(folder / (base + ".out"));
  ASSERT_GE(texts.size(), 40u);
  ASSERT_EQ(expected.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ids = tokenizer->encode(texts[i], {.add_special = false});
    ASSERT_TRUE(ids.has_value());
    EXPECT_EQ(*ids, expected[i]) << texts[i];
    EXPECT_EQ(tokenizer->decode(*ids), texts[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, Reference,
                         testing::Values("llama-spm", "gpt-2", "llama3", "qwen2"),
                         [](const auto& vocabulary) {
                           std::string name = vocabulary.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(ReferenceStory, PromptHasTheKnownIdsAndBos) {
  WEFT_NEED_TEST_DATA("models/stories260K.gguf");
  const auto tokenizer = load(test::test_data_folder() / "models/stories260K.gguf");
  EXPECT_EQ(*tokenizer->encode("Once upon a time"), (std::vector<int32_t>{1, 403, 407, 261, 378}));
}

}  // namespace
}  // namespace weft
