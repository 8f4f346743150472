// Filters over sequences: parts, order, sums.
#include <algorithm>

#include "core/text/jinja/functions.h"
#include "core/text/jinja/operators.h"
#include "core/text/jinja/print.h"
#include "core/text/jinja/sorting.h"

namespace weft::jinja {
namespace {

Result<Value> length(Machine& machine, const Value& value, const Bound&) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return Value::integer(0);
    case Value::Kind::kString:
      WEFT_TRY(machine.spend_bytes(value.as_text().size()));
      return Value::integer(static_cast<int64_t>(count_chars(value.as_string())));
    case Value::Kind::kDict:
      return Value::integer(static_cast<int64_t>(value.as_dict().items.size()));
    case Value::Kind::kList:
      if (value.as_list().style == ListStyle::kGenerator) break;
      return Value::integer(static_cast<int64_t>(value.as_list().items.size()));
    default:
      break;
  }
  return machine.error("object of type '" + std::string(value.type_name()) + "' has no len()");
}

Result<Value> first(Machine& machine, const Value& value, const Bound&) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  if (list->items.empty()) return Value::undefined("No first item, sequence was empty.");
  return list->items.front();
}

Result<Value> last(Machine& machine, const Value& value, const Bound&) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  if (list->items.empty()) return Value::undefined("No last item, sequence was empty.");
  return list->items.back();
}

Result<Value> list_(Machine& machine, const Value& value, const Bound&) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  return machine.make(list->items);
}

Result<Value> items(Machine& machine, const Value& value, const Bound&) {
  if (value.is_undefined()) return machine.make(std::vector<Value>(), ListStyle::kGenerator);
  if (value.is_dict()) return items_of(machine, value, ListStyle::kGenerator);
  return machine.error("Can only get item pairs from a mapping.");
}

Result<Value> join(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  Text separator;
  if (given.has(0)) WEFT_TRY(append_str(machine, separator, given[0]));
  Text out;
  bool first_one = true;
  for (const Value& item : list->items) {
    if (!std::exchange(first_one, false)) out.append(separator);
    WEFT_TRY(machine.spend_bytes(separator.footprint()));
    WEFT_TRY(machine.room(out.footprint()));
    if (given.has(1) && !given[1].is_none()) {
      WEFT_TRY_ASSIGN(const Value part, attribute_path(machine, item, given[1]));
      WEFT_TRY(append_str(machine, out, part));
    } else {
      WEFT_TRY(append_str(machine, out, item));
    }
  }
  return machine.make(std::move(out));
}

Result<Value> reverse(Machine& machine, const Value& value, const Bound&) {
  if (value.is_string()) {
    return get_slice(machine, value, Value(), Value(), Value::integer(-1));
  }
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  std::vector<Value> turned(list->items.rbegin(), list->items.rend());
  return machine.make(std::move(turned), ListStyle::kGenerator);
}

Result<std::vector<Value>> keys_of(Machine& machine, const std::vector<Value>& list,
                                   const Value* attribute, bool case_sensitive) {
  WEFT_TRY(machine.room(list.size() * sizeof(Value)));
  std::vector<Value> keys;
  for (const Value& item : list) {
    WEFT_TRY_ASSIGN(Value key, sort_key(machine, item, attribute, case_sensitive));
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<Value> sort(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  WEFT_TRY_ASSIGN(
      const std::vector<Value> keys,
      keys_of(machine, list->items, given.has(2) ? &given[2] : nullptr, given.truthy(1, false)));
  WEFT_TRY_ASSIGN(const std::vector<size_t> places,
                  sorted_places(machine, keys, given.truthy(0, false)));
  std::vector<Value> ordered;
  for (const size_t place : places) ordered.push_back(list->items[place]);
  return machine.make(std::move(ordered));
}

Result<Value> dictsort(Machine& machine, const Value& value, const Bound& given) {
  if (!value.is_dict()) return machine.error("dictsort: expected a mapping");
  const bool by_value = given.has(1) && given[1].is_string() && given[1].as_string() == "value";
  WEFT_TRY_ASSIGN(const Value pairs, items_of(machine, value, ListStyle::kList));
  const Value place = Value::integer(by_value ? 1 : 0);
  WEFT_TRY_ASSIGN(const std::vector<Value> keys,
                  keys_of(machine, pairs.as_list().items, &place, given.truthy(0, false)));
  WEFT_TRY_ASSIGN(const std::vector<size_t> places,
                  sorted_places(machine, keys, given.truthy(2, false)));
  std::vector<Value> ordered;
  for (const size_t i : places) ordered.push_back(pairs.as_list().items[i]);
  return machine.make(std::move(ordered));
}

Result<Value> unique(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  WEFT_TRY_ASSIGN(
      const std::vector<Value> keys,
      keys_of(machine, list->items, given.has(1) ? &given[1] : nullptr, given.truthy(0, false)));
  std::vector<Value> kept;
  Dict seen;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!hashable(keys[i])) {
      return machine.error("unhashable type: '" + std::string(keys[i].type_name()) + "'");
    }
    WEFT_TRY(machine.spend_key(keys[i]));
    if (seen.find(keys[i])) continue;
    seen.set(keys[i], Value::none());
    kept.push_back(list->items[i]);
  }
  return machine.make(std::move(kept), ListStyle::kGenerator);
}

