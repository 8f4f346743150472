// UTF-8 at the byte level: lengths, and splitting any bytes into characters and invalid parts.
// Knows nothing of Unicode properties.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft {

// Bytes a character with this lead byte claims, by its top four bits only: a continuation byte
// claims 1, and nothing is validated. This is how tokenizers cut text into symbols.
inline size_t utf8_claimed_size(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

enum class Utf8Kind {
  kWhole,      // a valid character
  kInvalid,    // a maximal subpart that can never become one
  kUnfinished  // a valid beginning that the end of the text cuts off
};

struct Utf8Part {
  Utf8Kind kind;
  size_t size;  // at least 1
};

// The first character or maximal invalid subpart (Unicode 15, section 3.9, table 3-7) of a text
// that is not empty.
Utf8Part utf8_first(std::string_view text);

// Whether all of the text is valid UTF-8.
bool utf8_valid(std::string_view text);

}  // namespace weft
