#include "core/text/jinja/replace.h"

#include <algorithm>

namespace weft::jinja {
namespace {

// Makes a list of stretches of one text.
Result<Value> pieces(Machine& machine, const Text& text, const std::vector<TextRange>& cuts) {
  WEFT_TRY(machine.room(text.footprint() + cuts.size() * (sizeof(Value) + sizeof(String))));
  std::vector<Value> items;
  items.reserve(cuts.size());
  for (const TextRange& cut : cuts) {
    WEFT_TRY_ASSIGN(Value piece, machine.make(slice(text, cut.begin, cut.end)));
    items.push_back(std::move(piece));
  }
  return machine.make(std::move(items));
}

// The places of a separator, one behind the other.
Result<std::vector<size_t>> places(Machine& machine, const Text& text, std::string_view separator,
                                   uint64_t most) {
  // What a search for a long needle prepares is made anew each time.
  WEFT_TRY(machine.spend_bytes(text.size()));
  std::vector<size_t> found;
  for (size_t at = 0; found.size() < most;) {
    at = find(text.bytes, separator, at);
    if (at == std::string::npos) break;
    found.push_back(at);
    at += separator.size();
    WEFT_TRY(machine.spend_bytes(separator.size()));
    WEFT_TRY(machine.room(found.size() * sizeof(size_t)));
  }
  return found;
}

// The same from the end.
Result<std::vector<size_t>> last_places(Machine& machine, const Text& text,
                                        std::string_view separator, uint64_t most) {
  WEFT_TRY(machine.spend_bytes(text.size()));
  std::vector<size_t> found;
  for (size_t end = text.size(); found.size() < most && end >= separator.size();) {
    const size_t at = text.bytes.rfind(separator, end - separator.size());
    // A separator of many bytes may almost be at every place.
    WEFT_TRY(machine.spend_bytes(separator.size() * (separator.size() > 64 ? text.size() : 1)));
    if (at == std::string::npos) break;
    found.push_back(at);
    end = at;
    WEFT_TRY(machine.room(found.size() * sizeof(size_t)));
  }
  std::ranges::reverse(found);
  return found;
}

uint64_t cuts_of(int64_t most) { return most < 0 ? UINT64_MAX : static_cast<uint64_t>(most); }

}  // namespace

Result<Text> replaced(Machine& machine, const Text& text, const Text& from, const Text& to,
                      int64_t most) {
  std::vector<size_t> found;
  if (from.bytes.empty()) {
    // Between all characters, and at both ends.
    WEFT_TRY(machine.spend_bytes(text.size()));
    WEFT_TRY(machine.room(text.size() * sizeof(size_t)));
    found = char_starts(text.bytes);
    if (found.size() > cuts_of(most)) found.resize(cuts_of(most));
  } else {
    WEFT_TRY_ASSIGN(found, places(machine, text, from.bytes, cuts_of(most)));
  }
  if (to.footprint() > 0 && found.size() > machine.limits().value_bytes / to.footprint()) {
    return machine.limit("bytes of values", machine.limits().value_bytes);
  }
  const size_t size = text.footprint() + found.size() * to.footprint();
  WEFT_TRY(machine.room(size));
  WEFT_TRY(machine.spend_bytes(size));
  Text out;
  size_t at = 0;
  for (const size_t place : found) {
    out.append(text, at, place);
    out.append(to);
    at = place + from.size();
  }
  out.append(text, at, text.size());
  return out;
}

Result<Value> split_at(Machine& machine, const Text& text, std::string_view separator, int64_t most,
                       bool last) {
  if (separator.empty()) return machine.error("empty separator");
  WEFT_TRY_ASSIGN(const std::vector<size_t> found,
                  last ? last_places(machine, text, separator, cuts_of(most))
                       : places(machine, text, separator, cuts_of(most)));
  std::vector<TextRange> cuts;
  size_t at = 0;
  for (const size_t place : found) {
    cuts.push_back({at, place});
    at = place + separator.size();
  }
  cuts.push_back({at, text.size()});
  return pieces(machine, text, cuts);
}

Result<Value> split_words(Machine& machine, const Text& text, int64_t most, bool last) {
  WEFT_TRY(machine.spend_bytes(text.size()));
  WEFT_TRY(machine.room(text.size() * sizeof(TextRange)));
  std::vector<TextRange> words;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const size_t end = char_end(text.bytes, at);
    if (is_space(code_point(std::string_view(text.bytes).substr(at, end - at)))) {
      in_word = false;
    } else if (in_word) {
      words.back().end = end;
    } else {
      words.push_back({at, end});
      in_word = true;
    }
    at = end;
  }
  // What is not cut is one piece, from its first word on (or up to its last).
  const uint64_t kept = cuts_of(most);
  if (words.size() > 0 && words.size() - 1 >= kept) {
    if (last) {
      const size_t uncut = words.size() - kept;
      words[uncut - 1].begin = 0;  // white space at the start of what is not cut stays
      words.erase(words.begin(), words.begin() + static_cast<ptrdiff_t>(uncut - 1));
    } else {
      words[kept].end = text.size();
      words.resize(kept + 1);
    }
  }
  return pieces(machine, text, words);
}

Result<Value> split_lines(Machine& machine, const Text& text, bool keep_ends) {
  WEFT_TRY(machine.spend_bytes(text.size()));
  WEFT_TRY(machine.room(text.size() * sizeof(TextRange)));
  std::vector<TextRange> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = char_end(text.bytes, at);
    const uint32_t c = code_point(std::string_view(text.bytes).substr(at, end - at));
    const bool breaks = (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 ||
                        c == 0x2028 || c == 0x2029;
    if (breaks) {
      if (c == '\r' && end < text.size() && text.bytes[end] == '\n') ++end;
      lines.push_back({begin, keep_ends ? end : at});
      begin = end;
    }
    at = end;
  }
  if (begin < text.size()) lines.push_back({begin, text.size()});
  return pieces(machine, text, lines);
}

Result<Value> justify(Machine& machine, const Text& text, int64_t width, std::string_view fill,
                      char align) {
  WEFT_TRY(machine.spend_bytes(text.size()));
  const auto size = static_cast<int64_t>(count_chars(text.bytes));
  const auto missing = static_cast<size_t>(width > size ? width - size : 0);
  if (missing > machine.limits().value_bytes / fill.size()) {
    return machine.limit("bytes of values", machine.limits().value_bytes);
  }
  WEFT_TRY(machine.room(text.footprint() + missing * fill.size()));
  WEFT_TRY(machine.spend_bytes(missing * fill.size()));
  // Python's rule for where the odd one goes.
  const size_t before = align == '<'   ? 0
                        : align == '>' ? missing
                                       : missing / 2 + (missing & static_cast<size_t>(width) & 1);
  Text out;
  for (size_t i = 0; i < before; ++i) out.append(fill);
  out.append(text);
  for (size_t i = before; i < missing; ++i) out.append(fill);
  return machine.make(std::move(out));
}

}  // namespace weft::jinja
