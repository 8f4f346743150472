// Rows of the tables of filters, tests, methods and global functions: a name, the parameters as
// Python has them, and the function. Arguments are matched to parameters in one place.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "core/text/jinja/machine.h"

namespace weft::jinja {

class Bound;
using Implementation = Result<Value> (*)(Machine& machine, const Value& self, const Bound& given);

struct Function {
  std::string_view name;
  Implementation run;
  std::array<std::string_view, 5> parameters = {};  // as many as are named
  size_t required = 0;                              // the first so many must be given
  bool any = false;  // takes any arguments, and looks at Bound::all itself
};

// The arguments of one call, by place of their parameters.
class Bound {
 public:
  bool has(size_t i) const { return at_[i] != nullptr; }
  const Value& operator[](size_t i) const { return *at_[i]; }  // where has(i)
  const Arguments& all() const { return *all_; }

  // Of parameter i, or `otherwise` where it is not given. Fail where it is something else.
  Result<int64_t> integer(Machine& machine, size_t i, int64_t otherwise) const;
  Result<const Text*> text(Machine& machine, size_t i, const Text& otherwise) const;
  bool truthy(size_t i, bool otherwise) const { return has(i) ? at_[i]->truthy() : otherwise; }

 private:
  friend Result<Value> run(Machine&, const Function&, const Value&, const Arguments&);
  std::array<const Value*, 5> at_ = {};
  const Arguments* all_ = nullptr;
};

// Matches the arguments and runs the function. `self` is what a filter or method is applied to.
Result<Value> run(Machine& machine, const Function& function, const Value& self,
                  const Arguments& arguments);

// nullptr where there is none of that name.
const Function* find_function(std::span<const Function> table, std::string_view name);

// A function, with what it is a method of, as a value.
class BoundFunction : public Object {
 public:
  BoundFunction(const Function& function, Value self)
      : function_(function), self_(std::move(self)) {}
  std::string_view type_name() const override { return "builtin_function_or_method"; }
  uint32_t depth() const override { return self_.depth() + 1; }
  Result<Value> call(Machine& machine, const Arguments& arguments) override {
    return run(machine, function_, self_, arguments);
  }

 private:
  const Function& function_;
  const Value self_;
};

// The tables.
std::span<const Function> string_methods();
std::span<const Function> list_methods();
std::span<const Function> dict_methods();
std::span<const Function> text_filters();
std::span<const Function> list_filters();
std::span<const Function> select_filters();
std::span<const Function> value_filters();
std::span<const Function> tests();
std::span<const Function> global_functions();

// A dict's (key, value) tuples.
Result<Value> items_of(Machine& machine, const Value& dict, ListStyle style);

// By name; kTemplateError where there is none.
Result<Value> run_filter(Machine& machine, std::string_view name, const Value& value,
                         const Arguments& arguments);
Result<bool> run_test(Machine& machine, std::string_view name, const Value& value,
                      const Arguments& arguments);

}  // namespace weft::jinja
