// Filters that make text of a value. Most are methods of strings, applied to str(value).
#include "core/text/jinja/case.h"
#include "core/text/jinja/format.h"
#include "core/text/jinja/functions.h"
#include "core/text/jinja/print.h"
#include "core/text/jinja/replace.h"
#include "core/text/unicode.h"

namespace weft::jinja {
namespace {

Result<Value> string(Machine& machine, const Value& value, const Bound&) {
  if (value.is_string()) return value;
  WEFT_TRY_ASSIGN(Text text, to_str(machine, value));
  return machine.make(std::move(text));
}

Result<Value> by_method(Machine& machine, std::string_view name, const Value& value,
                        const Bound& given) {
  WEFT_TRY_ASSIGN(const Value text, string(machine, value, given));
  return run(machine, *find_function(string_methods(), name), text, given.all());
}

Result<Value> upper(Machine& m, const Value& v, const Bound& g) {
  return by_method(m, "upper", v, g);
}
Result<Value> lower(Machine& m, const Value& v, const Bound& g) {
  return by_method(m, "lower", v, g);
}
Result<Value> trim(Machine& m, const Value& v, const Bound& g) {
  return by_method(m, "strip", v, g);
}
Result<Value> capitalize_(Machine& m, const Value& v, const Bound& g) {
  return by_method(m, "capitalize", v, g);
}
Result<Value> replace_(Machine& m, const Value& v, const Bound& g) {
  return by_method(m, "replace", v, g);
}

Result<Value> title(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Value text, string(machine, value, given));
  WEFT_TRY(machine.spend_bytes(text.as_text().size()));
  return machine.make(title_words(text.as_string()), text.as_text().any_given());
}

Result<Value> center(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Value text, string(machine, value, given));
  WEFT_TRY_ASSIGN(const int64_t width, given.integer(machine, 0, 80));
  return justify(machine, text.as_text(), width, " ", '^');
}

Result<Value> indent(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Value self, string(machine, value, given));
  const Text& text = self.as_text();
  std::string blanks = "    ";
  if (given.has(0) && given[0].is_string()) {
    blanks = given[0].as_string();
  } else if (given.has(0)) {
    WEFT_TRY_ASSIGN(const int64_t width, given.integer(machine, 0, 4));
    if (width > 1000) return machine.limit("blanks of indentation", 1000);
    blanks.assign(static_cast<size_t>(width > 0 ? width : 0), ' ');
  }
  const bool first = given.truthy(1, false), blank_lines = given.truthy(2, false);
  Text out;
  bool start = true;
  for (size_t at = 0; at <= text.size();) {
    const size_t newline = std::min(text.bytes.find('\n', at), text.size());
    if (start ? first : newline > at || blank_lines) out.append(blanks);
    start = false;
    const size_t end = std::min(newline + 1, text.size());
    WEFT_TRY(machine.spend_bytes(end - at + blanks.size()));
    WEFT_TRY(machine.room(out.footprint() + (end - at)));
    out.append(text, at, end);
    if (newline == text.size()) break;
    at = newline + 1;
  }
  return machine.make(std::move(out));
}

Result<Value> escape(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Value text, string(machine, value, given));
  WEFT_TRY(machine.room(text.as_text().size() * 5));
  WEFT_TRY(machine.spend_bytes(text.as_text().size() * 5));
  std::string out;
  for (const char c : text.as_string()) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return machine.make(std::move(out), text.as_text().any_given());
}

Result<Value> urlencode(Machine& machine, const Value& value, const Bound& given) {
  constexpr std::string_view kDigits = "0123456789ABCDEF", kSafe = "_.-~/";
  WEFT_TRY_ASSIGN(const Value text, string(machine, value, given));
  WEFT_TRY(machine.room(text.as_text().size() * 3));
  WEFT_TRY(machine.spend_bytes(text.as_text().size() * 3));
  std::string out;
  for (const char c : text.as_string()) {
    const auto byte = static_cast<uint8_t>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kSafe.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return machine.make(std::move(out), text.as_text().any_given());
}

Result<Value> wordcount(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Value self, string(machine, value, given));
  const std::string& text = self.as_string();
  WEFT_TRY(machine.spend_bytes(text.size()));
  int64_t count = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const uint32_t c = decode_lax(text, at);
    const CharClass kind = char_class(c);
    const bool part = kind == CharClass::kLetter || kind == CharClass::kNumber || c == '_';
    if (part && !inside) ++count;
    inside = part;
  }
  return Value::integer(count);
}

Result<Value> truncate(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Value self, string(machine, value, given));
  const Text& text = self.as_text();
  const Text dots("...");
  WEFT_TRY_ASSIGN(const int64_t length, given.integer(machine, 0, 255));
  const bool kill_words = given.truthy(1, false);
  WEFT_TRY_ASSIGN(const Text* end, given.text(machine, 2, dots));
  WEFT_TRY_ASSIGN(const int64_t leeway, given.integer(machine, 3, 5));
  WEFT_TRY(machine.spend_bytes(text.size()));
  WEFT_TRY(machine.room(text.size() * sizeof(size_t)));
  const std::vector<size_t> starts = char_starts(text.bytes);
  const auto size = static_cast<int64_t>(starts.size()) - 1;
  const auto end_size = static_cast<int64_t>(count_chars(end->bytes));
  if (length < end_size) {
    return machine.error("expected length >= " + std::to_string(end_size) + ", got " +
                         std::to_string(length));
  }
  if (size <= length || size - length <= leeway) return self;
  size_t cut = starts[static_cast<size_t>(length - end_size)];
  if (!kill_words) {
    const size_t blank = std::string_view(text.bytes).substr(0, cut).rfind(' ');
    if (blank != std::string_view::npos) cut = blank;
  }
  Text out = slice(text, 0, cut);
  out.append(*end);
  return machine.make(std::move(out));
}

Result<Value> format_(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Value text, string(machine, value, given));
  const Arguments& all = given.all();
  if (!all.named.empty() && !all.positional.empty()) {
    return machine.error("can't handle positional and keyword arguments at the same time");
  }
  Value values;
  if (all.named.empty()) {
    WEFT_TRY_ASSIGN(values, machine.make(all.positional, ListStyle::kTuple));
  } else {
    Dict dict;
    for (const auto& [name, one] : all.named) dict.set(Value::string(name), one);
    WEFT_TRY_ASSIGN(values, machine.make(std::move(dict)));
  }
  return percent_format(machine, text.as_text(), values);
}

constexpr Function kFilters[] = {
    {"capitalize", capitalize_},
    {"center", center, {"width"}},
    {"e", escape},
    {"escape", escape},
    {"forceescape", escape},
    {"format", format_, {}, 0, true},
    {"indent", indent, {"width", "first", "blank"}},
    {"lower", lower},
    {"replace", replace_, {}, 0, true},
    {"safe", string},
    {"string", string},
    {"title", title},
    {"trim", trim, {}, 0, true},
    {"truncate", truncate, {"length", "killwords", "end", "leeway"}},
    {"upper", upper},
    {"urlencode", urlencode},
    {"wordcount", wordcount},
};

}  // namespace

std::span<const Function> text_filters() { return kFilters; }

}  // namespace weft::jinja
