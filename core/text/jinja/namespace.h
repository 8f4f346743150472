// namespace(): the one value of a template that can change, so that a loop can leave something
// behind.
#pragma once

#include "core/text/jinja/machine.h"

namespace weft::jinja {

class Namespace : public Object, public Changeable {
 public:
  std::string_view type_name() const override { return "jinja2.utils.Namespace"; }
  bool callable() const override { return false; }
  Result<Value> call(Machine& machine, const Arguments&) override {
    return machine.error("'Namespace' object is not callable");
  }
  std::optional<Value> attribute(std::string_view name) const override;
  Result<void> set(Machine& machine, std::string_view name, Value value);
  void release() override { values_ = Dict(); }

 private:
  Dict values_;
  std::vector<Charge> charges_;  // of the names
};

}  // namespace weft::jinja
