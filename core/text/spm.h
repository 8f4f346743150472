// The SentencePiece-style tokenizer ("llama" in GGUF): spaces become ▁, the pair with the highest
// score is merged first, and what is in no token falls back to bytes.
#pragma once

#include <memory>

#include "core/text/tokenizer.h"

namespace weft {

// `vocab`: checked by Tokenizer::create. Fails with kGgufBadVocabulary where scores are missing.
Result<std::unique_ptr<Tokenizer>> make_spm_tokenizer(Vocab vocab);

}  // namespace weft
