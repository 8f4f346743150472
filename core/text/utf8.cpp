#include "core/text/utf8.h"

#include <cstring>

namespace weft {

Utf8Part utf8_first(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {Utf8Kind::kWhole, 1};
  if (lead < 0xc2 || lead > 0xf4) return {Utf8Kind::kInvalid, 1};
  const size_t size = utf8_claimed_size(text[0]);
  // The second byte's range excludes overlong forms, surrogates and what is above U+10FFFF.
  const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  for (size_t i = 1; i < size; ++i) {
    if (i == text.size()) return {Utf8Kind::kUnfinished, i};
    const bool fits = i == 1 ? byte(i) >= low && byte(i) <= high : (byte(i) & 0xc0) == 0x80;
    if (!fits) return {Utf8Kind::kInvalid, i};
  }
  return {Utf8Kind::kWhole, size};
}

bool utf8_valid(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    // Eight ASCII bytes at a time: most text is ASCII.
    uint64_t eight;
    while (i + sizeof(eight) <= text.size()) {
      std::memcpy(&eight, text.data() + i, sizeof(eight));
      if (eight & 0x8080808080808080u) break;
      i += sizeof(eight);
    }
    if (i == text.size()) break;
    const Utf8Part part = utf8_first(text.substr(i));
    if (part.kind != Utf8Kind::kWhole) return false;
    i += part.size;
  }
  return true;
}

}  // namespace weft
