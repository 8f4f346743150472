// Text for benchmarks that is like English where it matters to a tokenizer: word frequencies by
// Zipf's law over some 30,000 words, sentences, punctuation, numbers, paragraphs. The same text
// on every machine.
#pragma once

#include <cstddef>
#include <string>

namespace weft::bench {

std::string make_prose(size_t size_bytes);

}  // namespace weft::bench
