// Methods of strings. Where the result is made of pieces of the string, what came from a message
// stays marked piece by piece; else all of it is marked where any of it was.
#include <algorithm>

#include "core/text/jinja/case.h"
#include "core/text/jinja/format.h"
#include "core/text/jinja/functions.h"
#include "core/text/jinja/replace.h"
#include "core/text/unicode.h"

namespace weft::jinja {
namespace {

const Text kNothing;

Result<Value> mapped(Machine& machine, const Value& self, std::string (*map)(std::string_view)) {
  WEFT_TRY(machine.spend_bytes(self.as_text().size()));
  return machine.make(map(self.as_string()), self.as_text().any_given());
}

Result<Value> upper(Machine& m, const Value& self, const Bound&) {
  return mapped(m, self, to_upper);
}
Result<Value> lower(Machine& m, const Value& self, const Bound&) {
  return mapped(m, self, to_lower);
}
Result<Value> title(Machine& m, const Value& self, const Bound&) {
  return mapped(m, self, title_letters);
}
Result<Value> capitalize_(Machine& m, const Value& self, const Bound&) {
  return mapped(m, self, capitalize);
}
Result<Value> swapcase(Machine& m, const Value& self, const Bound&) {
  return mapped(m, self, swap_case);
}

// Without characters of the set at its ends; without a set, white space.
Result<Value> trimmed(Machine& machine, const Value& self, const Bound& given, bool left,
                      bool right) {
  const Text& text = self.as_text();
  WEFT_TRY(machine.spend_bytes(text.size()));
  if (!given.has(0) || given[0].is_none()) {
    const Trimmed kept = trim_spaces(text.bytes, left, right);
    return machine.make(slice(text, kept.begin, kept.end));
  }
  WEFT_TRY_ASSIGN(const Text* set, given.text(machine, 0, kNothing));
  WEFT_TRY(machine.room(text.size() * sizeof(size_t)));
  const std::vector<size_t> starts = char_starts(text.bytes);
  size_t first = 0, last = starts.size() - 1;
  const auto in_set = [&](size_t i) {
    const std::string_view character =
        std::string_view(text.bytes).substr(starts[i], starts[i + 1] - starts[i]);
    return set->bytes.find(character) != std::string::npos;
  };
  // Each look may go through the whole set.
  const auto trim = [&](auto more, auto step) -> Result<void> {
    while (first < last && more()) {
      WEFT_TRY(machine.spend_bytes(set->size()));
      step();
    }
    return {};
  };
  if (left) WEFT_TRY(trim([&] { return in_set(first); }, [&] { ++first; }));
  if (right) WEFT_TRY(trim([&] { return in_set(last - 1); }, [&] { --last; }));
  return machine.make(slice(text, starts[first], starts[last]));
}

Result<Value> strip(Machine& m, const Value& s, const Bound& g) {
  return trimmed(m, s, g, true, true);
}
Result<Value> lstrip(Machine& m, const Value& s, const Bound& g) {
  return trimmed(m, s, g, true, false);
}
Result<Value> rstrip(Machine& m, const Value& s, const Bound& g) {
  return trimmed(m, s, g, false, true);
}

// Whether the string starts (or ends) with the argument, or with one of a tuple of them.
Result<Value> has_affix(Machine& machine, const Value& self, const Bound& given, bool at_start) {
  std::vector<Value> wanted = {given[0]};
  if (given[0].is_list() && given[0].as_list().style == ListStyle::kTuple) {
    wanted = given[0].as_list().items;
  }
  std::string_view text = self.as_string();
  if (given.has(1)) {
    WEFT_TRY_ASSIGN(const int64_t from, given.integer(machine, 1, 0));
    WEFT_TRY_ASSIGN(const Value rest,
                    get_slice(machine, self, Value::integer(from), Value(), Value()));
    for (const Value& one : wanted) {
      if (!one.is_string()) continue;
      const std::string& part = rest.as_string();
      if (at_start ? part.starts_with(one.as_string()) : part.ends_with(one.as_string())) {
        return Value::boolean(true);
      }
    }
    return Value::boolean(false);
  }
  for (const Value& one : wanted) {
    WEFT_TRY(need_defined(machine, one));
    if (!one.is_string()) {
      return machine.error(std::string(at_start ? "startswith" : "endswith") +
                           " first arg must be str or a tuple of str, not " +
                           std::string(one.type_name()));
    }
    WEFT_TRY(machine.spend_bytes(one.as_text().size()));
    if (at_start ? text.starts_with(one.as_string()) : text.ends_with(one.as_string())) {
      return Value::boolean(true);
    }
  }
  return Value::boolean(false);
}

Result<Value> startswith(Machine& m, const Value& s, const Bound& g) {
  return has_affix(m, s, g, true);
}
Result<Value> endswith(Machine& m, const Value& s, const Bound& g) {
  return has_affix(m, s, g, false);
}

Result<Value> remove_affix(Machine& machine, const Value& self, const Bound& given, bool prefix) {
  WEFT_TRY_ASSIGN(const Text* affix, given.text(machine, 0, kNothing));
  const Text& text = self.as_text();
  const std::string& bytes = text.bytes;
  const bool found = prefix ? bytes.starts_with(affix->bytes) : bytes.ends_with(affix->bytes);
  if (!found) return self;
  return machine.make(prefix ? slice(text, affix->size(), text.size())
                             : slice(text, 0, text.size() - affix->size()));
}

Result<Value> removeprefix(Machine& m, const Value& s, const Bound& g) {
  return remove_affix(m, s, g, true);
}
Result<Value> removesuffix(Machine& m, const Value& s, const Bound& g) {
  return remove_affix(m, s, g, false);
}

Result<Value> replace_(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const Text* from, given.text(machine, 0, kNothing));
  WEFT_TRY_ASSIGN(const Text* to, given.text(machine, 1, kNothing));
  WEFT_TRY_ASSIGN(const int64_t most, given.integer(machine, 2, -1));
  WEFT_TRY_ASSIGN(Text text, replaced(machine, self.as_text(), *from, *to, most));
  return machine.make(std::move(text));
}

Result<Value> split(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const int64_t most, given.integer(machine, 1, -1));
  if (!given.has(0) || given[0].is_none()) return split_words(machine, self.as_text(), most, false);
  WEFT_TRY_ASSIGN(const Text* separator, given.text(machine, 0, kNothing));
  return split_at(machine, self.as_text(), separator->bytes, most, false);
}

