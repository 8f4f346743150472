#include "core/text/jinja/loop.h"

#include "core/text/jinja/functions.h"
#include "core/text/jinja/operators.h"

namespace weft::jinja {
namespace {

Result<Value> call_cycle(Machine& machine, const Value& self, const Bound& given) {
  return static_cast<Loop&>(self.as_object()).cycle(machine, given.all());
}
Result<Value> call_changed(Machine& machine, const Value& self, const Bound& given) {
  return static_cast<Loop&>(self.as_object()).changed(machine, given.all());
}

constexpr Function kMethods[] = {
    {"changed", call_changed, {}, 0, true},
    {"cycle", call_cycle, {}, 0, true},
};

}  // namespace

Loop::Loop(Items items, uint32_t depth0, Recurse recurse)
    : items_(std::move(items)), depth0_(depth0), recurse_(std::move(recurse)) {}

Result<Value> Loop::call(Machine& machine, const Arguments& arguments) {
  if (!recurse_) {
    return machine.error("The loop must have the 'recursive' marker to be called recursively.");
  }
  if (arguments.positional.size() != 1 || !arguments.named.empty()) {
    return machine.error("loop() takes one argument: what to go through");
  }
  return recurse_(arguments.positional[0]);
}

std::optional<Value> Loop::attribute(std::string_view name) const {
  const auto count = static_cast<int64_t>(items_->items.size());
  const auto index = static_cast<int64_t>(index_);
  if (name == "index") return Value::integer(index + 1);
  if (name == "index0") return Value::integer(index);
  if (name == "revindex") return Value::integer(count - index);
  if (name == "revindex0") return Value::integer(count - index - 1);
  if (name == "first") return Value::boolean(index == 0);
  if (name == "last") return Value::boolean(index + 1 == count);
  if (name == "length") return Value::integer(count);
  if (name == "depth") return Value::integer(depth0_ + 1);
  if (name == "depth0") return Value::integer(depth0_);
  if (name == "previtem") {
    if (index == 0) return Value::undefined("there is no previous item");
    return items_->items[index_ - 1];
  }
  if (name == "nextitem") {
    if (index + 1 == count) return Value::undefined("there is no next item");
    return items_->items[index_ + 1];
  }
  if (const Function* method = find_function(kMethods, name)) {
    auto self = std::const_pointer_cast<Loop>(shared_from_this());
    return Value::object(std::make_shared<BoundFunction>(*method, Value::object(std::move(self))));
  }
  return std::nullopt;
}

Result<Value> Loop::cycle(Machine& machine, const Arguments& arguments) const {
  if (arguments.positional.empty()) return machine.error("no items for cycling given");
  return arguments.positional[index_ % arguments.positional.size()];
}

Result<Value> Loop::changed(Machine& machine, const Arguments& arguments) {
  WEFT_TRY_ASSIGN(const Value now, machine.make(arguments.positional, ListStyle::kTuple));
  if (!kept_) {
    WEFT_TRY(machine.keep(shared_from_this()));  // what it is given may hold this loop
    kept_ = true;
  }
  if (has_last_) {
    WEFT_TRY_ASSIGN(const bool same, equal(machine, last_, now));
    if (same) return Value::boolean(false);
  }
  last_ = now;
  has_last_ = true;
  return Value::boolean(true);
}

}  // namespace weft::jinja
