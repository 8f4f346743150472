#include "gguf/vocab_loader.h"

#include <gtest/gtest.h>

#include "gguf/file.h"
#include "gguf/reader.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/test_data.h"

namespace weft::gguf {
namespace {

using test::Bytes;
using test::GgufBuilder;

GgufBuilder sentence_piece() {
  GgufBuilder builder;
  builder.string("tokenizer.ggml.model", "llama")
      .strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "a"})
      .array<float>("tokenizer.ggml.scores", {0, 0, 0, -1.5f})
      .array<int32_t>("tokenizer.ggml.token_type", {2, 3, 3, 1});
  return builder;
}

GgufBuilder byte_bpe() {
  GgufBuilder builder;
  builder.string("tokenizer.ggml.model", "gpt2")
      .strings("tokenizer.ggml.tokens", {"a", "b", "ab", "<|end|>"})
      .strings("tokenizer.ggml.merges", {"a b", "  x"});
  return builder;
}

Result<Vocab> load(const GgufBuilder& builder) {
  const Bytes file = builder.build();
  const auto contents = read(file);
  if (!contents) return tl::unexpected(contents.error());
  return load_vocab(contents->metadata);
}

TEST(GgufVocab, SentencePieceTakesItsDefaultsWhereTheFileIsSilent) {
  const auto vocab = load(sentence_piece());
  ASSERT_TRUE(vocab) << vocab.error().message;
  EXPECT_EQ(vocab->kind, TokenizerKind::kSentencePiece);
  EXPECT_EQ(vocab->tokens[3], "a");
  EXPECT_EQ(vocab->scores[3], -1.5f);
  EXPECT_EQ(vocab->types[1], TokenType::kControl);
  EXPECT_EQ(vocab->bos_id, 1);
  EXPECT_EQ(vocab->eos_id, 2);
  EXPECT_EQ(vocab->unk_id, 0);
  EXPECT_FALSE(vocab->pad_id);
  EXPECT_TRUE(vocab->add_bos);
  EXPECT_FALSE(vocab->add_eos);
  EXPECT_TRUE(vocab->add_space_prefix);
}

TEST(GgufVocab, SwitchesInTheFileWin) {
  const auto vocab = load(sentence_piece()
                              .number<bool>("tokenizer.ggml.add_bos_token", false)
                              .number<bool>("tokenizer.ggml.add_eos_token", true)
                              .number<bool>("tokenizer.ggml.add_space_prefix", false)
                              .number<uint32_t>("tokenizer.ggml.bos_token_id", 3)
                              .number<uint32_t>("tokenizer.ggml.eot_token_id", 2));
  ASSERT_TRUE(vocab) << vocab.error().message;
  EXPECT_FALSE(vocab->add_bos);
  EXPECT_TRUE(vocab->add_eos);
  EXPECT_FALSE(vocab->add_space_prefix);
  EXPECT_EQ(vocab->bos_id, 3);
  EXPECT_EQ(vocab->eot_id, 2);
}

TEST(GgufVocab, ByteBpeAddsBosOnlyWhereItsPreTokenizerDoes) {
  auto vocab = load(byte_bpe());
  ASSERT_TRUE(vocab) << vocab.error().message;
  EXPECT_EQ(vocab->kind, TokenizerKind::kByteBpe);
  EXPECT_EQ(vocab->pre_tokenizer, "default");
  EXPECT_EQ(vocab->merges.size(), 2u);
  EXPECT_TRUE(vocab->types.empty());
  EXPECT_FALSE(vocab->add_bos);
  EXPECT_FALSE(vocab->add_space_prefix);
  EXPECT_FALSE(vocab->bos_id);

  vocab = load(byte_bpe()
                   .string("tokenizer.ggml.pre", "llama-bpe")
                   .number<uint32_t>("tokenizer.ggml.bos_token_id", 3));
  ASSERT_TRUE(vocab) << vocab.error().message;
  EXPECT_TRUE(vocab->add_bos);
  EXPECT_EQ(vocab->bos_id, 3);
}

TEST(GgufVocab, UnknownTokenizerIsRefusedByName) {
  const auto vocab = load(GgufBuilder().string("tokenizer.ggml.model", "t5"));
  ASSERT_FALSE(vocab);
  EXPECT_EQ(vocab.error().code, ErrorCode::kUnknownTokenizer);
  EXPECT_NE(vocab.error().message.find("\"t5\""), std::string::npos);
  EXPECT_EQ(load(GgufBuilder()).error().code, ErrorCode::kGgufMissingKey);
}

TEST(GgufVocab, EverySharedVocabularyLoads) {
  WEFT_NEED_TEST_DATA("vocab");
  const auto size_of = [](const char* name) {
    const auto file = File::open((test::test_data_folder() / "vocab" / name).string());
    EXPECT_TRUE(file) << file.error().message;
    const auto vocab = load_vocab(file->metadata());
    EXPECT_TRUE(vocab) << vocab.error().message;
    return vocab->size();
  };
  EXPECT_EQ(size_of("vocab-gpt-2.gguf"), 50257);
  EXPECT_EQ(size_of("vocab-llama-spm.gguf"), 32000);
  EXPECT_EQ(size_of("vocab-llama3.gguf"), 128256);
  EXPECT_EQ(size_of("vocab-qwen2.gguf"), 151646);
}

}  // namespace
}  // namespace weft::gguf
