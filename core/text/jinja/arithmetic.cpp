#include <cmath>

#include "core/text/jinja/format.h"
#include "core/text/jinja/operators.h"

namespace weft::jinja {
namespace {

std::string_view symbol_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return "+";
    case BinaryOp::kSubtract:
      return "-";
    case BinaryOp::kMultiply:
      return "*";
    case BinaryOp::kDivide:
      return "/";
    case BinaryOp::kFloorDivide:
      return "//";
    case BinaryOp::kModulo:
      return "%";
    case BinaryOp::kPower:
      return "** or pow()";
  }
  return "";
}

tl::unexpected<Error> overflow(Machine& machine, BinaryOp op) {
  return machine.error("the result of " + std::string(symbol_of(op)) +
                       " does not fit an integer of 64 bits");
}

// Rounded down, as Python does.
int64_t floor_divide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return quotient - (a % b != 0 && ((a < 0) != (b < 0)) ? 1 : 0);
}

Result<Value> integer_power(Machine& machine, int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return machine.error("0 cannot be raised to a negative power");
    return Value::number(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) {
      return overflow(machine, BinaryOp::kPower);
    }
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) {
      return overflow(machine, BinaryOp::kPower);
    }
  }
  return Value::integer(result);
}

Result<Value> on_integers(Machine& machine, BinaryOp op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case BinaryOp::kAdd:
      if (__builtin_add_overflow(a, b, &result)) return overflow(machine, op);
      return Value::integer(result);
    case BinaryOp::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) return overflow(machine, op);
      return Value::integer(result);
    case BinaryOp::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) return overflow(machine, op);
      return Value::integer(result);
    case BinaryOp::kDivide:
      if (b == 0) return machine.error("division by zero");
      return Value::number(static_cast<double>(a) / static_cast<double>(b));
    case BinaryOp::kFloorDivide:
    case BinaryOp::kModulo:
      if (b == 0) return machine.error("integer division or modulo by zero");
      if (b == -1) {  // the smallest integer has no opposite
        if (op == BinaryOp::kModulo) return Value::integer(0);
        if (__builtin_sub_overflow(int64_t{0}, a, &result)) return overflow(machine, op);
        return Value::integer(result);
      }
      result = floor_divide(a, b);
      return Value::integer(op == BinaryOp::kFloorDivide ? result : a - result * b);
    case BinaryOp::kPower:
      return integer_power(machine, a, b);
  }
  return Value();
}

Result<Value> on_floats(Machine& machine, BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value::number(a + b);
    case BinaryOp::kSubtract:
      return Value::number(a - b);
    case BinaryOp::kMultiply:
      return Value::number(a * b);
    case BinaryOp::kPower:
      if (a == 0 && b < 0) return machine.error("0.0 cannot be raised to a negative power");
      if (a < 0 && b != std::floor(b)) return machine.error("complex numbers are not supported");
      return Value::number(std::pow(a, b));
    default:
      break;
  }
  if (b == 0)
    return machine.error(op == BinaryOp::kDivide ? "float division by zero"
                                                 : "float floor division by zero");
  if (op == BinaryOp::kDivide) return Value::number(a / b);
  double remainder = std::fmod(a, b);
  if (remainder != 0 && (remainder < 0) != (b < 0)) remainder += b;
  if (op == BinaryOp::kModulo) return Value::number(remainder);
  return Value::number(std::floor((a - remainder) / b + 0.5));
}

Result<Value> repeat(Machine& machine, const Value& value, int64_t times) {
  const size_t count = times > 0 ? static_cast<size_t>(times) : 0;
  const bool string = value.is_string();
  const size_t size =
      string ? value.as_text().footprint() : value.as_list().items.size() * sizeof(Value);
  if (size > 0 && count > machine.limits().value_bytes / size) {
    return machine.limit("bytes of values", machine.limits().value_bytes);
  }
  WEFT_TRY(machine.room(size * count));
  WEFT_TRY(machine.spend_bytes(size * count));
  if (string) {
    Text text;
    if (size > 0) {
      text.bytes.reserve(value.as_text().size() * count);
      for (size_t i = 0; i < count; ++i) text.append(value.as_text());
    }
    return machine.make(std::move(text));
  }
  std::vector<Value> items;
  if (size > 0) {
    for (size_t i = 0; i < count; ++i) {
      items.insert(items.end(), value.as_list().items.begin(), value.as_list().items.end());
    }
  }
  return machine.make(std::move(items), value.as_list().style);
}

bool repeatable(const Value& value) {
  return value.is_string() || (value.is_list() && (value.as_list().style == ListStyle::kList ||
                                                   value.as_list().style == ListStyle::kTuple));
}

Result<Value> add_sequences(Machine& machine, const Value& a, const Value& b) {
  if (a.is_string()) {
    WEFT_TRY(machine.room(a.as_text().footprint() + b.as_text().footprint()));
    Text text;
    text.bytes.reserve(a.as_text().size() + b.as_text().size());
    text.append(a.as_text());
    text.append(b.as_text());
    return machine.make(std::move(text));
  }
  const List &first = a.as_list(), &second = b.as_list();
  WEFT_TRY(machine.room((first.items.size() + second.items.size()) * sizeof(Value)));
  std::vector<Value> items = first.items;
  items.insert(items.end(), second.items.begin(), second.items.end());
  return machine.make(std::move(items), first.style);
}

}  // namespace

Result<Value> arithmetic(Machine& machine, BinaryOp op, const Value& a, const Value& b) {
  WEFT_TRY(machine.spend(1));
  if (op == BinaryOp::kModulo && a.is_string()) return percent_format(machine, a.as_text(), b);
  WEFT_TRY(need_defined(machine, a));
  WEFT_TRY(need_defined(machine, b));
  if (a.is_integral() && b.is_integral()) return on_integers(machine, op, a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return on_floats(machine, op, a.as_float(), b.as_float());
  if (op == BinaryOp::kAdd && a.is_string() && b.is_string()) return add_sequences(machine, a, b);
  if (op == BinaryOp::kAdd && a.is_string()) {
    return machine.error("can only concatenate str (not \"" + std::string(b.type_name()) +
                         "\") to str");
  }
  if (op == BinaryOp::kAdd && a.is_list() && b.is_list() && repeatable(a) &&
      a.as_list().style == b.as_list().style) {
    return add_sequences(machine, a, b);
  }
  if (op == BinaryOp::kMultiply && repeatable(a) && b.is_integral()) {
    return repeat(machine, a, b.as_int());
  }
  if (op == BinaryOp::kMultiply && a.is_integral() && repeatable(b)) {
    return repeat(machine, b, a.as_int());
  }
  return machine.error("unsupported operand type(s) for " + std::string(symbol_of(op)) + ": '" +
                       std::string(a.type_name()) + "' and '" + std::string(b.type_name()) + "'");
}

Result<Value> negate(Machine& machine, const Value& value) {
  WEFT_TRY(need_defined(machine, value));
  if (value.is(Value::Kind::kFloat)) return Value::number(-value.as_float());
  if (!value.is_integral()) {
    return machine.error("bad operand type for unary -: '" + std::string(value.type_name()) + "'");
  }
  return arithmetic(machine, BinaryOp::kSubtract, Value::integer(0), value);
}

}  // namespace weft::jinja
