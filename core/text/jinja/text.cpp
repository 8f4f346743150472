#include "core/text/jinja/text.h"

#include <algorithm>

#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace weft::jinja {

Text::Text(std::string text, bool all_given) : bytes(std::move(text)) {
  if (all_given && !bytes.empty()) given.push_back({0, bytes.size()});
}

void Text::mark(size_t begin, size_t end) {
  if (!given.empty() && given.back().end == begin) {
    given.back().end = end;
  } else {
    given.push_back({begin, end});
  }
}

void Text::append(const Text& piece) { append(piece, 0, piece.size()); }

void Text::append(const Text& piece, size_t begin, size_t end) {
  const size_t start = bytes.size();
  bytes.append(piece.bytes, begin, end - begin);
  auto range = std::partition_point(piece.given.begin(), piece.given.end(),
                                    [begin](const TextRange& r) { return r.end <= begin; });
  for (; range != piece.given.end() && range->begin < end; ++range) {
    mark(start + std::max(range->begin, begin) - begin, start + std::min(range->end, end) - begin);
  }
}

Text slice(const Text& text, size_t begin, size_t end) {
  Text part;
  part.append(text, begin, end);
  return part;
}

size_t char_end(std::string_view text, size_t at) {
  if (static_cast<uint8_t>(text[at]) < 0x80) return at + 1;
  const Utf8Part part = utf8_first(text.substr(at, 4));
  return part.kind == Utf8Kind::kWhole ? at + part.size : at + 1;
}

size_t count_chars(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at = char_end(text, at)) ++count;
  return count;
}

std::vector<size_t> char_starts(std::string_view text) {
  std::vector<size_t> starts;
  starts.reserve(text.size() + 1);
  for (size_t at = 0; at < text.size(); at = char_end(text, at)) starts.push_back(at);
  starts.push_back(text.size());
  return starts;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

uint32_t code_point(std::string_view character) {
  size_t at = 0;
  return decode_lax(character, at);
}

bool is_space(uint32_t code_point) {
  if (code_point < 0x80) {
    return code_point == ' ' || (code_point >= '\t' && code_point <= '\r') ||
           (code_point >= 0x1c && code_point <= 0x1f);
  }
  return char_class(code_point) == CharClass::kSpace;
}

Trimmed trim_spaces(std::string_view text, bool left, bool right) {
  size_t begin = 0, end = text.size();
  while (left && begin < end) {
    const size_t next = char_end(text, begin);
    if (!is_space(code_point(text.substr(begin, next - begin)))) break;
    begin = next;
  }
  while (right && end > begin) {
    size_t last = end - 1;
    while (last > begin && end - last < 4 && (static_cast<uint8_t>(text[last]) & 0xc0) == 0x80) {
      --last;
    }
    if (char_end(text, last) != end) last = end - 1;  // a byte that is no UTF-8
    if (!is_space(code_point(text.substr(last, end - last)))) break;
    end = last;
  }
  return {begin, end};
}

size_t find(std::string_view text, std::string_view needle, size_t from) {
  constexpr size_t kShort = 32;  // the worst case of the plain search is as many times the text
  if (needle.size() <= kShort) return text.find(needle, from);
  if (from > text.size() || needle.size() > text.size() - from) return std::string_view::npos;
  // Knuth, Morris and Pratt: fallback[i] is the longest beginning of the needle that ends at i.
  std::vector<uint32_t> fallback(needle.size(), 0);
  for (size_t i = 1, matched = 0; i < needle.size(); ++i) {
    while (matched > 0 && needle[i] != needle[matched]) matched = fallback[matched - 1];
    if (needle[i] == needle[matched]) ++matched;
    fallback[i] = static_cast<uint32_t>(matched);
  }
  for (size_t i = from, matched = 0; i < text.size(); ++i) {
    while (matched > 0 && text[i] != needle[matched]) matched = fallback[matched - 1];
    if (text[i] == needle[matched]) ++matched;
    if (matched == needle.size()) return i + 1 - matched;
  }
  return std::string_view::npos;
}

}  // namespace weft::jinja
