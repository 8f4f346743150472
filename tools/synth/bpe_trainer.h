// Byte-pair encoding's training (Gage 1994; Sennrich et al., arXiv:1508.07909): joins the most
// frequent pair of neighbouring pieces again and again. Small inputs only; deterministic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weft::synth {

struct TrainingWord {
  std::vector<std::string> pieces;  // at first: characters
  int64_t count = 1;                // how often the word is met
};

// The joined pieces, in the order in which they were made, at most `max_pieces`; each is made of
// two pieces that came before it (or characters). Stops early when every word is one piece. Of
// equally frequent pairs the one whose text comes first in byte order is joined.
std::vector<std::string> train_bpe(std::vector<TrainingWord> words, size_t max_pieces);

}  // namespace weft::synth
