// A list of common English words, the most frequent first: what the synthetic tokenizer is
// trained on.
#pragma once

#include <string_view>

namespace weft::synth {

// Lower-case words separated by white space.
std::string_view common_words();

}  // namespace weft::synth
