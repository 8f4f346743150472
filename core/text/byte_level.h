// The byte-level alphabet of GPT-2's vocabulary files: each byte is written as one visible
// character, so that token strings are text. 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF stand for
// themselves as code points, the other 68 bytes are U+0100, U+0101, ... in order ("Ġ" is a space).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

// The bytes a token's string stands for; nothing where a character of it is not in the alphabet.
std::optional<std::string> decode_byte_level(std::string_view token);

// The same, with characters outside the alphabet kept as they are.
std::string decode_byte_level_lax(std::string_view token);

std::string encode_byte_level(std::string_view bytes);

}  // namespace weft
