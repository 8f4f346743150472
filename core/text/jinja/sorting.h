// What sort, unique, min, max, groupby and the attribute filters share: an item's attribute by a
// dotted path, and an order of values that may fail.
#pragma once

#include "core/text/jinja/machine.h"

namespace weft::jinja {

// item.a.0.b for the path "a.0.b" (or an integer). A part that is not there gives undefined.
Result<Value> attribute_path(Machine& machine, const Value& item, const Value& path);

// What an item is sorted by: its attribute where one is given; strings in lower case where case
// does not count.
Result<Value> sort_key(Machine& machine, const Value& item, const Value* attribute,
                       bool case_sensitive);

// A stable order of items by keys[i]; `reverse` keeps equal ones in their order too.
Result<std::vector<size_t>> sorted_places(Machine& machine, const std::vector<Value>& keys,
                                          bool reverse);

}  // namespace weft::jinja