Result<Value> extreme(Machine& machine, const Value& value, const Bound& given, bool largest) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  if (list->items.empty()) {
    return Value::undefined("No aggregated item, sequence was empty.");
  }
  WEFT_TRY_ASSIGN(
      const std::vector<Value> keys,
      keys_of(machine, list->items, given.has(1) ? &given[1] : nullptr, given.truthy(0, false)));
  size_t best = 0;
  for (size_t i = 1; i < keys.size(); ++i) {
    WEFT_TRY_ASSIGN(const bool better, largest ? less(machine, keys[best], keys[i], ">")
                                               : less(machine, keys[i], keys[best]));
    if (better) best = i;
  }
  return list->items[best];
}
Result<Value> min(Machine& m, const Value& v, const Bound& g) { return extreme(m, v, g, false); }
Result<Value> max(Machine& m, const Value& v, const Bound& g) { return extreme(m, v, g, true); }

Result<Value> sum(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  Value total = given.has(1) ? given[1] : Value::integer(0);
  for (const Value& item : list->items) {
    Value part = item;
    if (given.has(0) && !given[0].is_none()) {
      WEFT_TRY_ASSIGN(part, attribute_path(machine, item, given[0]));
    }
    WEFT_TRY_ASSIGN(total, arithmetic(machine, BinaryOp::kAdd, total, part));
  }
  return total;
}

Result<Value> batch(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  WEFT_TRY_ASSIGN(const int64_t size, given.integer(machine, 0, 1));
  if (size < 1) return machine.error("batch: expected a size of at least 1");
  const auto width = static_cast<size_t>(size);
  std::vector<Value> rows;
  for (size_t at = 0; at < list->items.size(); at += width) {
    const size_t end = std::min(at + std::min(width, list->items.size()), list->items.size());
    std::vector<Value> row(list->items.begin() + static_cast<ptrdiff_t>(at),
                           list->items.begin() + static_cast<ptrdiff_t>(end));
    if (given.has(1) && !given[1].is_none() && row.size() < width) {
      WEFT_TRY(machine.room(std::min(width, SIZE_MAX / 64) * sizeof(Value)));
      row.resize(width, given[1]);
    }
    WEFT_TRY_ASSIGN(Value made, machine.make(std::move(row)));
    rows.push_back(std::move(made));
    if (width >= list->items.size()) break;
  }
  return machine.make(std::move(rows), ListStyle::kGenerator);
}

Result<Value> slice_(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  WEFT_TRY_ASSIGN(const int64_t wanted, given.integer(machine, 0, 1));
  if (wanted < 1) return machine.error("slice: expected at least 1 slice");
  const auto slices = static_cast<size_t>(wanted);
  WEFT_TRY(machine.room(std::min(slices, SIZE_MAX / 1024) * (sizeof(Value) + sizeof(List))));
  WEFT_TRY(machine.spend(slices));
  const size_t each = list->items.size() / slices, longer = list->items.size() % slices;
  std::vector<Value> columns;
  size_t at = 0;
  for (size_t i = 0; i < slices; ++i) {
    const size_t end = at + each + (i < longer ? 1 : 0);
    std::vector<Value> column(list->items.begin() + static_cast<ptrdiff_t>(at),
                              list->items.begin() + static_cast<ptrdiff_t>(end));
    if (given.has(1) && !given[1].is_none() && i >= longer) column.push_back(given[1]);
    WEFT_TRY_ASSIGN(Value made, machine.make(std::move(column)));
    columns.push_back(std::move(made));
    at = end;
  }
  return machine.make(std::move(columns), ListStyle::kGenerator);
}

Result<Value> groupby(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Items list, iterate(machine, value));
  std::vector<Value> originals, keys;
  for (const Value& item : list->items) {
    WEFT_TRY_ASSIGN(Value key, attribute_path(machine, item, given[0]));
    if (key.is_undefined() && given.has(1)) key = given[1];
    originals.push_back(key);
    WEFT_TRY_ASSIGN(key, sort_key(machine, key, nullptr, given.truthy(2, false)));
    keys.push_back(std::move(key));
  }
  WEFT_TRY_ASSIGN(const std::vector<size_t> places, sorted_places(machine, keys, false));
  std::vector<Value> groups, members;
  for (size_t i = 0; i < places.size(); ++i) {
    members.push_back(list->items[places[i]]);
    if (i + 1 < places.size()) {
      WEFT_TRY_ASSIGN(const bool same, equal(machine, keys[places[i]], keys[places[i + 1]]));
      if (same) continue;
    }
    WEFT_TRY_ASSIGN(Value group, machine.make(std::exchange(members, {})));
    const Value& key = originals[places[i - (group.as_list().items.size() - 1)]];
    WEFT_TRY_ASSIGN(Value pair,
                    machine.make(std::vector<Value>{key, std::move(group)}, ListStyle::kTuple));
    groups.push_back(std::move(pair));
  }
  return machine.make(std::move(groups));
}

constexpr Function kFilters[] = {
    {"batch", batch, {"linecount", "fill_with"}, 1},
    {"count", length},
    {"dictsort", dictsort, {"case_sensitive", "by", "reverse"}},
    {"first", first},
    {"groupby", groupby, {"attribute", "default", "case_sensitive"}, 1},
    {"items", items},
    {"join", join, {"d", "attribute"}},
    {"last", last},
    {"length", length},
    {"list", list_},
    {"max", max, {"case_sensitive", "attribute"}},
    {"min", min, {"case_sensitive", "attribute"}},
    {"reverse", reverse},
    {"slice", slice_, {"slices", "fill_with"}, 1},
    {"sort", sort, {"reverse", "case_sensitive", "attribute"}},
    {"sum", sum, {"attribute", "start"}},
    {"unique", unique, {"case_sensitive", "attribute"}},
};

}  // namespace

std::span<const Function> list_filters() { return kFilters; }

}  // namespace weft::jinja