Result<Value> rsplit(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const int64_t most, given.integer(machine, 1, -1));
  if (!given.has(0) || given[0].is_none()) return split_words(machine, self.as_text(), most, true);
  WEFT_TRY_ASSIGN(const Text* separator, given.text(machine, 0, kNothing));
  return split_at(machine, self.as_text(), separator->bytes, most, true);
}

Result<Value> splitlines(Machine& machine, const Value& self, const Bound& given) {
  return split_lines(machine, self.as_text(), given.truthy(0, false));
}

Result<Value> partition_(Machine& machine, const Value& self, const Bound& given, bool last) {
  WEFT_TRY_ASSIGN(const Text* separator, given.text(machine, 0, kNothing));
  if (separator->bytes.empty()) return machine.error("empty separator");
  WEFT_TRY_ASSIGN(const Value parts, split_at(machine, self.as_text(), separator->bytes, 1, last));
  std::vector<Value> three = parts.as_list().items;
  if (three.size() == 2) {
    three.insert(three.begin() + 1, given[0]);
  } else {
    three.insert(last ? three.begin() : three.end(), 2, Value::string(""));
  }
  return machine.make(std::move(three), ListStyle::kTuple);
}

Result<Value> partition(Machine& m, const Value& s, const Bound& g) {
  return partition_(m, s, g, false);
}
Result<Value> rpartition(Machine& m, const Value& s, const Bound& g) {
  return partition_(m, s, g, true);
}

Result<Value> join(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, given[0]));
  const std::vector<Value>& items = list->items;
  Text out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_string()) {
      WEFT_TRY(need_defined(machine, items[i]));
      return machine.error("sequence item " + std::to_string(i) + ": expected str instance, " +
                           std::string(items[i].type_name()) + " found");
    }
    const size_t more = items[i].as_text().footprint() + self.as_text().footprint();
    WEFT_TRY(machine.room(out.footprint() + more));
    WEFT_TRY(machine.spend_bytes(more));
    if (i > 0) out.append(self.as_text());
    out.append(items[i].as_text());
  }
  return machine.make(std::move(out));
}

Result<Value> format_(Machine& machine, const Value& self, const Bound& given) {
  return brace_format(machine, self.as_text(), given.all());
}

