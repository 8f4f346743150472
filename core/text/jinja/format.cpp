#include "core/text/jinja/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/text/jinja/print.h"

namespace weft::jinja {
namespace {

// How one value is laid out; the mini-language of both ways has these.
struct Layout {
  std::string fill = " ";
  char align = 0;  // < > ^, or = for zeros behind the sign; 0: as the kind of value has it
  char sign = '-';
  bool alternate = false, commas = false;
  int64_t width = 0, precision = -1;
  char type = 0;
};

constexpr int64_t kMostPrecision = 100;

std::string with_commas(const std::string& digits) {
  const size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
  std::string out;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out + digits.substr(whole);
}

// The digits of a number without its sign.
std::string float_digits(double value, const Layout& layout) {
  if (std::isinf(value)) return "inf";
  if (std::isnan(value)) return "nan";
  const char type = layout.type == 0 ? 'g' : layout.type;
  if (layout.type == 0 && layout.precision < 0) return float_repr(std::abs(value));
  int precision = static_cast<int>(layout.precision < 0 ? 6 : layout.precision);
  std::array<char, 512> buffer;  // 309 digits before the point, 100 behind it
  const auto lower = static_cast<char>(type | 0x20);
  const auto format = lower == 'e'   ? std::chars_format::scientific
                      : lower == 'g' ? std::chars_format::general
                                     : std::chars_format::fixed;
  if (lower == 'g' && precision == 0) precision = 1;
  const double shown = type == '%' ? std::abs(value) * 100 : std::abs(value);
  const auto written =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), shown, format, precision);
  std::string digits(buffer.data(), written.ptr);
  if (type == '%') digits += '%';
  return digits;
}

std::string integer_digits(uint64_t value, char type) {
  const int base = type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  std::array<char, 65> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, base);
  std::string digits(buffer.data(), written.ptr);
  if (type == 'X')
    std::ranges::transform(digits, digits.begin(), [](char c) {
      return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
    });
  return digits;
}

// Appends the text in its width.
Result<void> pad(Machine& machine, Text& out, const Layout& layout, const Text& text,
                 std::string_view sign, char align) {
  const auto size = static_cast<int64_t>(count_chars(text.bytes) + sign.size());
  const auto missing = static_cast<size_t>(std::max<int64_t>(layout.width - size, 0));
  if (missing > machine.limits().value_bytes) {
    return machine.limit("bytes of values", machine.limits().value_bytes);
  }
  WEFT_TRY(machine.room(out.size() + text.size() + missing * layout.fill.size()));
  WEFT_TRY(machine.spend_bytes(text.size() + missing * layout.fill.size()));
  const size_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  const auto fill = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) out.append(layout.fill);
  };
  if (align == '=') out.append(sign);
  fill(before);
  if (align != '=') out.append(sign);
  out.append(text);
  fill(missing - before);
  return {};
}

