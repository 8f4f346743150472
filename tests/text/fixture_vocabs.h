// Small vocabularies built in code, so that the tokenizers' tests need no files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/text/tokenizer.h"
#include "core/text/vocab.h"

namespace weft::fixtures {

// <unk> <s> </s>, the 256 byte tokens (ids 3 to 258), then pieces by falling score: the usual
// layout of a SentencePiece model. Byte-complete: any text survives encode and decode.
Vocab spm_vocab();

// Appends a token and returns its id.
int32_t add_token(Vocab& vocab, const std::string& text, TokenType type = TokenType::kNormal,
                  float score = 0.0f);

// Ids of tokens by their text; each must exist.
std::vector<int32_t> ids(const Vocab& vocab, const std::vector<std::string>& texts);

std::unique_ptr<Tokenizer> make(Vocab vocab);

}  // namespace weft::fixtures
