// Filters of single values: numbers, defaults, attributes, JSON.
#include <array>
#include <charconv>
#include <cmath>

#include "core/text/jinja/functions.h"
#include "core/text/jinja/operators.h"
#include "core/text/jinja/to_json.h"

namespace weft::jinja {
namespace {

Result<Value> default_(Machine&, const Value& value, const Bound& given) {
  const bool missing = value.is_undefined() || (given.truthy(1, false) && !value.truthy());
  if (!missing) return value;
  return given.has(0) ? given[0] : Value::string("");
}

Result<Value> abs(Machine& machine, const Value& value, const Bound&) {
  WEFT_TRY(need_defined(machine, value));
  if (value.is(Value::Kind::kFloat)) return Value::number(std::abs(value.as_float()));
  if (!value.is_integral()) {
    return machine.error("bad operand type for abs(): '" + std::string(value.type_name()) + "'");
  }
  return value.as_int() < 0 ? negate(machine, value)
                            : Result<Value>(Value::integer(value.as_int()));
}

std::string number_text(const Value& value) {
  const Trimmed kept = trim_spaces(value.as_string(), true, true);
  std::string text;
  for (const char c : value.as_string().substr(kept.begin, kept.end - kept.begin)) {
    if (c != '_') text += c;
  }
  if (text.starts_with('+')) text.erase(0, 1);
  return text;
}

std::optional<double> to_float(const Value& value) {
  if (value.is_number()) return value.as_float();
  if (!value.is_string()) return std::nullopt;
  const std::string text = number_text(value);
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<Value> int_(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY(need_defined(machine, value));
  WEFT_TRY_ASSIGN(const int64_t base, given.integer(machine, 1, 10));
  if (value.is_integral()) return Value::integer(value.as_int());
  if (value.is_string() && base >= 2 && base <= 36) {
    std::string text = number_text(value);
    if (base == 16 && (text.starts_with("0x") || text.starts_with("0X"))) text.erase(0, 2);
    int64_t number = 0;
    const auto parsed =
        std::from_chars(text.data(), text.data() + text.size(), number, static_cast<int>(base));
    if (!text.empty() && parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size()) {
      return Value::integer(number);
    }
  }
  const auto number = to_float(value);
  if (number && std::abs(*number) < 9.2e18) {
    return Value::integer(static_cast<int64_t>(*number));
  }
  return given.has(0) ? given[0] : Value::integer(0);
}

Result<Value> float_(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY(need_defined(machine, value));
  if (const auto number = to_float(value)) return Value::number(*number);
  return given.has(0) ? given[0] : Value::number(0.0);
}

// The nearest number of so many digits behind the point; exactly between two, the even one.
double rounded(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 300) return value;
  if (digits < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-digits));
    return std::isfinite(unit) ? std::nearbyint(value / unit) * unit : 0.0;
  }
  std::array<char, 700> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                     std::chars_format::fixed, static_cast<int>(digits));
  double result = value;
  std::from_chars(buffer.data(), written.ptr, result);
  return result;
}

Result<Value> round(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY(need_defined(machine, value));
  if (!value.is_number()) {
    return machine.error("type " + std::string(value.type_name()) +
                         " doesn't define __round__ method");
  }
  WEFT_TRY_ASSIGN(const int64_t digits, given.integer(machine, 0, 0));
  const Text common("common");
  WEFT_TRY_ASSIGN(const Text* method, given.text(machine, 1, common));
  if (method->bytes == "common") {
    if (value.is_integral() && digits >= 0) return Value::integer(value.as_int());
    const double result = rounded(value.as_float(), digits);
    return value.is_integral() && std::abs(result) < 9.2e18
               ? Value::integer(static_cast<int64_t>(result))
               : Value::number(result);
  }
  if (method->bytes != "ceil" && method->bytes != "floor") {
    return machine.error("method must be common, ceil or floor");
  }
  const double scale = std::pow(10.0, static_cast<double>(digits));
  const double scaled = value.as_float() * scale;
  return Value::number((method->bytes == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

Result<Value> attr(Machine& machine, const Value& value, const Bound& given) {
  const Text none;
  WEFT_TRY_ASSIGN(const Text* name, given.text(machine, 0, none));
  return get_attribute(machine, value, name->bytes);
}

Result<Value> tojson(Machine& machine, const Value& value, const Bound& given) {
  JsonStyle style;
  style.ensure_ascii = given.truthy(0, false);
  if (given.has(1) && given[1].is_string()) {
    style.indent = given[1].as_string();
  } else if (given.has(1) && !given[1].is_none()) {
    WEFT_TRY_ASSIGN(const int64_t width, given.integer(machine, 1, 0));
    if (width > 1000) return machine.limit("blanks of indentation", 1000);
    style.indent = std::string(static_cast<size_t>(width > 0 ? width : 0), ' ');
  }
  if (style.indent) style.item_separator = ",";
  if (given.has(2) && !given[2].is_none()) {
    const Value& pair = given[2];
    if (!pair.is_list() || pair.as_list().items.size() != 2 ||
        !pair.as_list().items[0].is_string() || !pair.as_list().items[1].is_string()) {
      return machine.error("tojson: separators must be two strings");
    }
    style.item_separator = pair.as_list().items[0].as_string();
    style.key_separator = pair.as_list().items[1].as_string();
  }
  style.sort_keys = given.truthy(3, false);
  WEFT_TRY_ASSIGN(Text text, to_json(machine, value, style));
  return machine.make(std::move(text));
}

constexpr Function kFilters[] = {
    {"abs", abs},
    {"attr", attr, {"name"}, 1},
    {"d", default_, {"default_value", "boolean"}},
    {"default", default_, {"default_value", "boolean"}},
    {"float", float_, {"default"}},
    {"int", int_, {"default", "base"}},
    {"round", round, {"precision", "method"}},
    {"tojson", tojson, {"ensure_ascii", "indent", "separators", "sort_keys"}},
};

}  // namespace

std::span<const Function> value_filters() { return kFilters; }

}  // namespace weft::jinja
