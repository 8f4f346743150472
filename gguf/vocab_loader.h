// A model's vocabulary from its file's keys (tokenizer.ggml.*), checked so that no tokenizer has
// to: lengths that fit together, element types, ids inside the vocabulary.
#pragma once

#include "core/error.h"
#include "core/text/vocab.h"
#include "gguf/metadata.h"

namespace weft::gguf {

// Longer token texts are refused: real ones have at most some hundred bytes.
inline constexpr size_t kLongestToken = size_t{64} << 10;

// Copies what it needs. Fails with
//   kUnknownTokenizer                    tokenizer.ggml.model is neither "llama" nor "gpt2"
//   kGgufMissingKey, kGgufWrongKeyType   a key that the tokenizer needs
//   kGgufBadVocabulary                   parts that do not fit together; the message names them
// The name of the pre-tokenizer is taken as it is: Tokenizer::create() judges it.
Result<Vocab> load_vocab(const Metadata& metadata);

}  // namespace weft::gguf
