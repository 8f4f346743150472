#include "core/text/jinja/machine.h"

#include <algorithm>

namespace weft::jinja {

Machine::~Machine() {
  for (const auto& one : kept_) one->release();
}

Result<void> Machine::keep(std::shared_ptr<Changeable> one) {
  constexpr size_t kBytes = 256;  // about what a scope or a namespace takes
  WEFT_TRY(room(kBytes));
  kept_.push_back(std::move(one));
  kept_charges_.emplace_back(ledger_, kBytes);
  return {};
}

tl::unexpected<Error> Machine::error(std::string_view message) const {
  return fail(ErrorCode::kTemplateError,
              "template, line " + std::to_string(line) + ": " + std::string(message));
}

tl::unexpected<Error> Machine::limit(std::string_view what, uint64_t most) const {
  return fail(ErrorCode::kLimitExceeded, "template, line " + std::to_string(line) + ": more than " +
                                             std::to_string(most) + " " + std::string(what));
}

Result<void> Machine::spend(uint64_t steps) {
  steps_ += steps;
  if (steps_ <= limits_.steps) return {};
  return limit("steps of evaluation", limits_.steps);
}

Result<void> Machine::spend_key(const Value& key) {
  size_t bytes = 0;
  if (key.is_string()) {
    bytes = key.as_text().size();
  } else if (key.is_list() && hashable(key)) {
    for (const Value& item : key.as_list().items) {
      if (item.is_string()) bytes += item.as_text().size();
    }
  }
  return spend_bytes(4 * bytes);
}

Result<void> Machine::room(size_t bytes) const {
  if (bytes <= limits_.value_bytes && ledger_.live_bytes <= limits_.value_bytes - bytes) return {};
  return limit("bytes of values", limits_.value_bytes);
}

Result<void> Machine::output_room(size_t bytes) const {
  if (bytes <= limits_.output_bytes) return {};
  return limit("bytes of output", limits_.output_bytes);
}

Result<Value> Machine::make(Text text) {
  const size_t bytes = sizeof(String) + text.footprint();
  WEFT_TRY(room(bytes));
  WEFT_TRY(spend_bytes(bytes));
  auto string = std::make_shared<String>();
  string->text = std::move(text);
  string->charge = Charge(ledger_, bytes);
  return Value::of(std::move(string));
}

Result<Value> Machine::make(std::vector<Value> items, ListStyle style) {
  const size_t bytes = sizeof(List) + items.size() * sizeof(Value);
  WEFT_TRY(room(bytes));
  WEFT_TRY(spend_bytes(bytes));
  auto list = std::make_shared<List>();
  for (const Value& item : items) list->depth = std::max(list->depth, item.depth() + 1);
  if (list->depth > limits_.value_depth) {
    return limit("lists and dicts inside each other", limits_.value_depth);
  }
  list->items = std::move(items);
  list->style = style;
  list->charge = Charge(ledger_, bytes);
  return Value::of(std::move(list));
}

Result<Value> Machine::make(Dict dict) {
  // A pair stands in the list and, in larger ones, in the index.
  const size_t bytes = sizeof(Dict) + dict.items.size() * (4 * sizeof(Value) + 64);
  WEFT_TRY(room(bytes));
  WEFT_TRY(spend_bytes(bytes));
  if (dict.depth > limits_.value_depth) {
    return limit("lists and dicts inside each other", limits_.value_depth);
  }
  auto shared = std::make_shared<Dict>(std::move(dict));
  shared->charge = Charge(ledger_, bytes);
  return Value::of(std::move(shared));
}

Result<Value> Machine::make(std::shared_ptr<Object> object) const {
  if (object->depth() > limits_.value_depth) {
    return limit("values inside each other", limits_.value_depth);
  }
  return Value::object(std::move(object));
}

Result<void> Machine::check_depth() const {
  if (depth_ <= limits_.eval_depth) return {};
  return limit("levels of evaluation", limits_.eval_depth);
}

Result<Value> call(Machine& machine, const Value& callee, const Arguments& arguments) {
  WEFT_TRY(machine.spend(1));
  WEFT_TRY(need_defined(machine, callee));
  if (!callee.is(Value::Kind::kObject) || !callee.as_object().callable()) {
    return machine.error("'" + std::string(callee.type_name()) + "' object is not callable");
  }
  const Machine::Level level(machine);
  WEFT_TRY(machine.check_depth());
  const uint32_t line = machine.line;
  // The callee stays alive even where a variable that held it is set meanwhile.
  const std::shared_ptr<Object> object = callee.object_pointer();
  auto result = object->call(machine, arguments);
  if (result) machine.line = line;
  return result;
}

Result<Items> iterate(Machine& machine, const Value& value) {
  std::vector<Value> items;
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      break;
    case Value::Kind::kString: {
      const Text& text = value.as_text();
      WEFT_TRY(machine.room(text.size() * (sizeof(Value) + sizeof(String))));
      for (size_t at = 0; at < text.size();) {
        const size_t end = char_end(text.bytes, at);
        WEFT_TRY_ASSIGN(Value one, machine.make(slice(text, at, end)));
        items.push_back(std::move(one));
        at = end;
      }
      break;
    }
    case Value::Kind::kList: {
      const Items list = value.list_pointer();
      if (list->style != ListStyle::kGenerator) return list;
      if (std::exchange(list->taken, true)) break;
      return list;
    }
    case Value::Kind::kDict:
      WEFT_TRY(machine.room(value.as_dict().items.size() * sizeof(Value)));
      for (const auto& item : value.as_dict().items) items.push_back(item.first);
      break;
    default:
      return machine.error("'" + std::string(value.type_name()) + "' object is not iterable");
  }
  WEFT_TRY_ASSIGN(const Value list, machine.make(std::move(items)));
  return list.list_pointer();
}

Result<void> need_defined(Machine& machine, const Value& value) {
  if (!value.is_undefined()) return {};
  return machine.error(value.why_undefined());
}

}  // namespace weft::jinja
