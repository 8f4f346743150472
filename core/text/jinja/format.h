// Python's two ways to put values into a text: "%s of %d" % (…) and "{} of {}".format(…).
#pragma once

#include "core/text/jinja/machine.h"

namespace weft::jinja {

// `values`: a tuple, a dict for %(name)s, or one value.
Result<Value> percent_format(Machine& machine, const Text& pattern, const Value& values);
Result<Value> brace_format(Machine& machine, const Text& pattern, const Arguments& arguments);

}  // namespace weft::jinja
