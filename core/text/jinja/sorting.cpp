#include "core/text/jinja/sorting.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/text/jinja/case.h"
#include "core/text/jinja/operators.h"

namespace weft::jinja {

Result<Value> attribute_path(Machine& machine, const Value& item, const Value& path) {
  if (!path.is_string()) return get_item(machine, item, path);
  Value at = item;
  const std::string_view text = path.as_string();
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('.', begin), text.size());
    const std::string part(text.substr(begin, end - begin));
    const bool number = !part.empty() && part.size() < 10 &&
                        part.find_first_not_of("0123456789") == std::string::npos;
    const Value index = number ? Value::integer(std::stoll(part)) : Value::string(part);
    WEFT_TRY_ASSIGN(at, get_item(machine, at, index));
    begin = end + 1;
  }
  return at;
}

Result<Value> sort_key(Machine& machine, const Value& item, const Value* attribute,
                       bool case_sensitive) {
  Value key = item;
  if (attribute && !attribute->is_none()) {
    WEFT_TRY_ASSIGN(key, attribute_path(machine, item, *attribute));
  }
  if (case_sensitive || !key.is_string()) return key;
  return machine.make(to_lower(key.as_string()), key.as_text().any_given());
}

Result<std::vector<size_t>> sorted_places(Machine& machine, const std::vector<Value>& keys,
                                          bool reverse) {
  std::vector<size_t> places(keys.size());
  std::iota(places.begin(), places.end(), size_t{0});
  std::optional<Error> failed;
  // A merge sort stays inside its range also where the order makes no sense.
  std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    if (failed) return false;
    const auto before = reverse ? less(machine, keys[b], keys[a]) : less(machine, keys[a], keys[b]);
    if (!before) failed = before.error();
    return before.value_or(false);
  });
  if (failed) return tl::unexpected(*failed);
  return places;
}

}  // namespace weft::jinja
