// The tokenizer of synthetic models: small but real. SentencePiece style with byte fallback, so
// that any text goes in and comes out again; its pieces are learned from a list of English words.
#pragma once

#include <cstdint>

#include "core/error.h"
#include "core/text/vocab.h"

namespace weft::synth {

// Bytes, characters and special tokens: below this no tokenizer could take any text.
inline constexpr int32_t kSmallestVocabulary = 3 + 256 + 95;

// The first ids: <unk>, <s>, </s> and the bytes, which a text to look at is better without.
inline constexpr int32_t kControlAndByteTokens = 3 + 256;

// A vocabulary of exactly `n_vocab` tokens: <unk>, <s>, </s>, 256 bytes, the printable ASCII
// characters and "▁", as many pieces as are known (some 2,400) and fit, then unused tokens. A
// smaller vocabulary is a prefix of a larger one. BOS is put before every text.
// Fails with kInvalidArgument below kSmallestVocabulary.
Result<Vocab> make_vocabulary(int32_t n_vocab);

}  // namespace weft::synth
