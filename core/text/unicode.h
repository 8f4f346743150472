// What splitting text into words needs to know of Unicode: decoding that never fails, and the
// major category of a code point. The table is our own (Unicode 15.1), so that the same text gives
// the same tokens whatever library versions a machine has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

enum class CharClass : uint8_t {
  kOther = 0,  // control, format, unassigned, private use, surrogates
  kSpace = 1,  // White_Space, line feeds included
  kLetter = 2,
  kNumber = 3,
  kMark = 4,
  kPunctuation = 5,
  kSymbol = 6,
};

// Code points above U+10FFFF are kOther.
CharClass char_class(uint32_t code_point);

// Decodes the character at text[at] and moves `at` behind it. Laxer than the standard, as
// tokenizers' decoders are: overlong forms and surrogates count as what they spell. A byte that
// begins nothing of the kind, or what would be above U+10FFFF, is U+FFFD and one byte long.
uint32_t decode_lax(std::string_view text, size_t& at);

void append_utf8(uint32_t code_point, std::string& out);

// The text as its decode_lax() code points spell it. Valid UTF-8 stays as it is.
std::string normalise_lax(std::string_view text);

}  // namespace weft
