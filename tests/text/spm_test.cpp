#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/cpu_time.h"
#include "tests/text/fixture_vocabs.h"

namespace weft {
namespace {

using fixtures::add_token;
using fixtures::ids;
using fixtures::kSecond;
using fixtures::make;
using fixtures::spm_vocab;

constexpr EncodeOptions kPlain{.add_special = false};

std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text,
                            const EncodeOptions& options = kPlain) {
  auto result = tokenizer.encode(text, options);
  EXPECT_TRUE(result.has_value()) << text;
  return result.value_or(std::vector<int32_t>{});
}

TEST(Spm, AddsASpaceBeforeTheFirstWordAndMergesUpToWholeWords) {
  const auto tokenizer = make(spm_vocab());
  EXPECT_EQ(encode(*tokenizer, "hello world"), ids(tokenizer->vocab(), {"▁hello", "▁world"}));
}

TEST(Spm, AddsNoSpaceWhereTheModelSaysSo) {
  Vocab vocab = spm_vocab();
  vocab.add_space_prefix = false;
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "the"), ids(tokenizer->vocab(), {"t", "he"}));
  EXPECT_EQ(tokenizer->decode(encode(*tokenizer, " the")), " the");
}

TEST(Spm, PutsBosAndEosAroundTheTextOnlyWhereTheModelWantsThem) {
  Vocab vocab = spm_vocab();
  vocab.add_eos = true;
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "the", {}), ids(tokenizer->vocab(), {"<s>", "▁the", "</s>"}));
  EXPECT_EQ(encode(*tokenizer, "", {}), ids(tokenizer->vocab(), {"<s>", "</s>"}));
  EXPECT_EQ(encode(*tokenizer, ""), ids(tokenizer->vocab(), {}));
}

TEST(Spm, MergesTheHighestScoreFirstAndTheLeftmostOfEquals) {
  Vocab vocab = spm_vocab();
  vocab.add_space_prefix = false;
  add_token(vocab, "xy", TokenType::kNormal, -5.0f);
  add_token(vocab, "yx", TokenType::kNormal, -5.0f);
  add_token(vocab, "yz", TokenType::kNormal, -4.0f);
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "xyx"), ids(tokenizer->vocab(), {"xy", "<0x78>"}));
  EXPECT_EQ(encode(*tokenizer, "xyz"), ids(tokenizer->vocab(), {"<0x78>", "yz"}));
}

TEST(Spm, SymbolsThatNoTokenHasBecomeTheirBytes) {
  const auto tokenizer = make(spm_vocab());
  EXPECT_EQ(encode(*tokenizer, "日☃"),
            ids(tokenizer->vocab(), {"▁", "日", "<0xE2>", "<0x98>", "<0x83>"}));
}

TEST(Spm, SymbolsWithoutByteTokensBecomeOneUnknown) {
  Vocab vocab = spm_vocab();
  for (std::string& token : vocab.tokens) {
    if (token == "<0x98>") token = "gone";
  }
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "☃x"), ids(tokenizer->vocab(), {"▁", "<unk>", "<0x78>"}));
}

TEST(Spm, AByteWithoutByteTokenMayStandAsText) {
  Vocab vocab = spm_vocab();
  for (std::string& token : vocab.tokens) {
    if (token == "<0x98>") token = "\x98";
  }
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "☃"), ids(tokenizer->vocab(), {"▁", "<0xE2>", "\x98", "<0x83>"}));
}

TEST(Spm, AnyBytesComeBackFromTheirTokens) {
  const auto tokenizer = make(spm_vocab());
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  std::string pieces;
  for (const int32_t id : encode(*tokenizer, bytes)) pieces += tokenizer->piece(id);
  EXPECT_EQ(pieces, " " + bytes);
}

TEST(Spm, ALeadByteSwallowsTheBeginningOfASpace) {
  // E2 claims three bytes: itself, 96 and the E2 of the ▁ that the space became.
  const auto tokenizer = make(spm_vocab());
  EXPECT_EQ(encode(*tokenizer, "\xe2\x96 a"),
            ids(tokenizer->vocab(), {"▁", "<0xE2>", "<0x96>", "<0xE2>", "<0x96>", "<0x81>", "a"}));
}

