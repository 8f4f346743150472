#include "core/text/jinja/case.h"

#include <utf8proc.h>

#include "core/text/jinja/text.h"
#include "core/text/unicode.h"

namespace weft::jinja {
namespace {

uint32_t upper(uint32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
  return static_cast<uint32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}

uint32_t lower(uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  return static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

// Each character as f(character, whether it is the first) has it; bytes that are no UTF-8 stay.
template <class F>
std::string map(std::string_view text, F f) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t end = char_end(text, at);
    const bool broken = end == at + 1 && static_cast<uint8_t>(text[at]) >= 0x80;
    const uint32_t c = broken ? 0xfffd : code_point(text.substr(at, end - at));
    const uint32_t mapped = f(c, at == 0);
    if (mapped == c) {
      out += text.substr(at, end - at);
    } else if (mapped == 0x1e9e && c == 0xdf) {
      out += "SS";  // what the full mapping has for ß
    } else {
      append_utf8(mapped, out);
    }
    at = end;
  }
  return out;
}

}  // namespace

std::string to_upper(std::string_view text) {
  return map(text, [](uint32_t c, bool) { return upper(c); });
}

std::string to_lower(std::string_view text) {
  return map(text, [](uint32_t c, bool) { return lower(c); });
}

std::string capitalize(std::string_view text) {
  return map(text, [](uint32_t c, bool first) { return first ? upper(c) : lower(c); });
}

std::string swap_case(std::string_view text) {
  return map(text, [](uint32_t c, bool) { return is_upper(c) ? lower(c) : upper(c); });
}

bool is_upper(uint32_t c) { return lower(c) != c; }
bool is_lower(uint32_t c) { return upper(c) != c || c == 0xdf; }
bool is_cased(uint32_t c) { return is_upper(c) || is_lower(c); }

std::string title_words(std::string_view text) {
  bool starts = true;
  return map(text, [&](uint32_t c, bool) {
    const bool first = starts;
    starts = is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    return first ? upper(c) : lower(c);
  });
}

std::string title_letters(std::string_view text) {
  bool inside = false;
  return map(text, [&](uint32_t c, bool) {
    const bool first = !inside;
    inside = is_cased(c);
    return first ? upper(c) : lower(c);
  });
}

}  // namespace weft::jinja
