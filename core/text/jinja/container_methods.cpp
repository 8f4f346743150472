// Methods of lists and dicts: those that read. (A sandbox has none that change a value.)
#include "core/text/jinja/functions.h"
#include "core/text/jinja/operators.h"

namespace weft::jinja {
namespace {

Result<Value> list_count(Machine& machine, const Value& self, const Bound& given) {
  int64_t count = 0;
  for (const Value& item : self.as_list().items) {
    WEFT_TRY_ASSIGN(const bool same, equal(machine, item, given[0]));
    if (same) ++count;
  }
  return Value::integer(count);
}

Result<Value> list_index(Machine& machine, const Value& self, const Bound& given) {
  const auto& items = self.as_list().items;
  for (size_t i = 0; i < items.size(); ++i) {
    WEFT_TRY_ASSIGN(const bool same, equal(machine, items[i], given[0]));
    if (same) return Value::integer(static_cast<int64_t>(i));
  }
  return machine.error("the value is not in the list");
}

Result<Value> copy(Machine&, const Value& self, const Bound&) { return self; }

Result<Value> dict_get(Machine& machine, const Value& self, const Bound& given) {
  if (!hashable(given[0])) {
    WEFT_TRY(need_defined(machine, given[0]));
    return machine.error("unhashable type: '" + std::string(given[0].type_name()) + "'");
  }
  WEFT_TRY(machine.spend_key(given[0]));
  const Value* found = self.as_dict().find(given[0]);
  if (found) return *found;
  return given.has(1) ? given[1] : Value::none();
}

Result<Value> dict_keys(Machine& machine, const Value& self, const Bound&) {
  WEFT_TRY_ASSIGN(const Items keys, iterate(machine, self));
  return machine.make(keys->items, ListStyle::kKeys);
}

Result<Value> dict_values(Machine& machine, const Value& self, const Bound&) {
  WEFT_TRY(machine.room(self.as_dict().items.size() * sizeof(Value)));
  std::vector<Value> values;
  for (const auto& item : self.as_dict().items) values.push_back(item.second);
  return machine.make(std::move(values), ListStyle::kValues);
}

Result<Value> dict_items(Machine& machine, const Value& self, const Bound&) {
  return items_of(machine, self, ListStyle::kItems);
}

constexpr Function kListMethods[] = {
    {"copy", copy},
    {"count", list_count, {"value"}, 1},
    {"index", list_index, {"value"}, 1},
};

constexpr Function kDictMethods[] = {
    {"copy", copy},          {"get", dict_get, {"key", "default"}, 1},
    {"items", dict_items},   {"keys", dict_keys},
    {"values", dict_values},
};

}  // namespace

Result<Value> items_of(Machine& machine, const Value& dict, ListStyle style) {
  const auto& pairs = dict.as_dict().items;
  WEFT_TRY(machine.room(pairs.size() * (3 * sizeof(Value) + sizeof(List))));
  std::vector<Value> items;
  for (const auto& [key, value] : pairs) {
    WEFT_TRY_ASSIGN(Value pair, machine.make({key, value}, ListStyle::kTuple));
    items.push_back(std::move(pair));
  }
  return machine.make(std::move(items), style);
}

std::span<const Function> list_methods() { return kListMethods; }
std::span<const Function> dict_methods() { return kDictMethods; }

}  // namespace weft::jinja