TEST(Spm, ControlTokensInTextStayTextUnlessAsked) {
  const auto tokenizer = make(spm_vocab());
  EXPECT_EQ(encode(*tokenizer, "</s>"), ids(tokenizer->vocab(), {"▁", "<", "/", "s", ">"}));
  EXPECT_EQ(encode(*tokenizer, "the</s>the", {.add_special = false, .parse_special = true}),
            ids(tokenizer->vocab(), {"▁the", "</s>", "▁the"}));
}

TEST(Spm, UserDefinedTokensAreAlwaysFoundAndTheLongestWins) {
  Vocab vocab = spm_vocab();
  add_token(vocab, "##", TokenType::kUserDefined);
  add_token(vocab, "#he", TokenType::kUserDefined);
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "the##the"), ids(tokenizer->vocab(), {"▁the", "##", "▁the"}));
  EXPECT_EQ(encode(*tokenizer, "###he"), ids(tokenizer->vocab(), {"##", "#he"}));
  EXPECT_EQ(encode(*tokenizer, "##he"), ids(tokenizer->vocab(), {"▁", "<0x23>", "#he"}));
}

TEST(Spm, OfEqualTokenStringsTheLowestIdIsUsed) {
  Vocab vocab = spm_vocab();
  const int32_t first = ids(vocab, {"▁the"})[0];
  add_token(vocab, "▁the", TokenType::kNormal, 5.0f);
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "the"), std::vector<int32_t>{first});
}

TEST(Spm, PiecesMayCrossWordsWhereTheVocabularyHasSuchTokens) {
  Vocab vocab = spm_vocab();
  add_token(vocab, "▁and▁the", TokenType::kNormal, -0.5f);
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "and the and the"),
            ids(tokenizer->vocab(), {"▁and▁the", "▁and▁the"}));
}

TEST(Spm, LongWordsGiveWhatShortOnesGive) {
  // Four letters merge to "aaaa": the heap (long words) must agree with the scan (short ones).
  const auto tokenizer = make(spm_vocab());
  const std::vector<int32_t> a = ids(tokenizer->vocab(), {"aaaa"});
  const auto tokens = encode(*tokenizer, "日" + std::string(4000, 'a'));
  ASSERT_EQ(tokens.size(), 1002u);
  for (size_t i = 2; i < tokens.size(); ++i) ASSERT_EQ(tokens[i], a[0]) << i;
}

TEST(Spm, OneMegabyteOfAnythingTakesUnderASecond) {
  const auto tokenizer = make(spm_vocab());
  for (const std::string unit : {"a", " ", "\n", "7", "'", "\xe2", "a\xff", " '", "日本"}) {
    std::string text;
    while (text.size() < (1 << 20)) text += unit;
    const double start = test::thread_cpu_seconds();
    const auto tokens = encode(*tokenizer, text);
    const double seconds = test::thread_cpu_seconds() - start;
    EXPECT_LT(seconds, kSecond) << unit;
    std::string back;
    for (const int32_t id : tokens) back += tokenizer->piece(id);
    EXPECT_EQ(back, " " + text) << unit;
  }
}

TEST(Spm, NanScoresAndEqualZerosDoNotDisturbTheOrder) {
  Vocab vocab = spm_vocab();
  vocab.add_space_prefix = false;
  add_token(vocab, "xy", TokenType::kNormal, std::numeric_limits<float>::quiet_NaN());
  add_token(vocab, "yz", TokenType::kNormal, 0.0f);
  add_token(vocab, "zw", TokenType::kNormal, -0.0f);
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(encode(*tokenizer, "xyzw"), ids(tokenizer->vocab(), {"<0x78>", "yz", "w"}));
}

TEST(Spm, AVocabularyWithoutScoresIsRefused) {
  Vocab vocab = spm_vocab();
  vocab.scores.clear();
  const auto result = Tokenizer::create(std::move(vocab));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kGgufBadVocabulary);
}

}  // namespace
}  // namespace weft
