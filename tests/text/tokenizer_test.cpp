// What holds for every kind of tokenizer: stop tokens, and vocabularies that must be refused.
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/text/fixture_vocabs.h"

namespace weft {
namespace {

using fixtures::add_token;
using fixtures::make;
using fixtures::spm_vocab;

TEST(StopIds, AreTheEndIdsAndKnownEndOfTurnTokens) {
  Vocab vocab = spm_vocab();
  const int32_t eot = add_token(vocab, "<|eot_id|>", TokenType::kControl);
  const int32_t im_end = add_token(vocab, "<|im_end|>", TokenType::kUserDefined);
  const int32_t other = add_token(vocab, "<|start|>", TokenType::kControl);
  const int32_t prefix = add_token(vocab, "<|fim_prefix|>", TokenType::kControl);
  const auto tokenizer = make(std::move(vocab));
  EXPECT_EQ(tokenizer->stop_ids(), (std::vector<int32_t>{2, eot, im_end}));
  EXPECT_TRUE(tokenizer->is_stop(im_end));
  EXPECT_FALSE(tokenizer->is_stop(other));
  EXPECT_FALSE(tokenizer->is_stop(prefix));
  EXPECT_FALSE(tokenizer->is_stop(-1));
}

TEST(StopIds, AnHtmlTagThatIsOrdinaryTextDoesNotStop) {
  Vocab vocab = spm_vocab();
  vocab.types[2] = TokenType::kNormal;
  vocab.eos_id = std::nullopt;
  EXPECT_TRUE(make(vocab)->stop_ids().empty());
  vocab.types[2] = TokenType::kControl;
  EXPECT_EQ(make(vocab)->stop_ids(), std::vector<int32_t>{2});
}

TEST(StopIds, EndOfAMessageIsNoEndOfTurnWhereReturnAndCallExist) {
  Vocab vocab = spm_vocab();
  const int32_t end = add_token(vocab, "<|end|>", TokenType::kControl);
  EXPECT_TRUE(make(vocab)->is_stop(end));
  add_token(vocab, "<|return|>", TokenType::kControl);
  add_token(vocab, "<|call|>", TokenType::kControl);
  EXPECT_FALSE(make(vocab)->is_stop(end));
}

TEST(Tokenizer, KnownEndOfTurnTokensCannotBeForgedWhateverTypeTheFileGivesThem) {
  Vocab vocab = spm_vocab();
  const int32_t im_end = add_token(vocab, "<|im_end|>", TokenType::kUserDefined);
  const auto tokenizer = make(std::move(vocab));
  const auto tokens = tokenizer->encode("a<|im_end|>b");
  for (const int32_t id : *tokens) EXPECT_NE(id, im_end);
  EXPECT_EQ((*tokenizer->encode("<|im_end|>", {.parse_special = true}))[1], im_end);
  EXPECT_EQ(tokenizer->piece(im_end), "");
}

TEST(Tokenizer, ServesManyThreadsAtOnce) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "hello the world " + std::to_string(i * 7919) + "\n";
  for (const auto& vocab : {spm_vocab(), fixtures::bpe_vocab("llama-bpe")}) {
    const auto tokenizer = make(vocab);
    const auto expected = *tokenizer->encode(text);
    std::atomic<int> num_equal = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        if (*tokenizer->encode(text) == expected) ++num_equal;
        if (tokenizer->decode(expected) == text) ++num_equal;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(num_equal, 8);
  }
}

TEST(Tokenizer, VocabulariesWhosePartsDoNotFitTogetherAreRefused) {
  const std::function<void(Vocab&)> breaks[] = {
      [](Vocab& v) { v.tokens.clear(); },
      [](Vocab& v) { v.types.pop_back(); },
      [](Vocab& v) { v.scores.pop_back(); },
      [](Vocab& v) { v.bos_id = v.size(); },
      [](Vocab& v) { v.pad_id = -1; },
      [](Vocab& v) { v.bos_id = std::nullopt; },
      [](Vocab& v) { v.add_eos = true, v.eos_id = std::nullopt; },
  };
  for (const auto& damage : breaks) {
    Vocab vocab = spm_vocab();
    damage(vocab);
    const auto result = Tokenizer::create(std::move(vocab));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kGgufBadVocabulary) << result.error().message;
    EXPECT_FALSE(result.error().message.empty());
  }
}

}  // namespace
}  // namespace weft
