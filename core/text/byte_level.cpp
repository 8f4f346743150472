#include "core/text/byte_level.h"

#include <array>

#include "core/text/unicode.h"

namespace weft {
namespace {

struct Alphabet {
  std::array<uint16_t, 256> code_points;
  std::array<int16_t, 512> bytes;  // -1: not in the alphabet

  constexpr Alphabet() : code_points{}, bytes{} {
    bytes.fill(-1);
    uint16_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool visible =
          (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
      code_points[byte] = visible ? static_cast<uint16_t>(byte) : next++;
      bytes[code_points[byte]] = static_cast<int16_t>(byte);
    }
  }
};

constexpr Alphabet kAlphabet;

}  // namespace

std::optional<std::string> decode_byte_level(std::string_view token) {
  std::string bytes;
  for (size_t at = 0; at < token.size();) {
    const uint32_t code = decode_lax(token, at);
    if (code >= kAlphabet.bytes.size() || kAlphabet.bytes[code] < 0) return std::nullopt;
    bytes += static_cast<char>(kAlphabet.bytes[code]);
  }
  return bytes;
}

std::string decode_byte_level_lax(std::string_view token) {
  std::string bytes;
  for (size_t at = 0; at < token.size();) {
    const size_t begin = at;
    const uint32_t code = decode_lax(token, at);
    if (code < kAlphabet.bytes.size() && kAlphabet.bytes[code] >= 0) {
      bytes += static_cast<char>(kAlphabet.bytes[code]);
    } else {
      bytes += token.substr(begin, at - begin);
    }
  }
  return bytes;
}

std::string encode_byte_level(std::string_view bytes) {
  std::string token;
  for (const char c : bytes) append_utf8(kAlphabet.code_points[static_cast<uint8_t>(c)], token);
  return token;
}

}  // namespace weft
