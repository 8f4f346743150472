#include <string>

#include <gtest/gtest.h>

#include "core/text/utf8.h"
#include "tests/text/fixture_vocabs.h"

namespace weft {
namespace {

using fixtures::ids;
using fixtures::make;
using fixtures::spm_vocab;

std::vector<int32_t> bytes(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> result;
  for (const char c : text) {
    result.push_back(3 + static_cast<uint8_t>(c));  // spm_vocab: byte tokens begin at id 3
  }
  EXPECT_EQ(tokenizer.vocab().tokens[3], "<0x00>");
  return result;
}

TEST(Detokenizer, DropsTheSpaceThatEncodeAddedAlsoBehindABos) {
  const auto tokenizer = make(spm_vocab());
  for (const std::string text : {"hello world", " hello", "  ", "", " ", "日本", "\n the"}) {
    for (const bool add_special : {false, true}) {
      const auto tokens = tokenizer->encode(text, {.add_special = add_special});
      EXPECT_EQ(tokenizer->decode(*tokens), text);
    }
  }
}

TEST(Detokenizer, KeepsTheSpaceOfAContinuation) {
  const auto tokenizer = make(spm_vocab());
  DetokenizerStream stream(*tokenizer, false, DetokenizerStream::Start::kContinuation);
  EXPECT_EQ(stream.push(ids(tokenizer->vocab(), {"▁the"})[0]), " the");
}

TEST(Detokenizer, HoldsBackAnUnfinishedCharacterUntilItIsWhole) {
  const auto tokenizer = make(spm_vocab());
  DetokenizerStream stream(*tokenizer);
  std::string text;
  for (const int32_t id : bytes(*tokenizer, "a☃")) {
    const std::string part = stream.push(id);
    EXPECT_TRUE(part == "" || part == "a" || part == "☃") << part;
    text += part;
  }
  EXPECT_EQ(text, "a☃");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Detokenizer, WhatIsLeftUnfinishedAtTheEndIsOneReplacement) {
  const auto tokenizer = make(spm_vocab());
  EXPECT_EQ(tokenizer->decode(bytes(*tokenizer, "a\xf0\x9f\x98")), "a\uFFFD");
}

TEST(Detokenizer, MaximalInvalidSubpartsAreReplacedAsUnicodeSays) {
  const auto tokenizer = make(spm_vocab());
  const auto decode = [&](std::string_view text) {
    return tokenizer->decode(bytes(*tokenizer, text));
  };
  // The examples of the Unicode standard, tables 3-8 to 3-11.
  EXPECT_EQ(decode("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  EXPECT_EQ(decode("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  EXPECT_EQ(decode("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41\uFFFD\uFFFD\x42");
  EXPECT_EQ(decode("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), "\uFFFD\uFFFD\uFFFD\uFFFD\x41");
}

TEST(Detokenizer, ControlTokensAreSilentUnlessWanted) {
  const auto tokenizer = make(spm_vocab());
  const auto tokens = ids(tokenizer->vocab(), {"<s>", "▁the", "</s>"});
  EXPECT_EQ(tokenizer->decode(tokens), "the");
  EXPECT_EQ(tokenizer->decode(tokens, true), "<s>the</s>");
}

TEST(Detokenizer, IdsOutsideTheVocabularyAreSilent) {
  const auto tokenizer = make(spm_vocab());
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{-1, 1 << 30, tokenizer->vocab().size()}), "");
}

TEST(Utf8, EveryTruncationOfACharacterIsUnfinished) {
  for (const std::string_view character : {"é", "☃", "😀", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(utf8_valid(character));
    for (size_t size = 1; size < character.size(); ++size) {
      const Utf8Part part = utf8_first(character.substr(0, size));
      EXPECT_EQ(part.kind, Utf8Kind::kUnfinished);
      EXPECT_EQ(part.size, size);
      EXPECT_FALSE(utf8_valid("12345678" + std::string(character.substr(0, size))));
    }
  }
}

}  // namespace
}  // namespace weft
