// Operators on values, with Python's rules: + - * / // % **, ~'s operands, ==, <, in.
#pragma once

#include "core/text/jinja/ast.h"
#include "core/text/jinja/machine.h"

namespace weft::jinja {

Result<Value> arithmetic(Machine& machine, BinaryOp op, const Value& a, const Value& b);
Result<Value> negate(Machine& machine, const Value& value);

// Undefined equals undefined. Fails with kLimitExceeded only.
Result<bool> equal(Machine& machine, const Value& a, const Value& b);
// a < b; fails with kTemplateError for what has no order.
Result<bool> less(Machine& machine, const Value& a, const Value& b, std::string_view op = "<");
Result<bool> contains(Machine& machine, const Value& container, const Value& item);
Result<bool> compare(Machine& machine, CompareOp op, const Value& a, const Value& b);

}  // namespace weft::jinja
