#include "tests/text/fixture_vocabs.h"

#include <algorithm>

#include "core/check.h"
#include "core/text/byte_level.h"
#include "core/text/byte_token.h"

namespace weft::fixtures {

int32_t add_token(Vocab& vocab, const std::string& text, TokenType type, float score) {
  vocab.tokens.push_back(text);
  vocab.types.push_back(type);
  if (vocab.kind == TokenizerKind::kSentencePiece) vocab.scores.push_back(score);
  return vocab.size() - 1;
}

Vocab spm_vocab() {
  Vocab vocab;
  vocab.kind = TokenizerKind::kSentencePiece;
  vocab.unk_id = add_token(vocab, "<unk>", TokenType::kUnknown);
  vocab.bos_id = add_token(vocab, "<s>", TokenType::kControl);
  vocab.eos_id = add_token(vocab, "</s>", TokenType::kControl);
  vocab.add_bos = true;
  for (int byte = 0; byte < 256; ++byte) {
    add_token(vocab, byte_token_text(static_cast<uint8_t>(byte)), TokenType::kByte);
  }
  const char* const pieces[] = {
      "▁▁",     "▁t", "he",   "in", "▁a",   "▁the", "nd",  "▁and", "on",    "ll", "▁▁▁▁", "▁o",
      "ow",     "or", "ld",   "▁w", "▁wor", "▁h",   "ell", "▁he",  "▁hell", "aa", "aaaa", "▁hello",
      "▁world", "ÿÿ", "日本", "é",  "▁",    "e",    "t",   "o",    "a",     "n",  "i",    "h",
      "s",      "r",  "l",    "d",  "w",    "日",   "本",  "ÿ",    "<",     ">",  "/"};
  float score = -1.0f;
  for (const char* const piece : pieces) {
    add_token(vocab, piece, TokenType::kNormal, score);
    score -= 1.0f;
  }
  return vocab;
}

void add_merge(Vocab& vocab, const std::string& left, const std::string& right) {
  vocab.merges.push_back(left + " " + right);
  const std::string joined = left + right;
  if (std::find(vocab.tokens.begin(), vocab.tokens.end(), joined) == vocab.tokens.end()) {
    add_token(vocab, joined);
  }
}

Vocab bpe_vocab(const std::string& pre_tokenizer) {
  Vocab vocab;
  vocab.kind = TokenizerKind::kByteBpe;
  vocab.pre_tokenizer = pre_tokenizer;
  for (int byte = 0; byte < 256; ++byte) {
    add_token(vocab, encode_byte_level(std::string(1, static_cast<char>(byte))));
  }
  const std::pair<const char*, const char*> merges[] = {
      {"h", "e"},    {"Ġ", "t"}, {"l", "l"}, {"Ġt", "he"}, {"a", "a"}, {"aa", "aa"},   {"he", "ll"},
      {"hell", "o"}, {"Ġ", "w"}, {"o", "r"}, {"Ġw", "or"}, {"l", "d"}, {"Ġwor", "ld"}, {"Ġ", "Ġ"},
      {"ĠĠ", "ĠĠ"},  {"'", "s"}, {"1", "2"}, {"12", "3"},  {"Ã", "©"}, {"ï", "¿"},     {"ï¿", "½"}};
  for (const auto& [left, right] : merges) add_merge(vocab, left, right);
  vocab.eos_id = add_token(vocab, "<|end|>", TokenType::kControl);
  vocab.bos_id = vocab.eos_id;
  add_token(vocab, "<|tag|>", TokenType::kUserDefined);
  return vocab;
}

std::vector<int32_t> ids(const Vocab& vocab, const std::vector<std::string>& texts) {
  std::vector<int32_t> result;
  for (const std::string& text : texts) {
    const auto found = std::find(vocab.tokens.begin(), vocab.tokens.end(), text);
    WEFT_CHECK(found != vocab.tokens.end(), "no token " + text);
    result.push_back(static_cast<int32_t>(found - vocab.tokens.begin()));
  }
  return result;
}

std::unique_ptr<Tokenizer> make(Vocab vocab) {
  auto tokenizer = Tokenizer::create(std::move(vocab));
  WEFT_CHECK(tokenizer.has_value(), tokenizer.error().message);
  return std::move(*tokenizer);
}

}  // namespace weft::fixtures
