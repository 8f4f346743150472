#include "core/text/jinja/print.h"

#include <array>
#include <charconv>
#include <cmath>

#include "core/text/unicode.h"

namespace weft::jinja {
namespace {

std::string hex_escape(char letter, uint32_t value, int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = {'\\', letter};
  for (int i = digits - 1; i >= 0; --i) out += kDigits[(value >> (4 * i)) & 15];
  return out;
}

// What Python's repr escapes beside control characters: what no font shows.
bool printable(uint32_t c) {
  if (c == ' ') return true;
  const CharClass kind = char_class(c);
  return kind != CharClass::kOther && kind != CharClass::kSpace;
}

}  // namespace

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 40> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                                     std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<size_t>(written.ptr - buffer.data()));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, e));
  if (digits.size() > 1) digits.erase(1, 1);  // the point
  int exponent = 0;
  const char* from = text.data() + e + 1 + (text[e + 1] == '+' ? 1 : 0);
  std::from_chars(from, text.data() + text.size(), exponent);

  std::string out = std::signbit(value) ? "-" : "";
  const int size = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (size > 1) out += "." + digits.substr(1);
    out += exponent < 0 ? "e-" : "e+";
    const std::string power = std::to_string(std::abs(exponent));
    return out + (power.size() < 2 ? "0" : "") + power;
  }
  if (exponent < 0) return out + "0." + std::string(-exponent - 1, '0') + digits;
  if (size <= exponent + 1) return out + digits + std::string(exponent + 1 - size, '0') + ".0";
  return out + digits.substr(0, exponent + 1) + "." + digits.substr(exponent + 1);
}

std::string string_repr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t end = char_end(text, at);
    const std::string_view character = text.substr(at, end - at);
    const uint32_t c = code_point(character);
    at = end;
    if (c == static_cast<uint32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      out += hex_escape('x', c, 2);
    } else if (c < 0x7f || printable(c)) {
      out += character;
    } else {
      out += c < 0x100     ? hex_escape('x', c, 2)
             : c < 0x10000 ? hex_escape('u', c, 4)
                           : hex_escape('U', c, 8);
    }
  }
  return out + quote;
}

Result<void> append_repr(Machine& machine, Text& out, const Value& value) {
  const Machine::Level level(machine);
  WEFT_TRY(machine.check_depth());
  WEFT_TRY(machine.spend(1));
  WEFT_TRY(machine.room(out.size()));
  const auto items = [&](const std::vector<Value>& list) -> Result<void> {
    bool first = true;
    for (const Value& item : list) {
      if (!std::exchange(first, false)) out.append(", ");
      WEFT_TRY(append_repr(machine, out, item));
    }
    return {};
  };
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      out.append("Undefined");
      return {};
    case Value::Kind::kString:
      WEFT_TRY(machine.spend_bytes(value.as_text().size()));
      out.append(Text(string_repr(value.as_string()), value.as_text().any_given()));
      return {};
    case Value::Kind::kList: {
      const List& list = value.as_list();
      switch (list.style) {
        case ListStyle::kList:
          out.append("[");
          WEFT_TRY(items(list.items));
          out.append("]");
          return {};
        case ListStyle::kTuple:
          out.append("(");
          WEFT_TRY(items(list.items));
          out.append(list.items.size() == 1 ? ",)" : ")");
          return {};
        case ListStyle::kGenerator:
          out.append("<generator object>");
          return {};
        default:
          out.append(std::string(value.type_name()) + "([");
          WEFT_TRY(items(list.items));
          out.append("])");
          return {};
      }
    }
    case Value::Kind::kDict: {
      out.append("{");
      bool first = true;
      for (const auto& [key, item] : value.as_dict().items) {
        if (!std::exchange(first, false)) out.append(", ");
        WEFT_TRY(append_repr(machine, out, key));
        out.append(": ");
        WEFT_TRY(append_repr(machine, out, item));
      }
      out.append("}");
      return {};
    }
    default:
      return append_str(machine, out, value);
  }
}

Result<void> append_str(Machine& machine, Text& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return {};
    case Value::Kind::kNone:
      out.append("None");
      return {};
    case Value::Kind::kBool:
      out.append(value.as_bool() ? "True" : "False");
      return {};
    case Value::Kind::kInt:
      out.append(std::to_string(value.as_int()));
      return {};
    case Value::Kind::kFloat:
      out.append(float_repr(value.as_float()));
      return {};
    case Value::Kind::kString:
      WEFT_TRY(machine.spend_bytes(value.as_text().size()));
      WEFT_TRY(machine.room(out.size() + value.as_text().size()));
      out.append(value.as_text());
      return {};
    case Value::Kind::kList:
    case Value::Kind::kDict:
      return append_repr(machine, out, value);
    case Value::Kind::kObject:
      out.append("<" + std::string(value.type_name()) + ">");
      return {};
  }
  return {};
}

Result<Text> to_str(Machine& machine, const Value& value) {
  Text out;
  WEFT_TRY(append_str(machine, out, value));
  return out;
}

}  // namespace weft::jinja
