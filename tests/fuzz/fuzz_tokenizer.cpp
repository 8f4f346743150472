// Any bytes through every kind of tokenizer. The first byte picks the tokenizer and the options,
// the rest is the text. All of them know every byte, so valid UTF-8 must come back as it was.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/utf8.h"
#include "tests/text/fixture_vocabs.h"

namespace {

using weft::DetokenizerStream;
using weft::Tokenizer;

std::vector<std::unique_ptr<Tokenizer>> make_tokenizers() {
  std::vector<std::unique_ptr<Tokenizer>> tokenizers;
  tokenizers.push_back(weft::fixtures::make(weft::fixtures::spm_vocab()));
  weft::Vocab crossing = weft::fixtures::spm_vocab();
  weft::fixtures::add_token(crossing, "▁and▁the", weft::TokenType::kNormal, -0.5f);
  crossing.add_space_prefix = false;
  tokenizers.push_back(weft::fixtures::make(std::move(crossing)));
  // One name for each row of the table is enough.
  for (const char* name :
       {"gpt-2", "llama-bpe", "qwen2", "qwen35", "tekken", "gpt-4o", "default", "starcoder",
        "falcon", "deepseek-llm", "deepseek-coder", "deepseek-v3"}) {
    tokenizers.push_back(weft::fixtures::make(weft::fixtures::bpe_vocab(name)));
  }
  return tokenizers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto tokenizers = make_tokenizers();
  if (size == 0) return 0;
  const Tokenizer& tokenizer = *tokenizers[(data[0] & 0x3f) % tokenizers.size()];
  const bool add_special = (data[0] & 0x40) != 0;
  const bool parse_special = (data[0] & 0x80) != 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);

  const auto ids =
      tokenizer.encode(text, {.add_special = add_special, .parse_special = parse_special});
  WEFT_CHECK(ids.has_value(), "fuzz_tokenizer: encode failed");
  for (const int32_t id : *ids) {
    WEFT_CHECK(id >= 0 && id < tokenizer.vocab().size(), "fuzz_tokenizer: id out of range");
  }
  const std::string back = tokenizer.decode(*ids, parse_special);
  WEFT_CHECK(weft::utf8_valid(back), "fuzz_tokenizer: decode gave invalid UTF-8");
  // To SentencePiece a ▁ in the text is a space, and behind a special token it adds a space that
  // decode cannot tell from a real one.
  const bool lossy = tokenizer.vocab().kind == weft::TokenizerKind::kSentencePiece &&
                     (parse_special || text.find("▁") != std::string_view::npos);
  if (weft::utf8_valid(text) && !lossy) {
    WEFT_CHECK(back == text, "fuzz_tokenizer: decode(encode(text)) differs");
  }

  // Any ids must decode, those of no token too.
  DetokenizerStream stream(tokenizer, add_special);
  for (size_t i = 1; i < size; ++i) stream.push(data[i] * 3 - 5);
  stream.finish();
  return 0;
}