Result<void> lay_out(Machine& machine, Text& out, const Value& value, const Layout& layout) {
  const auto wrong = [&] {
    return machine.error(std::string("Unknown format code '") + layout.type +
                         "' for object of type '" + std::string(value.type_name()) + "'");
  };
  if (layout.precision > kMostPrecision) {
    return machine.limit("digits of precision", kMostPrecision);
  }
  const bool text_type = layout.type == 's' || layout.type == 0;
  if (!value.is_number() || layout.type == 's' ||
      (value.is(Value::Kind::kBool) && layout.type == 0)) {
    if (!text_type) return wrong();
    WEFT_TRY_ASSIGN(Text text, to_str(machine, value));
    if (layout.precision >= 0) {
      size_t end = 0;
      for (int64_t i = 0; i < layout.precision && end < text.size(); ++i) {
        end = char_end(text.bytes, end);
      }
      text = slice(text, 0, end);
    }
    return pad(machine, out, layout, text, "", layout.align ? layout.align : '<');
  }
  bool negative = false;
  std::string digits;
  const bool as_float = std::string_view("eEfFgG%").find(layout.type) != std::string_view::npos;
  if (value.is(Value::Kind::kFloat) || (layout.type != 0 && as_float)) {
    if (layout.type != 0 && !as_float) return wrong();
    negative = std::signbit(value.as_float()) && !std::isnan(value.as_float());
    digits = float_digits(value.as_float(), layout);
  } else {
    if (std::string_view("dxXobnc").find(layout.type) == std::string_view::npos &&
        layout.type != 0) {
      return wrong();
    }
    const int64_t integer = value.as_int();
    negative = integer < 0;
    const auto bits = static_cast<uint64_t>(integer);
    digits = integer_digits(negative ? uint64_t{0} - bits : bits, layout.type);
    if (layout.alternate && layout.type != 'd' && layout.type != 0) {
      digits = std::string("0") + layout.type + digits;
    }
  }
  if (layout.commas) digits = with_commas(digits);
  std::string sign;
  if (negative) {
    sign = "-";
  } else if (layout.sign != '-') {
    sign = std::string(1, layout.sign);
  }
  return pad(machine, out, layout, Text(digits), sign, layout.align ? layout.align : '>');
}

// The number at text[at], and behind it; none: nullopt.
std::optional<int64_t> read_number(std::string_view text, size_t& at) {
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data() + at, text.data() + text.size(), value);
  if (parsed.ptr == text.data() + at || value < 0) return std::nullopt;
  at = static_cast<size_t>(parsed.ptr - text.data());
  // Too large to be read is too large to be made.
  return parsed.ec == std::errc{} ? value : INT64_MAX;
}

// [[fill]align][sign][#][0][width][,][.precision][type]
Result<Layout> parse_layout(Machine& machine, std::string_view spec) {
  Layout layout;
  size_t at = 0;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  if (!spec.empty()) {
    const size_t end = char_end(spec, 0);
    if (end < spec.size() && is_align(spec[end])) {
      layout.fill = spec.substr(0, end);
      layout.align = spec[end];
      at = end + 1;
    } else if (is_align(spec[0])) {
      layout.align = spec[0];
      at = 1;
    }
  }
  if (at < spec.size() && (spec[at] == '+' || spec[at] == '-' || spec[at] == ' ')) {
    layout.sign = spec[at++];
  }
  if (at < spec.size() && spec[at] == '#') layout.alternate = ++at > 0;
  if (at < spec.size() && spec[at] == '0') {
    ++at;
    if (!layout.align) {
      layout.fill = "0";
      layout.align = '=';
    }
  }
  if (const auto width = read_number(spec, at)) layout.width = *width;
  if (at < spec.size() && (spec[at] == ',' || spec[at] == '_')) layout.commas = spec[at++] == ',';
  if (at < spec.size() && spec[at] == '.') {
    ++at;
    const auto precision = read_number(spec, at);
    if (!precision) return machine.error("Format specifier missing precision");
    layout.precision = *precision;
  }
  if (at < spec.size()) layout.type = spec[at++];
  if (at != spec.size()) {
    return machine.error("Invalid format specifier '" + std::string(spec.substr(0, 40)) + "'");
  }
  return layout;
}

// Hands the values of a % out, in turn or by name.
class PercentValues {
 public:
  PercentValues(Machine& machine, const Value& values) : machine_(machine), values_(values) {
    if (values.is_list() && values.as_list().style == ListStyle::kTuple) {
      items_ = values.as_list().items;
    } else {
      items_ = {values};
    }
  }

  Result<Value> next() {
    if (used_ == items_.size()) return machine_.error("not enough arguments for format string");
    return items_[used_++];
  }

  Result<Value> named(std::string_view name) {
    by_name_ = true;
    if (!values_.is_dict()) return machine_.error("format requires a mapping");
    if (const Value* found = values_.as_dict().find(name)) return *found;
    return machine_.error("'" + std::string(name) + "'");
  }

