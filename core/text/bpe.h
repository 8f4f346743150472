// Byte-level BPE ("gpt2" in GGUF): text is cut into words by a pre-tokenizer, each word starts as
// its bytes, and the pair that stands first in the list of merges joins first.
#pragma once

#include <memory>

#include "core/text/tokenizer.h"

namespace weft {

// `vocab`: checked by Tokenizer::create. Fails with kUnknownPreTokenizer, and with
// kGgufBadVocabulary for a malformed merge.
Result<std::unique_ptr<Tokenizer>> make_bpe_tokenizer(Vocab vocab);

}  // namespace weft
