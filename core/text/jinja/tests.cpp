// What stands behind "is".
#include "core/text/jinja/case.h"
#include "core/text/jinja/functions.h"
#include "core/text/jinja/operators.h"
#include "core/text/jinja/print.h"

namespace weft::jinja {
namespace {

using Kind = Value::Kind;

Result<Value> answer(bool value) { return Value::boolean(value); }
Result<Value> answer(Result<bool> value) {
  WEFT_TRY_ASSIGN(const bool known, std::move(value));
  return Value::boolean(known);
}

Result<Value> defined(Machine&, const Value& v, const Bound&) { return answer(!v.is_undefined()); }
Result<Value> undefined(Machine&, const Value& v, const Bound&) { return answer(v.is_undefined()); }
Result<Value> none(Machine&, const Value& v, const Bound&) { return answer(v.is_none()); }
Result<Value> boolean(Machine&, const Value& v, const Bound&) { return answer(v.is(Kind::kBool)); }
Result<Value> true_(Machine&, const Value& v, const Bound&) {
  return answer(v.is(Kind::kBool) && v.as_bool());
}
Result<Value> false_(Machine&, const Value& v, const Bound&) {
  return answer(v.is(Kind::kBool) && !v.as_bool());
}
Result<Value> integer(Machine&, const Value& v, const Bound&) { return answer(v.is(Kind::kInt)); }
Result<Value> float_(Machine&, const Value& v, const Bound&) { return answer(v.is(Kind::kFloat)); }
Result<Value> number(Machine&, const Value& v, const Bound&) { return answer(v.is_number()); }
Result<Value> string(Machine&, const Value& v, const Bound&) { return answer(v.is_string()); }
Result<Value> mapping(Machine&, const Value& v, const Bound&) { return answer(v.is_dict()); }
Result<Value> iterable(Machine&, const Value& v, const Bound&) {
  return answer(v.is_string() || v.is_list() || v.is_dict() || v.is_undefined());
}
Result<Value> sequence(Machine&, const Value& v, const Bound&) {
  const bool list = v.is_list() && v.as_list().style <= ListStyle::kRange;
  return answer(v.is_string() || list || v.is_dict() || v.is_undefined());
}
Result<Value> callable(Machine&, const Value& v, const Bound&) {
  // Jinja's undefined has a __call__, though it only fails.
  return answer(v.is_undefined() || (v.is(Kind::kObject) && v.as_object().callable()));
}
Result<Value> sameas(Machine&, const Value& v, const Bound& given) {
  return answer(v.same_as(given[0]));
}

Result<Value> lower(Machine& machine, const Value& value, const Bound&) {
  WEFT_TRY_ASSIGN(Text text, to_str(machine, value));
  WEFT_TRY_ASSIGN(const Value made, machine.make(std::move(text)));
  return run(machine, *find_function(string_methods(), "islower"), made, {});
}
Result<Value> upper(Machine& machine, const Value& value, const Bound&) {
  WEFT_TRY_ASSIGN(Text text, to_str(machine, value));
  WEFT_TRY_ASSIGN(const Value made, machine.make(std::move(text)));
  return run(machine, *find_function(string_methods(), "isupper"), made, {});
}

Result<Value> divisible(Machine& machine, const Value& value, const Value& by, bool wanted) {
  WEFT_TRY_ASSIGN(const Value rest, arithmetic(machine, BinaryOp::kModulo, value, by));
  return answer((rest.is_number() && rest.as_float() == 0) == wanted);
}
Result<Value> divisibleby(Machine& m, const Value& v, const Bound& given) {
  return divisible(m, v, given[0], true);
}
Result<Value> even(Machine& m, const Value& v, const Bound&) {
  return divisible(m, v, Value::integer(2), true);
}
Result<Value> odd(Machine& m, const Value& v, const Bound&) {
  return divisible(m, v, Value::integer(2), false);
}

Result<Value> eq(Machine& m, const Value& v, const Bound& g) {
  return answer(compare(m, CompareOp::kEqual, v, g[0]));
}
Result<Value> ne(Machine& m, const Value& v, const Bound& g) {
  return answer(compare(m, CompareOp::kNotEqual, v, g[0]));
}
Result<Value> lt(Machine& m, const Value& v, const Bound& g) {
  return answer(compare(m, CompareOp::kLess, v, g[0]));
}
Result<Value> le(Machine& m, const Value& v, const Bound& g) {
  return answer(compare(m, CompareOp::kLessEqual, v, g[0]));
}
Result<Value> gt(Machine& m, const Value& v, const Bound& g) {
  return answer(compare(m, CompareOp::kGreater, v, g[0]));
}
Result<Value> ge(Machine& m, const Value& v, const Bound& g) {
  return answer(compare(m, CompareOp::kGreaterEqual, v, g[0]));
}
Result<Value> in(Machine& m, const Value& v, const Bound& g) {
  return answer(contains(m, g[0], v));
}
Result<Value> escaped(Machine&, const Value&, const Bound&) { return answer(false); }

Result<Value> filter(Machine&, const Value& value, const Bound&) {
  if (!value.is_string()) return answer(false);
  for (const auto table : {text_filters(), list_filters(), select_filters(), value_filters()}) {
    if (find_function(table, value.as_string())) return answer(true);
  }
  return answer(false);
}
Result<Value> test(Machine&, const Value& value, const Bound&) {
  return answer(value.is_string() && find_function(tests(), value.as_string()));
}

constexpr Function kTests[] = {
    {"!=", ne, {"other"}, 1},
    {"<", lt, {"other"}, 1},
    {"<=", le, {"other"}, 1},
    {"==", eq, {"other"}, 1},
    {">", gt, {"other"}, 1},
    {">=", ge, {"other"}, 1},
    {"boolean", boolean},
    {"callable", callable},
    {"defined", defined},
    {"divisibleby", divisibleby, {"num"}, 1},
    {"eq", eq, {"other"}, 1},
    {"equalto", eq, {"other"}, 1},
    {"escaped", escaped},
    {"even", even},
    {"false", false_},
    {"filter", filter},
    {"float", float_},
    {"ge", ge, {"other"}, 1},
    {"greaterthan", gt, {"other"}, 1},
    {"gt", gt, {"other"}, 1},
    {"in", in, {"seq"}, 1},
    {"integer", integer},
    {"iterable", iterable},
    {"le", le, {"other"}, 1},
    {"lessthan", lt, {"other"}, 1},
    {"lower", lower},
    {"lt", lt, {"other"}, 1},
    {"mapping", mapping},
    {"ne", ne, {"other"}, 1},
    {"none", none},
    {"number", number},
    {"odd", odd},
    {"sameas", sameas, {"other"}, 1},
    {"sequence", sequence},
    {"string", string},
    {"test", test},
    {"true", true_},
    {"undefined", undefined},
    {"upper", upper},
};

}  // namespace

std::span<const Function> tests() { return kTests; }

}  // namespace weft::jinja