// The character at which the argument stands first or last, from `start` on; -1: nowhere.
Result<int64_t> place(Machine& machine, const Value& self, const Bound& given, bool last) {
  WEFT_TRY_ASSIGN(const Text* wanted, given.text(machine, 0, kNothing));
  const std::string& text = self.as_string();
  WEFT_TRY(machine.spend_bytes(2 * text.size() + wanted->size()));
  WEFT_TRY_ASSIGN(const int64_t start, given.integer(machine, 1, 0));
  size_t from = 0;
  for (int64_t i = 0; i < start && from < text.size(); ++i) from = char_end(text, from);
  size_t at = jinja::find(text, wanted->bytes, from);
  if (last && at != std::string::npos) {
    for (size_t next = at; next != std::string::npos;
         next = jinja::find(text, wanted->bytes, at + 1)) {
      WEFT_TRY(machine.spend_bytes(text.size() - next));
      at = next;
    }
  }
  if (at == std::string::npos) return -1;
  return static_cast<int64_t>(count_chars(std::string_view(text).substr(0, at)));
}

Result<Value> find_(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const int64_t at, place(machine, self, given, false));
  return Value::integer(at);
}
Result<Value> rfind(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const int64_t at, place(machine, self, given, true));
  return Value::integer(at);
}
Result<Value> index(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const int64_t at, place(machine, self, given, false));
  if (at < 0) return machine.error("substring not found");
  return Value::integer(at);
}
Result<Value> rindex(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const int64_t at, place(machine, self, given, true));
  if (at < 0) return machine.error("substring not found");
  return Value::integer(at);
}

Result<Value> count(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const Text* wanted, given.text(machine, 0, kNothing));
  const std::string& text = self.as_string();
  WEFT_TRY(machine.spend_bytes(2 * text.size() + wanted->size()));
  if (wanted->bytes.empty()) {
    return Value::integer(static_cast<int64_t>(count_chars(text)) + 1);
  }
  WEFT_TRY_ASSIGN(const Value parts, split_at(machine, self.as_text(), wanted->bytes, -1, false));
  return Value::integer(static_cast<int64_t>(parts.as_list().items.size()) - 1);
}

// In a width, with a character (a blank) around it.
Result<Value> justified(Machine& machine, const Value& self, const Bound& given, char align) {
  WEFT_TRY_ASSIGN(const int64_t width, given.integer(machine, 0, 0));
  const Text blank(" ");
  WEFT_TRY_ASSIGN(const Text* fill, given.text(machine, 1, blank));
  if (count_chars(fill->bytes) != 1) {
    return machine.error("The fill character must be exactly one character long");
  }
  return justify(machine, self.as_text(), width, fill->bytes, align);
}
Result<Value> ljust(Machine& m, const Value& s, const Bound& g) { return justified(m, s, g, '<'); }
Result<Value> rjust(Machine& m, const Value& s, const Bound& g) { return justified(m, s, g, '>'); }
Result<Value> center(Machine& m, const Value& s, const Bound& g) { return justified(m, s, g, '^'); }

Result<Value> zfill(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const int64_t width, given.integer(machine, 0, 0));
  const Text& text = self.as_text();
  const bool sign = text.bytes.starts_with('-') || text.bytes.starts_with('+');
  WEFT_TRY_ASSIGN(const Value digits, justify(machine, slice(text, sign ? 1 : 0, text.size()),
                                              width - (sign ? 1 : 0), "0", '>'));
  Text out = slice(text, 0, sign ? 1 : 0);
  out.append(digits.as_text());
  return machine.make(std::move(out));
}

Result<Value> expandtabs(Machine& machine, const Value& self, const Bound& given) {
  WEFT_TRY_ASSIGN(const int64_t size, given.integer(machine, 0, 8));
  const Text& text = self.as_text();
  if (size > 1000) return machine.limit("blanks for a tab", 1000);
  WEFT_TRY(machine.spend_bytes(text.size()));
  Text out;
  int64_t column = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = char_end(text.bytes, at);
    const char c = text.bytes[at];
    if (c == '\t') {
      const int64_t blanks = size > 0 ? size - column % size : 0;
      WEFT_TRY(machine.room(out.size() + static_cast<size_t>(blanks)));
      out.append(std::string(static_cast<size_t>(blanks), ' '));
      column += blanks;
    } else {
      out.append(text, at, end);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
    at = end;
  }
  return machine.make(std::move(out));
}

