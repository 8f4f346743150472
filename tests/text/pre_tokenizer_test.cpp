#include "core/text/pre_tokenizer.h"

#include <gtest/gtest.h>

#include "core/text/unicode.h"

namespace weft {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view name, std::string_view text) {
  const auto pre_tokenizer = PreTokenizer::create(name);
  EXPECT_TRUE(pre_tokenizer.has_value()) << name;
  const auto sizes = pre_tokenizer->split(text);
  EXPECT_TRUE(sizes.has_value());
  Words words;
  size_t begin = 0;
  for (const uint32_t size : *sizes) {
    words.emplace_back(text.substr(begin, size));
    begin += size;
  }
  EXPECT_EQ(begin, text.size());
  return words;
}

TEST(PreTokenizer, Gpt2KeepsASpaceWithItsWordAndDigitsTogether) {
  EXPECT_EQ(split("gpt-2", "I'll  see\n\n12345 été's !!"),
            (Words{"I", "'ll", " ", " see", "\n", "\n", "12345", " été", "'s", " !!"}));
  EXPECT_EQ(split("gpt-2", "I'LL"), (Words{"I", "'", "LL"}));
}

TEST(PreTokenizer, Llama3CutsDigitsByThreesAndKeepsLineFeedsTogether) {
  EXPECT_EQ(split("llama-bpe", "I'LL (see)\n\n12345 a  \n b  "),
            (Words{"I", "'LL", " (", "see", ")\n\n", "123", "45", " a", "  \n", " b", "  "}));
}

TEST(PreTokenizer, Qwen2CutsEveryDigit) {
  EXPECT_EQ(split("qwen2", "a12 b"), (Words{"a", "1", "2", " b"}));
}

TEST(PreTokenizer, Qwen35KeepsMarksWithTheirLetters) {
  EXPECT_EQ(split("qwen35", "e\u0301a"), (Words{"e\u0301a"}));
  EXPECT_EQ(split("qwen2", "e\u0301a"), (Words{"e", "\u0301a"}));
}

TEST(PreTokenizer, TekkenAndGpt4oCutWhereCaseFalls) {
  EXPECT_EQ(split("tekken", "camelCaseXMLHttp it's"),
            (Words{"camel", "Case", "XMLHttp", " it", "'s"}));
  EXPECT_EQ(split("gpt-4o", "camelCase it's 1234"),
            (Words{"camel", "Case", " it's", " ", "123", "4"}));
}

TEST(PreTokenizer, DeepseekCutsScriptsApart) {
  EXPECT_EQ(split("deepseek-v3", "日本語abc"), (Words{"日本語", "abc"}));
  EXPECT_EQ(split("deepseek-llm", "日本 abc, 123  "),
            (Words{"日本", " abc", ",", " ", "123", "  "}));
  EXPECT_EQ(split("deepseek-coder", "日本 12"), (Words{"日本", " ", "1", "2"}));
}

TEST(PreTokenizer, SmallModelsCutDigitsBeforeWords) {
  for (const std::string name : {"starcoder", "refact", "command-r", "smollm"}) {
    EXPECT_EQ(split(name, "a 12"), (Words{"a", " ", "1", "2"})) << name;
  }
  EXPECT_EQ(split("falcon", "a $1234b"), (Words{"a", " ", "$", "123", "4", "b"}));
  EXPECT_EQ(split("default", "a $1234b"), (Words{"a", " ", "$", "123", "4", "b"}));
}

TEST(PreTokenizer, WhiteSpaceIsUnicodes) {
  // U+180E was white space once and is none now; U+0085 and U+00A0 are.
  EXPECT_EQ(split("llama-bpe", "\u0085\u00a0x"), (Words{"\u0085", "\u00a0x"}));
  EXPECT_EQ(split("llama-bpe", "\u3000\u3000\u3000"), (Words{"\u3000\u3000\u3000"}));
  // A wide space is never part of a set of characters that has it in its range.
  EXPECT_EQ(split("deepseek-llm", "、\u3000、"), (Words{"、", "\u3000", "、"}));
  EXPECT_EQ(split("llama-bpe", " \u180e1"), (Words{" \u180e", "1"}));
}

TEST(PreTokenizer, TheLongSIsNoContraction) {
  EXPECT_EQ(split("llama-bpe", "it'ſ"), (Words{"it", "'ſ"}));
  EXPECT_EQ(split("gpt-4o", "it'ſ"), (Words{"it", "'ſ"}));
}

TEST(PreTokenizer, EveryNameOfTheListIsKnownAndNothingElse) {
  for (const std::string name : {"default",
                                 "gpt-2",
                                 "llama-bpe",
                                 "qwen2",
                                 "qwen35",
                                 "deepseek-llm",
                                 "deepseek-coder",
                                 "deepseek-v3",
                                 "tekken",
                                 "smollm",
                                 "starcoder",
                                 "gpt-4o",
                                 "falcon",
                                 "refact",
                                 "command-r",
                                 "olmo",
                                 "chatglm-bpe",
                                 "stablelm2",
                                 "llama3",
                                 "llama-v3",
                                 "falcon3",
                                 "phi-2",
                                 "mpt",
                                 "dbrx",
                                 "smaug-bpe",
                                 "deepseek-r1-qwen",
                                 "roberta-bpe",
                                 "jina-v2-es"}) {
    EXPECT_NE(find_pre_tokenizer(name), nullptr) << name;
    EXPECT_TRUE(PreTokenizer::create(name).has_value()) << name;
  }
  for (const std::string name : {"", "gpt", "GPT-2", "kimi-k2", "gemma4"}) {
    EXPECT_EQ(find_pre_tokenizer(name), nullptr) << name;
  }
}

TEST(Unicode, ClassesOfSomeCharacters) {
  EXPECT_EQ(char_class('a'), CharClass::kLetter);
  EXPECT_EQ(char_class(U'日'), CharClass::kLetter);
  EXPECT_EQ(char_class(0x323af), CharClass::kLetter);  // the last of CJK extension H
  EXPECT_EQ(char_class(0x323b0), CharClass::kOther);
  EXPECT_EQ(char_class(U'½'), CharClass::kNumber);
  EXPECT_EQ(char_class(0x301), CharClass::kMark);
  EXPECT_EQ(char_class(U'_'), CharClass::kPunctuation);
  EXPECT_EQ(char_class(U'€'), CharClass::kSymbol);
  EXPECT_EQ(char_class(0x2028), CharClass::kSpace);
  EXPECT_EQ(char_class(0x1c), CharClass::kOther);
  EXPECT_EQ(char_class(0xd800), CharClass::kOther);
  EXPECT_EQ(char_class(0x10ffff), CharClass::kOther);
  EXPECT_EQ(char_class(0xffffffff), CharClass::kOther);
}

TEST(Unicode, EveryCodePointSurvivesEncodingAndLaxDecoding) {
  for (uint32_t code = 0; code < 0x110000; ++code) {
    std::string text;
    append_utf8(code, text);
    size_t at = 0;
    ASSERT_EQ(decode_lax(text, at), code);
    ASSERT_EQ(at, text.size());
    if (text.size() > 1) {
      at = 0;
      ASSERT_EQ(decode_lax(text.substr(0, text.size() - 1), at), 0xfffdu);
      ASSERT_EQ(at, 1u);
    }
  }
}

}  // namespace
}  // namespace weft
