#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "core/text/pre_tokenizer.h"
#include "tests/support/cpu_time.h"
#include "tests/text/fixture_vocabs.h"

namespace weft {
namespace {

using fixtures::add_merge;
using fixtures::add_token;
using fixtures::bpe_vocab;
using fixtures::ids;
using fixtures::kSecond;
using fixtures::make;

std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text,
                            const EncodeOptions& options = {}) {
  auto result = tokenizer.encode(text, options);
  EXPECT_TRUE(result.has_value()) << text;
  return result.value_or(std::vector<int32_t>{});
}

TEST(Bpe, MergesInsideOfWordsOnly) {
  const auto tokenizer = make(bpe_vocab());
  EXPECT_EQ(encode(*tokenizer, "hello the world"),
            ids(tokenizer->vocab(), {"hello", "Ġthe", "Ġworld"}));
  // "ll" would join across the border of the contraction.
  EXPECT_EQ(encode(*tokenizer, "l's"), ids(tokenizer->vocab(), {"l", "'s"}));
}

TEST(Bpe, TheFirstMergeOfTheListWinsAndTheLeftmostOfEquals) {
  Vocab vocab = bpe_vocab();
  add_merge(vocab, "x", "y");
  add_merge(vocab, "y", "z");
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "xyz"), ids(tokenizer->vocab(), {"xy", "z"}));
  EXPECT_EQ(encode(*tokenizer, "aaaaa"), ids(tokenizer->vocab(), {"aaaa", "a"}));
}

TEST(Bpe, AMergeListedTwiceKeepsItsBetterRank) {
  Vocab vocab = bpe_vocab();
  add_merge(vocab, "x", "y");
  add_merge(vocab, "y", "z");
  add_merge(vocab, "x", "y");
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "xyz"), ids(tokenizer->vocab(), {"xy", "z"}));
}

TEST(Bpe, AWordThatIsATokenIsTakenWholeOnlyWhereThePreTokenizerIgnoresMerges) {
  for (const bool ignored : {false, true}) {
    Vocab vocab = bpe_vocab(ignored ? "llama-bpe" : "dbrx");
    add_token(vocab, "xyz");
    const auto tokenizer = make(std::move(vocab));
    const auto expected =
        ignored ? ids(tokenizer->vocab(), {"xyz"}) : ids(tokenizer->vocab(), {"x", "y", "z"});
    EXPECT_EQ(encode(*tokenizer, "xyz"), expected);
  }
}

TEST(Bpe, PiecesThatOnlyMergesKnowLeaveTheirVisibleCharacters) {
  Vocab vocab = bpe_vocab();
  vocab.merges.push_back("Ġ x");
  vocab.merges.push_back("Ġx y");
  add_token(vocab, "Ġxyz");
  vocab.merges.push_back("Ġxy z");
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "a xyz"), ids(tokenizer->vocab(), {"a", "Ġxyz"}));
  EXPECT_EQ(encode(*tokenizer, "a xy"), ids(tokenizer->vocab(), {"a", "x", "y"}));
}

TEST(Bpe, InvalidUtf8IsReplacedByteForByte) {
  const auto tokenizer = make(bpe_vocab());
  EXPECT_EQ(encode(*tokenizer, "a\xff\xc3"), encode(*tokenizer, "a\uFFFD\uFFFD"));
  EXPECT_EQ(encode(*tokenizer, "\xf0\x9f\x98"), encode(*tokenizer, "\uFFFD\uFFFD\uFFFD"));
  // Overlong forms count as what they spell; what lies above U+10FFFF spells nothing.
  EXPECT_EQ(encode(*tokenizer, "\xc1\xa1"), encode(*tokenizer, "a"));
  EXPECT_EQ(encode(*tokenizer, "\xf5\x80\x80\x80"), encode(*tokenizer, "\uFFFD\uFFFD\uFFFD\uFFFD"));
}

