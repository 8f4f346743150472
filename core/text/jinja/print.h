// Values as text: Python's str() and repr().
#pragma once

#include <string>

#include "core/text/jinja/machine.h"

namespace weft::jinja {

// Appends str(value): strings as they are, undefined as nothing. Fails with kLimitExceeded only.
Result<void> append_str(Machine& machine, Text& out, const Value& value);
Result<Text> to_str(Machine& machine, const Value& value);
// Appends repr(value): strings in quotes.
Result<void> append_repr(Machine& machine, Text& out, const Value& value);

// "1.5", "2.0", "1e+16", "nan": the shortest digits that give the number back.
std::string float_repr(double value);
// 'it' in the quotes that need no escape.
std::string string_repr(std::string_view text);

}  // namespace weft::jinja