  // Of what could have been asked by name, nothing needs to be used.
  bool all_used() const {
    const bool tuple = values_.is_list() && values_.as_list().style == ListStyle::kTuple;
    return by_name_ || used_ == items_.size() || values_.is_dict() || values_.is_undefined() ||
           (values_.is_list() && !tuple);
  }

 private:
  Machine& machine_;
  const Value& values_;
  std::vector<Value> items_;
  size_t used_ = 0;
  bool by_name_ = false;
};

// One conversion behind a '%': [(name)][flags][width][.precision]type.
Result<void> convert(Machine& machine, Text& out, std::string_view pattern, size_t& at,
                     PercentValues& values) {
  const auto incomplete = [&] { return machine.error("incomplete format"); };
  std::optional<Value> value;
  if (at < pattern.size() && pattern[at] == '(') {
    const size_t close = pattern.find(')', at);
    if (close == std::string_view::npos) return machine.error("incomplete format key");
    WEFT_TRY_ASSIGN(value, values.named(pattern.substr(at + 1, close - at - 1)));
    at = close + 1;
  }
  Layout layout;
  bool left = false, zeros = false;
  for (; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '-')
      left = true;
    else if (c == '0')
      zeros = true;
    else if (c == '+')
      layout.sign = '+';
    else if (c == ' ')
      layout.sign = layout.sign == '+' ? '+' : ' ';
    else if (c == '#')
      layout.alternate = true;
    else
      break;
  }
  if (const auto width = read_number(pattern, at)) layout.width = *width;
  if (at < pattern.size() && pattern[at] == '.') {
    ++at;
    layout.precision = read_number(pattern, at).value_or(0);
  }
  if (at >= pattern.size()) return incomplete();
  char type = pattern[at++];
  if (!value) {
    WEFT_TRY_ASSIGN(value, values.next());
  }
  layout.align = left ? '<' : '>';
  if (type == 's' || type == 'r') {
    Text text;
    if (type == 's') {
      WEFT_TRY(append_str(machine, text, *value));
    } else {
      WEFT_TRY(append_repr(machine, text, *value));
    }
    layout.type = 's';
    WEFT_TRY_ASSIGN(const Value shown, machine.make(std::move(text)));
    return lay_out(machine, out, shown, layout);
  }
  if (std::string_view("diuxXofFeEgG").find(type) == std::string_view::npos) {
    return machine.error(std::string("unsupported format character '") + type + "'");
  }
  WEFT_TRY(need_defined(machine, *value));
  if (!value->is_number()) {
    return machine.error(std::string("%") + type + " format: a number is required, not " +
                         std::string(value->type_name()));
  }
  if (zeros && !left) {
    layout.fill = "0";
    layout.align = '=';
  }
  const bool whole = std::string_view("diuxXo").find(type) != std::string_view::npos;
  layout.type = type == 'i' || type == 'u' ? 'd' : type;
  if (whole && value->is(Value::Kind::kFloat)) {
    const double truncated = std::trunc(value->as_float());
    if (!(std::abs(truncated) < 9.2e18)) return machine.error("a number of 64 bits is required");
    return lay_out(machine, out, Value::integer(static_cast<int64_t>(truncated)), layout);
  }
  return lay_out(machine, out, whole ? Value::integer(value->as_int()) : *value, layout);
}

