// map, select, reject, selectattr, rejectattr: filters over sequences by other filters and tests.
#include "core/text/jinja/functions.h"
#include "core/text/jinja/sorting.h"

namespace weft::jinja {
namespace {

// The arguments from `from` on.
Arguments rest_of(const Arguments& all, size_t from) {
  Arguments rest = all;
  rest.positional.erase(rest.positional.begin(),
                        rest.positional.begin() + static_cast<ptrdiff_t>(from));
  return rest;
}

Result<std::string> name_at(Machine& machine, const Arguments& all, size_t i,
                            std::string_view what) {
  if (all.positional.size() <= i || !all.positional[i].is_string()) {
    return machine.error("expected the name of " + std::string(what));
  }
  return all.positional[i].as_string();
}

// What is false (none, "", 0) has no items here, so that templates need not ask for tools before
// they select among them.
Result<Items> items_or_none(Machine& machine, const Value& value) {
  return iterate(machine, value.truthy() ? value : Value());
}

Result<Value> map(Machine& machine, const Value& value, const Bound& given) {
  WEFT_TRY_ASSIGN(const Items list, items_or_none(machine, value));
  const Arguments& all = given.all();
  const Value *attribute = nullptr, *otherwise = nullptr;
  if (all.positional.empty()) {
    for (const auto& [name, argument] : all.named) {
      if (name == "attribute") {
        attribute = &argument;
      } else if (name == "default") {
        otherwise = &argument;
      } else {
        return machine.error("Unexpected keyword argument '" + name + "'");
      }
    }
    if (!attribute) return machine.error("map requires a filter argument");
  }
  std::string filter;
  Arguments arguments;
  if (!attribute) {
    WEFT_TRY_ASSIGN(filter, name_at(machine, all, 0, "a filter"));
    arguments = rest_of(all, 1);
  }
  std::vector<Value> mapped;
  for (const Value& item : list->items) {
    Value result;
    if (attribute) {
      WEFT_TRY_ASSIGN(result, attribute_path(machine, item, *attribute));
      if (result.is_undefined() && otherwise) result = *otherwise;
    } else {
      WEFT_TRY_ASSIGN(result, run_filter(machine, filter, item, arguments));
    }
    mapped.push_back(std::move(result));
  }
  return machine.make(std::move(mapped), ListStyle::kGenerator);
}

// Items (or, by_attribute, those whose attribute) for which the test gives `wanted`; without a
// test, whether they are true.
Result<Value> chosen(Machine& machine, const Value& value, const Bound& given, bool wanted,
                     bool by_attribute) {
  WEFT_TRY_ASSIGN(const Items list, items_or_none(machine, value));
  const Arguments& all = given.all();
  const size_t first = by_attribute ? 1 : 0;
  if (all.positional.size() < first) {
    return machine.error("Missing parameter for attribute name");
  }
  const bool tested = all.positional.size() > first;
  std::string test;
  Arguments arguments;
  if (tested) {
    WEFT_TRY_ASSIGN(test, name_at(machine, all, first, "a test"));
    arguments = rest_of(all, first + 1);
  }
  std::vector<Value> kept;
  for (const Value& item : list->items) {
    WEFT_TRY(machine.spend(1));
    Value looked_at = item;
    if (by_attribute) {
      WEFT_TRY_ASSIGN(looked_at, attribute_path(machine, item, all.positional[0]));
    }
    bool passes = looked_at.truthy();
    if (tested) {
      WEFT_TRY_ASSIGN(passes, run_test(machine, test, looked_at, arguments));
    }
    if (passes == wanted) kept.push_back(item);
  }
  return machine.make(std::move(kept), ListStyle::kGenerator);
}

Result<Value> select(Machine& m, const Value& v, const Bound& g) {
  return chosen(m, v, g, true, false);
}
Result<Value> reject(Machine& m, const Value& v, const Bound& g) {
  return chosen(m, v, g, false, false);
}
Result<Value> selectattr(Machine& m, const Value& v, const Bound& g) {
  return chosen(m, v, g, true, true);
}
Result<Value> rejectattr(Machine& m, const Value& v, const Bound& g) {
  return chosen(m, v, g, false, true);
}

constexpr Function kFilters[] = {
    {"map", map, {}, 0, true},
    {"reject", reject, {}, 0, true},
    {"rejectattr", rejectattr, {}, 0, true},
    {"select", select, {}, 0, true},
    {"selectattr", selectattr, {}, 0, true},
};

}  // namespace

std::span<const Function> select_filters() { return kFilters; }

}  // namespace weft::jinja
