#include "core/text/jinja/functions.h"

#include <algorithm>

namespace weft::jinja {

Result<int64_t> Bound::integer(Machine& machine, size_t i, int64_t otherwise) const {
  if (!has(i) || at_[i]->is_none()) return otherwise;
  if (at_[i]->is_integral()) return at_[i]->as_int();
  WEFT_TRY(need_defined(machine, *at_[i]));
  return machine.error("'" + std::string(at_[i]->type_name()) +
                       "' object cannot be interpreted as an integer");
}

Result<const Text*> Bound::text(Machine& machine, size_t i, const Text& otherwise) const {
  if (!has(i) || at_[i]->is_none()) return &otherwise;
  if (at_[i]->is_string()) return &at_[i]->as_text();
  WEFT_TRY(need_defined(machine, *at_[i]));
  return machine.error("expected str, not " + std::string(at_[i]->type_name()));
}

Result<Value> run(Machine& machine, const Function& function, const Value& self,
                  const Arguments& arguments) {
  WEFT_TRY(machine.spend(1));
  Bound bound;
  bound.all_ = &arguments;
  if (function.any) return function.run(machine, self, bound);
  const std::string name = std::string(function.name) + "()";
  const auto& parameters = function.parameters;
  const size_t most =
      static_cast<size_t>(std::ranges::find(parameters, std::string_view()) - parameters.begin());
  if (arguments.positional.size() > most) {
    return machine.error(name + " takes at most " + std::to_string(most) + " arguments (" +
                         std::to_string(arguments.positional.size()) + " given)");
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) bound.at_[i] = &arguments.positional[i];
  for (const auto& [key, value] : arguments.named) {
    const auto place = std::ranges::find(parameters, std::string_view(key));
    if (key.empty() || place == parameters.end()) {
      return machine.error(name + " got an unexpected keyword argument '" + key + "'");
    }
    const auto i = static_cast<size_t>(place - parameters.begin());
    if (bound.at_[i]) {
      return machine.error(name + " got multiple values for argument '" + key + "'");
    }
    bound.at_[i] = &value;
  }
  for (size_t i = 0; i < function.required; ++i) {
    if (bound.at_[i]) continue;
    return machine.error(name + " missing required argument '" + std::string(parameters[i]) + "'");
  }
  return function.run(machine, self, bound);
}

const Function* find_function(std::span<const Function> table, std::string_view name) {
  const auto row = std::ranges::find(table, name, &Function::name);
  return row == table.end() ? nullptr : &*row;
}

Result<Value> run_filter(Machine& machine, std::string_view name, const Value& value,
                         const Arguments& arguments) {
  for (const auto table : {text_filters(), list_filters(), select_filters(), value_filters()}) {
    if (const Function* filter = find_function(table, name)) {
      return run(machine, *filter, value, arguments);
    }
  }
  return machine.error("No filter named '" + std::string(name) + "'.");
}

Result<bool> run_test(Machine& machine, std::string_view name, const Value& value,
                      const Arguments& arguments) {
  const Function* test = find_function(tests(), name);
  if (!test) return machine.error("No test named '" + std::string(name) + "'.");
  WEFT_TRY_ASSIGN(const Value result, run(machine, *test, value, arguments));
  return result.truthy();
}

}  // namespace weft::jinja