// Whether there are characters, and all of them are such.
Result<Value> all_are(Machine& machine, const Value& self, bool (*such)(uint32_t)) {
  const std::string& text = self.as_string();
  WEFT_TRY(machine.spend_bytes(text.size()));
  for (size_t at = 0; at < text.size();) {
    if (!such(decode_lax(text, at))) return Value::boolean(false);
  }
  return Value::boolean(!text.empty());
}

bool digit(uint32_t c) {
  return c < 0x80 ? c >= '0' && c <= '9' : char_class(c) == CharClass::kNumber;
}
bool letter(uint32_t c) { return char_class(c) == CharClass::kLetter; }

Result<Value> isalpha(Machine& m, const Value& s, const Bound&) { return all_are(m, s, letter); }
Result<Value> isdigit(Machine& m, const Value& s, const Bound&) { return all_are(m, s, digit); }
Result<Value> isspace(Machine& m, const Value& s, const Bound&) { return all_are(m, s, is_space); }
Result<Value> isalnum(Machine& m, const Value& s, const Bound&) {
  return all_are(m, s, [](uint32_t c) { return letter(c) || digit(c); });
}
Result<Value> isascii(Machine&, const Value& self, const Bound&) {
  return Value::boolean(is_ascii(self.as_string()));
}

// Whether there are letters of that case, and none of the other.
Result<Value> in_case(Machine& machine, const Value& self, bool (*wanted)(uint32_t)) {
  const std::string& text = self.as_string();
  WEFT_TRY(machine.spend_bytes(text.size()));
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const uint32_t c = decode_lax(text, at);
    if (!is_cased(c)) continue;
    if (!wanted(c)) return Value::boolean(false);
    any = true;
  }
  return Value::boolean(any);
}
Result<Value> isupper(Machine& m, const Value& s, const Bound&) { return in_case(m, s, is_upper); }
Result<Value> islower(Machine& m, const Value& s, const Bound&) { return in_case(m, s, is_lower); }

Result<Value> istitle(Machine& machine, const Value& self, const Bound&) {
  WEFT_TRY(machine.spend_bytes(self.as_text().size()));
  const std::string& text = self.as_string();
  bool cased = false;
  for (size_t at = 0; at < text.size() && !cased;) cased = is_cased(decode_lax(text, at));
  return Value::boolean(cased && title_letters(text) == text);
}

constexpr Function kMethods[] = {
    {"capitalize", capitalize_},
    {"casefold", lower},
    {"center", center, {"width", "fillchar"}, 1},
    {"count", count, {"sub"}, 1},
    {"endswith", endswith, {"suffix", "start"}, 1},
    {"expandtabs", expandtabs, {"tabsize"}},
    {"find", find_, {"sub", "start"}, 1},
    {"format", format_, {}, 0, true},
    {"index", index, {"sub", "start"}, 1},
    {"isalnum", isalnum},
    {"isalpha", isalpha},
    {"isascii", isascii},
    {"isdecimal", isdigit},
    {"isdigit", isdigit},
    {"islower", islower},
    {"isnumeric", isdigit},
    {"isspace", isspace},
    {"istitle", istitle},
    {"isupper", isupper},
    {"join", join, {"iterable"}, 1},
    {"ljust", ljust, {"width", "fillchar"}, 1},
    {"lower", lower},
    {"lstrip", lstrip, {"chars"}},
    {"partition", partition, {"sep"}, 1},
    {"removeprefix", removeprefix, {"prefix"}, 1},
    {"removesuffix", removesuffix, {"suffix"}, 1},
    {"replace", replace_, {"old", "new", "count"}, 2},
    {"rfind", rfind, {"sub", "start"}, 1},
    {"rindex", rindex, {"sub", "start"}, 1},
    {"rjust", rjust, {"width", "fillchar"}, 1},
    {"rpartition", rpartition, {"sep"}, 1},
    {"rsplit", rsplit, {"sep", "maxsplit"}},
    {"rstrip", rstrip, {"chars"}},
    {"split", split, {"sep", "maxsplit"}},
    {"splitlines", splitlines, {"keepends"}},
    {"startswith", startswith, {"prefix", "start"}, 1},
    {"strip", strip, {"chars"}},
    {"swapcase", swapcase},
    {"title", title},
    {"upper", upper},
    {"zfill", zfill, {"width"}, 1},
};

}  // namespace

std::span<const Function> string_methods() { return kMethods; }

}  // namespace weft::jinja
