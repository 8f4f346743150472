// Small vocabularies built in code, so that the tokenizers' tests need no files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/text/tokenizer.h"
#include "core/text/vocab.h"

namespace weft::fixtures {

// What a second is here: sanitizers cost about a factor of ten.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr double kSecond = 10.0;
#else
inline constexpr double kSecond = 1.0;
#endif

// <unk> <s> </s>, the 256 byte tokens (ids 3 to 258), then pieces by falling score: the usual
// layout of a SentencePiece model. Byte-complete: any text survives encode and decode.
Vocab spm_vocab();

// The 256 bytes in the byte-level alphabet (ids 0 to 255, by byte), then the tokens that its few
// merges make, then "<|end|>" (control) and "<|tag|>" (user-defined). Byte-complete.
Vocab bpe_vocab(const std::string& pre_tokenizer = "gpt-2");

// Appends a merge and the token it makes.
void add_merge(Vocab& vocab, const std::string& left, const std::string& right);

// Appends a token and returns its id.
int32_t add_token(Vocab& vocab, const std::string& text, TokenType type = TokenType::kNormal,
                  float score = 0.0f);

// Ids of tokens by their text; each must exist.
std::vector<int32_t> ids(const Vocab& vocab, const std::vector<std::string>& texts);

std::unique_ptr<Tokenizer> make(Vocab vocab);

}  // namespace weft::fixtures
