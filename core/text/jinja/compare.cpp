#include <cmath>

#include "core/text/jinja/operators.h"

namespace weft::jinja {
namespace {

// Exact also where an integer has more digits than a double: 2**53 + 1 is not 2.0**53.
int compare_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) {
    return a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int() ? 1 : 0;
  }
  const double x = a.as_float(), y = b.as_float();
  if (x < y) return -1;
  if (x > y) return 1;
  if (a.is_integral() != b.is_integral() && std::abs(x) < 9.2e18) {
    const int64_t i = a.is_integral() ? a.as_int() : static_cast<int64_t>(x);
    const int64_t j = b.is_integral() ? b.as_int() : static_cast<int64_t>(y);
    return i < j ? -1 : i > j ? 1 : 0;
  }
  return 0;
}

bool is_nan(const Value& value) {
  return value.is(Value::Kind::kFloat) && std::isnan(value.as_float());
}

// Lists compare with lists and tuples with tuples; views of a dict are given as lists.
bool same_shape(const List& a, const List& b) { return a.style == b.style; }

}  // namespace

Result<bool> equal(Machine& machine, const Value& a, const Value& b) {
  const Machine::Level level(machine);
  WEFT_TRY(machine.check_depth());
  WEFT_TRY(machine.spend(1));
  if (a.is_number() && b.is_number()) {
    return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) == 0;
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kUndefined:
    case Value::Kind::kNone:
      return true;
    case Value::Kind::kString:
      WEFT_TRY(machine.spend_bytes(a.as_text().size()));
      return a.as_string() == b.as_string();
    case Value::Kind::kList: {
      const List &x = a.as_list(), &y = b.as_list();
      if (&x == &y) return true;
      if (!same_shape(x, y) || x.style == ListStyle::kGenerator) return false;
      if (x.items.size() != y.items.size()) return false;
      for (size_t i = 0; i < x.items.size(); ++i) {
        WEFT_TRY_ASSIGN(const bool same, equal(machine, x.items[i], y.items[i]));
        if (!same) return false;
      }
      return true;
    }
    case Value::Kind::kDict: {
      const Dict &x = a.as_dict(), &y = b.as_dict();
      if (&x == &y) return true;
      if (x.items.size() != y.items.size()) return false;
      for (const auto& [key, value] : x.items) {
        WEFT_TRY(machine.spend_key(key));
        const Value* other = y.find(key);
        if (!other) return false;
        WEFT_TRY_ASSIGN(const bool same, equal(machine, value, *other));
        if (!same) return false;
      }
      return true;
    }
    default:
      return a.same_as(b);
  }
}

Result<bool> less(Machine& machine, const Value& a, const Value& b, std::string_view op) {
  const Machine::Level level(machine);
  WEFT_TRY(machine.check_depth());
  WEFT_TRY(machine.spend(1));
  WEFT_TRY(need_defined(machine, a));
  WEFT_TRY(need_defined(machine, b));
  if (a.is_number() && b.is_number()) {
    return !is_nan(a) && !is_nan(b) && compare_numbers(a, b) < 0;
  }
  if (a.is_string() && b.is_string()) {
    WEFT_TRY(machine.spend_bytes(std::min(a.as_text().size(), b.as_text().size())));
    return a.as_string() < b.as_string();  // UTF-8 sorts as its code points do
  }
  if (a.is_list() && b.is_list() && same_shape(a.as_list(), b.as_list())) {
    const auto &x = a.as_list().items, &y = b.as_list().items;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      WEFT_TRY_ASSIGN(const bool same, equal(machine, x[i], y[i]));
      if (!same) return less(machine, x[i], y[i], op);
    }
    return x.size() < y.size();
  }
  // "a > b" arrives here as "b < a".
  const bool turned = op.starts_with('>');
  const std::string_view left = (turned ? b : a).type_name(), right = (turned ? a : b).type_name();
  return machine.error("'" + std::string(op) + "' not supported between instances of '" +
                       std::string(left) + "' and '" + std::string(right) + "'");
}

Result<bool> contains(Machine& machine, const Value& container, const Value& item) {
  WEFT_TRY(machine.spend(1));
  switch (container.kind()) {
    case Value::Kind::kUndefined:
      return false;
    case Value::Kind::kString:
      WEFT_TRY(need_defined(machine, item));
      if (!item.is_string()) {
        return machine.error("'in <string>' requires string as left operand, not " +
                             std::string(item.type_name()));
      }
      WEFT_TRY(machine.spend_bytes(container.as_text().size() + item.as_text().size()));
      return jinja::find(container.as_string(), item.as_string()) != std::string::npos;
    case Value::Kind::kDict:
      if (!item.is_undefined() && !hashable(item)) {
        return machine.error("unhashable type: '" + std::string(item.type_name()) + "'");
      }
      WEFT_TRY(machine.spend_key(item));
      return !item.is_undefined() && container.as_dict().find(item) != nullptr;
    case Value::Kind::kList: {
      WEFT_TRY_ASSIGN(const Items list, iterate(machine, container));
      for (const Value& one : list->items) {
        if (one.same_as(item)) return true;
        WEFT_TRY_ASSIGN(const bool same, equal(machine, one, item));
        if (same) return true;
      }
      return false;
    }
    default:
      return machine.error("argument of type '" + std::string(container.type_name()) +
                           "' is not iterable");
  }
}

Result<bool> compare(Machine& machine, CompareOp op, const Value& a, const Value& b) {
  const auto negated = [](Result<bool> result) -> Result<bool> {
    WEFT_TRY_ASSIGN(const bool value, std::move(result));
    return !value;
  };
  // a <= b, also where neither a < b nor b < a holds (NaN).
  const auto less_equal = [&](const Value& x, const Value& y,
                              std::string_view symbol) -> Result<bool> {
    WEFT_TRY_ASSIGN(const bool below, less(machine, x, y, symbol));
    if (below) return true;
    return equal(machine, x, y);
  };
  switch (op) {
    case CompareOp::kEqual:
      return equal(machine, a, b);
    case CompareOp::kNotEqual:
      return negated(equal(machine, a, b));
    case CompareOp::kLess:
      return less(machine, a, b, "<");
    case CompareOp::kGreater:
      return less(machine, b, a, ">");
    case CompareOp::kLessEqual:
      return less_equal(a, b, "<=");
    case CompareOp::kGreaterEqual:
      return less_equal(b, a, ">=");
    case CompareOp::kIn:
      return contains(machine, b, a);
    case CompareOp::kNotIn:
      return negated(contains(machine, b, a));
  }
  return false;
}

}  // namespace weft::jinja
