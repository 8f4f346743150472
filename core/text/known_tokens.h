// What some tokens mean by their text, because files often do not say: which end a turn, which
// belong to fill-in-the-middle prompts.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/text/vocab.h"

namespace weft {

// The vocabulary's token types ([n_vocab]; all normal where it has none), with known end-of-turn
// and fill-in-the-middle tokens made control tokens: some files list them as user-defined or
// normal, and text a user writes could then forge a turn.
std::vector<TokenType> effective_types(const Vocab& vocab);

// Sorted ids that end a generation: the vocabulary's eos, eot and eom ids and known end-of-turn
// control tokens.
std::vector<int32_t> find_stop_ids(const Vocab& vocab, std::span<const TokenType> types);

}  // namespace weft
