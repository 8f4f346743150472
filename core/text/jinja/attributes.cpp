// Attributes, items and slices of values. What a sandbox keeps from templates is not there at all:
// the only attributes of plain values are the methods of our own tables.
#include <algorithm>
#include <array>

#include "core/text/jinja/functions.h"
#include "core/text/jinja/print.h"

namespace weft::jinja {
namespace {

// Methods that would change a value. They are named so that the message tells why.
constexpr std::array<std::string_view, 8> kListChangers = {"append", "clear", "pop",    "reverse",
                                                           "insert", "sort",  "extend", "remove"};
constexpr std::array<std::string_view, 5> kDictChangers = {"clear", "pop", "popitem", "setdefault",
                                                           "update"};

bool unsafe(const Value& value, std::string_view name) {
  if (name.starts_with('_')) return true;
  if (value.is_list()) return std::ranges::find(kListChangers, name) != kListChangers.end();
  if (value.is_dict()) return std::ranges::find(kDictChangers, name) != kDictChangers.end();
  return false;
}

const Function* find_method(const Value& value, std::string_view name) {
  if (value.is_string()) return find_function(string_methods(), name);
  if (value.is_list()) return find_function(list_methods(), name);
  if (value.is_dict()) return find_function(dict_methods(), name);
  return nullptr;
}

// A method or an attribute of an object; nullopt where there is none.
Result<std::optional<Value>> own_attribute(Machine& machine, const Value& value,
                                           std::string_view name) {
  if (value.is(Value::Kind::kObject)) return value.as_object().attribute(name);
  if (const Function* method = find_method(value, name)) {
    WEFT_TRY_ASSIGN(Value bound, machine.make(std::make_shared<BoundFunction>(*method, value)));
    return std::optional<Value>(std::move(bound));
  }
  return std::optional<Value>();
}

Value no_attribute(const Value& value, std::string_view name) {
  if (unsafe(value, name)) {
    return Value::undefined("access to attribute '" + std::string(name) + "' of '" +
                            std::string(value.type_name()) + "' object is unsafe.");
  }
  return Value::undefined("'" + object_name(value) + "' has no attribute '" + std::string(name) +
                          "'");
}

// The place of index `at` in a sequence of that size; nullopt outside of it.
std::optional<size_t> place(int64_t at, size_t size) {
  const auto count = static_cast<int64_t>(size);
  if (at < 0) at += count;
  if (at < 0 || at >= count) return std::nullopt;
  return static_cast<size_t>(at);
}

Result<Value> character(Machine& machine, const Text& text, int64_t index) {
  WEFT_TRY(machine.spend_bytes(text.size()));
  size_t begin = 0;
  const size_t size = is_ascii(text.bytes) ? text.size() : count_chars(text.bytes);
  const auto at = place(index, size);
  if (!at) return Value::undefined("str object has no element " + std::to_string(index));
  if (size == text.size()) {
    begin = *at;
  } else {
    for (size_t i = 0; i < *at; ++i) begin = char_end(text.bytes, begin);
  }
  return machine.make(slice(text, begin, char_end(text.bytes, begin)));
}

// Python's slice.indices(): start, stop and step inside a sequence of that size.
struct Steps {
  int64_t start, stop, step;
};

Result<Steps> find_steps(Machine& machine, size_t size, const Value& start, const Value& stop,
                         const Value& step) {
  for (const Value* bound : {&start, &stop, &step}) {
    if (bound->is_undefined() || bound->is_none() || bound->is_integral()) continue;
    return machine.error("slice indices must be integers or None, not " +
                         std::string(bound->type_name()));
  }
  const auto count = static_cast<int64_t>(size);
  Steps steps{0, 0, step.is_integral() ? step.as_int() : 1};
  if (steps.step == 0) return machine.error("slice step cannot be zero");
  const bool down = steps.step < 0;
  const int64_t lowest = down ? -1 : 0, highest = down ? count - 1 : count;
  const auto clamp = [&](const Value& bound, int64_t otherwise) {
    if (!bound.is_integral()) return otherwise;
    int64_t at = bound.as_int();
    if (at < 0) at = at < -count ? -count - 1 : at + count;
    return std::clamp(at, lowest, highest);
  };
  steps.start = clamp(start, down ? highest : lowest);
  steps.stop = clamp(stop, down ? lowest : highest);
  return steps;
}

// Calls f(i) for each index of the slice.
template <class F>
void each(const Steps& steps, F f) {
  if (steps.step > 0) {
    for (int64_t i = steps.start; i < steps.stop; i += steps.step) {
      f(static_cast<size_t>(i));
      if (steps.step >= steps.stop - i) return;  // i + step might overflow
    }
  } else {
    for (int64_t i = steps.start; i > steps.stop; i += steps.step) {
      f(static_cast<size_t>(i));
      if (steps.step <= steps.stop - i) return;
    }
  }
}

}  // namespace

std::string object_name(const Value& value) {
  if (value.is_none()) return "None";
  return std::string(value.type_name()) + " object";
}

Result<Value> get_attribute(Machine& machine, const Value& value, std::string_view name) {
  WEFT_TRY(machine.spend_bytes(4 * name.size()));
  WEFT_TRY(need_defined(machine, value));
  WEFT_TRY_ASSIGN(std::optional<Value> own, own_attribute(machine, value, name));
  if (own) return *std::move(own);
  if (value.is_dict()) {
    if (const Value* item = value.as_dict().find(name)) return *item;
  }
  return no_attribute(value, name);
}

Result<Value> get_item(Machine& machine, const Value& value, const Value& index) {
  WEFT_TRY(machine.spend_key(index));
  WEFT_TRY(need_defined(machine, value));
  if (value.is_dict() && hashable(index)) {
    if (const Value* item = value.as_dict().find(index)) return *item;
  }
  if (index.is_integral()) {
    if (value.is_string()) return character(machine, value.as_text(), index.as_int());
    if (value.is_list()) {
      const List& list = value.as_list();
      const bool indexed = list.style == ListStyle::kList || list.style == ListStyle::kTuple ||
                           list.style == ListStyle::kRange;
      const auto at = place(index.as_int(), list.items.size());
      if (indexed && at) return list.items[*at];
    }
  }
  if (index.is_string()) {
    WEFT_TRY_ASSIGN(std::optional<Value> own, own_attribute(machine, value, index.as_string()));
    if (own) return *std::move(own);
    return no_attribute(value, index.as_string());
  }
  Text shown;
  WEFT_TRY(append_repr(machine, shown, index));
  return Value::undefined(object_name(value) + " has no element " + shown.bytes.substr(0, 100));
}

Result<Value> get_slice(Machine& machine, const Value& value, const Value& start, const Value& stop,
                        const Value& step) {
  WEFT_TRY(need_defined(machine, value));
  if (value.is_string()) {
    const Text& text = value.as_text();
    WEFT_TRY(machine.spend_bytes(text.size()));
    WEFT_TRY(machine.room(text.size() * 8));
    std::vector<size_t> starts;
    if (!is_ascii(text.bytes)) starts = char_starts(text.bytes);
    const size_t size = starts.empty() ? text.size() : starts.size() - 1;
    const auto byte = [&](size_t i) { return starts.empty() ? i : starts[i]; };
    WEFT_TRY_ASSIGN(const Steps steps, find_steps(machine, size, start, stop, step));
    Text part;
    if (steps.step == 1) {
      if (steps.start < steps.stop) {
        part.append(text, byte(static_cast<size_t>(steps.start)),
                    byte(static_cast<size_t>(steps.stop)));
      }
    } else {
      each(steps, [&](size_t i) { part.append(text, byte(i), byte(i + 1)); });
    }
    return machine.make(std::move(part));
  }
  if (value.is_list() && value.as_list().style <= ListStyle::kRange) {
    const List& list = value.as_list();
    WEFT_TRY_ASSIGN(const Steps steps, find_steps(machine, list.items.size(), start, stop, step));
    WEFT_TRY(machine.room(list.items.size() * sizeof(Value)));
    std::vector<Value> items;
    each(steps, [&](size_t i) { items.push_back(list.items[i]); });
    return machine.make(std::move(items), list.style);
  }
  return machine.error("'" + std::string(value.type_name()) + "' object is not subscriptable");
}

}  // namespace weft::jinja
