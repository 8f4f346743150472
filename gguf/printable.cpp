#include "gguf/printable.h"

#include <cstdint>

#include "core/text/utf8.h"

namespace weft::gguf {
namespace {

std::string escape(uint8_t byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  if (byte == '\n') return "\\n";
  if (byte == '\t') return "\\t";
  return {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
}

}  // namespace

std::string printable(std::string_view text, size_t limit) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= limit) return out + "...";
    const auto lead = static_cast<uint8_t>(text[0]);
    const Utf8Part part = utf8_first(text);
    const bool is_control = lead < 0x20 || lead == 0x7f;
    if (part.kind == Utf8Kind::kWhole && !is_control) {
      out += text.substr(0, part.size);
    } else {
      for (const char byte : text.substr(0, part.size)) out += escape(static_cast<uint8_t>(byte));
    }
    text.remove_prefix(part.size);
  }
  return out;
}

}  // namespace weft::gguf