TEST(Bpe, ControlTokensInTextStayTextUnlessAskedAndUserDefinedOnesAreFound) {
  const auto tokenizer = make(bpe_vocab());
  const auto& vocab = tokenizer->vocab();
  EXPECT_EQ(encode(*tokenizer, "<|end|>").size(), 7u);
  EXPECT_EQ(encode(*tokenizer, "the<|end|> the", {.parse_special = true}),
            ids(vocab, {"t", "he", "<|end|>", "Ġthe"}));
  EXPECT_EQ(encode(*tokenizer, "<|tag|>he"), ids(vocab, {"<|tag|>", "he"}));
}

TEST(Bpe, PutsBosAndEosWhereTheModelWantsThem) {
  Vocab vocab = bpe_vocab();
  vocab.add_bos = vocab.add_eos = true;
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "he"), ids(tokenizer->vocab(), {"<|end|>", "he", "<|end|>"}));
  EXPECT_EQ(encode(*tokenizer, "he", {.add_special = false}), ids(tokenizer->vocab(), {"he"}));
}

TEST(Bpe, MergesWithoutTheirSpaceAreRefused) {
  for (const std::string merge : {"xy", "x ", "", " "}) {
    Vocab vocab = bpe_vocab();
    vocab.merges.push_back(merge);
    const auto result = Tokenizer::create(std::move(vocab));
    ASSERT_FALSE(result.has_value()) << merge;
    EXPECT_EQ(result.error().code, ErrorCode::kGgufBadVocabulary);
    EXPECT_NE(result.error().message.find("tokenizer.ggml.merges[21]"), std::string::npos)
        << result.error().message;
  }
}

TEST(Bpe, AnUnknownPreTokenizerIsRefusedByName) {
  const auto result = Tokenizer::create(bpe_vocab("someone-else"));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kUnknownPreTokenizer);
  EXPECT_NE(result.error().message.find("someone-else"), std::string::npos);
}

TEST(Bpe, AnyUtf8ComesBackThroughEveryPreTokenizer) {
  const std::string parts[] = {"hello", " ",     "\n",     "日本",   "é",   "e\u0301",
                               "123",   "'s",    "😀",      "\t",     "!?",  std::string("\0a", 2),
                               "ǅ",     "١",     "\u2028", "\u3000", "ABC", "a",
                               "//",    "\u180e"};
  std::mt19937 random(1);
  for (const std::string_view name : pre_tokenizer_names()) {
    const auto tokenizer = make(bpe_vocab(std::string(name)));
    for (int round = 0; round < 50; ++round) {
      std::string text;
      for (int i = 0; i < 20; ++i) text += parts[random() % std::size(parts)];
      ASSERT_EQ(tokenizer->decode(encode(*tokenizer, text)), text) << name;
    }
  }
}

TEST(Bpe, OneMegabyteOfAnythingTakesUnderASecondWithEveryPreTokenizer) {
  const std::string units[] = {"a", " ", "\n", "7",   "'",      "A",    "日",     "'s'", " \n",
                               "é", "!", "aA", "日A", "\u0301", "\xff", "\u3000", " a",  "\r\n "};
  // One of each kind at full size; the rest are rows of the same table.
  const std::string full[] = {"gpt-2", "llama-bpe", "tekken", "deepseek-llm"};
  for (const std::string name :
       {"gpt-2", "llama-bpe", "tekken", "deepseek-llm", "qwen2", "qwen35", "default", "gpt-4o",
        "starcoder", "falcon", "deepseek-coder", "deepseek-v3"}) {
    const bool is_full = std::count(std::begin(full), std::end(full), name) != 0;
    const auto tokenizer = make(bpe_vocab(name));
    for (const std::string& unit : units) {
      std::string text;
      while (text.size() < (is_full ? size_t{1} << 20 : size_t{1} << 16)) text += unit;
      text += "7";  // so that trailing space is none, and patterns for it search in vain
      const double start = test::thread_cpu_seconds();
      const auto tokens = encode(*tokenizer, text);
      const double seconds = test::thread_cpu_seconds() - start;
      EXPECT_LT(seconds, kSecond) << name << " " << unit;
      EXPECT_FALSE(tokens.empty());
    }
  }
}

}  // namespace
}  // namespace weft