// The value that a field names: a place or a name, then ".attribute" and "[item]".
Result<Value> field_value(Machine& machine, std::string_view field, size_t& automatic,
                          const Arguments& arguments) {
  size_t at = std::min(field.find_first_of(".["), field.size());
  const std::string_view first = field.substr(0, at);
  Value value;
  size_t end = 0;
  std::optional<int64_t> place = read_number(first, end);
  if (first.empty()) place = static_cast<int64_t>(automatic++);
  if (place && (first.empty() || end == first.size())) {
    if (*place >= static_cast<int64_t>(arguments.positional.size())) {
      return machine.error("Replacement index " + std::to_string(*place) +
                           " out of range for positional args tuple");
    }
    value = arguments.positional[static_cast<size_t>(*place)];
  } else {
    const auto named = std::ranges::find(
        arguments.named, first, [](const auto& pair) { return std::string_view(pair.first); });
    if (named == arguments.named.end()) return machine.error("'" + std::string(first) + "'");
    value = named->second;
  }
  while (at < field.size()) {
    if (field[at] == '.') {
      const size_t stop = std::min(field.find_first_of(".[", at + 1), field.size());
      WEFT_TRY_ASSIGN(value, get_attribute(machine, value, field.substr(at + 1, stop - at - 1)));
      at = stop;
    } else {
      const size_t close = field.find(']', at);
      if (close == std::string_view::npos) return machine.error("Missing ']' in format string");
      const std::string_view key = field.substr(at + 1, close - at - 1);
      size_t key_end = 0;
      const auto number = read_number(key, key_end);
      const Value index = number && key_end == key.size() ? Value::integer(*number)
                                                          : Value::string(std::string(key));
      WEFT_TRY_ASSIGN(value, get_item(machine, value, index));
      at = close + 1;
    }
  }
  return value;
}

}  // namespace

Result<Value> percent_format(Machine& machine, const Text& pattern, const Value& values) {
  WEFT_TRY(machine.spend_bytes(pattern.size()));
  const std::string_view bytes = pattern.bytes;
  PercentValues given(machine, values);
  Text out;
  for (size_t at = 0; at < bytes.size();) {
    const size_t percent = std::min(bytes.find('%', at), bytes.size());
    out.append(pattern, at, percent);
    at = percent + 1;
    if (percent == bytes.size()) break;
    if (at < bytes.size() && bytes[at] == '%') {
      out.append("%");
      ++at;
      continue;
    }
    WEFT_TRY(machine.spend(1));
    WEFT_TRY(convert(machine, out, bytes, at, given));
    WEFT_TRY(machine.room(out.size()));
  }
  if (!given.all_used()) {
    return machine.error("not all arguments converted during string formatting");
  }
  return machine.make(std::move(out));
}

Result<Value> brace_format(Machine& machine, const Text& pattern, const Arguments& arguments) {
  WEFT_TRY(machine.spend_bytes(pattern.size()));
  const std::string_view bytes = pattern.bytes;
  size_t automatic = 0;
  Text out;
  for (size_t at = 0; at < bytes.size();) {
    const size_t brace = std::min(bytes.find_first_of("{}", at), bytes.size());
    out.append(pattern, at, brace);
    at = brace + 1;
    if (brace == bytes.size()) break;
    if (at < bytes.size() && bytes[at] == bytes[brace]) {
      out.append(pattern, brace, at);
      ++at;
      continue;
    }
    if (bytes[brace] == '}') return machine.error("Single '}' encountered in format string");
    const size_t close = bytes.find('}', at);
    if (close == std::string_view::npos) {
      return machine.error("expected '}' before end of string");
    }
    std::string_view field = bytes.substr(at, close - at);
    at = close + 1;
    const size_t colon = std::min(field.find(':'), field.size());
    const std::string_view spec = colon < field.size() ? field.substr(colon + 1) : "";
    field = field.substr(0, colon);
    bool repr = false;
    if (field.ends_with("!r") || field.ends_with("!s")) {
      repr = field.ends_with('r');
      field.remove_suffix(2);
    }
    WEFT_TRY(machine.spend(1));
    WEFT_TRY_ASSIGN(Value value, field_value(machine, field, automatic, arguments));
    if (repr) {
      Text shown;
      WEFT_TRY(append_repr(machine, shown, value));
      WEFT_TRY_ASSIGN(value, machine.make(std::move(shown)));
    }
    WEFT_TRY_ASSIGN(const Layout layout, parse_layout(machine, spec));
    WEFT_TRY(lay_out(machine, out, value, layout));
    WEFT_TRY(machine.room(out.size()));
  }
  return machine.make(std::move(out));
}

}  // namespace weft::jinja
