// The `loop` of a for block: where it stands, what is before and behind.
#pragma once

#include <functional>

#include "core/text/jinja/machine.h"

namespace weft::jinja {

class Loop : public Object, public Changeable, public std::enable_shared_from_this<Loop> {
 public:
  // `recurse` runs the same block over other items; empty where the block is not recursive.
  using Recurse = std::function<Result<Value>(const Value& items)>;
  Loop(Items items, uint32_t depth0, Recurse recurse);

  std::string_view type_name() const override { return "jinja2.runtime.LoopContext"; }
  uint32_t depth() const override { return items_->depth + 1; }
  Result<Value> call(Machine& machine, const Arguments& arguments) override;
  std::optional<Value> attribute(std::string_view name) const override;

  void move_to(size_t index) { index_ = index; }
  // loop.cycle(…) and loop.changed(…).
  Result<Value> cycle(Machine& machine, const Arguments& arguments) const;
  Result<Value> changed(Machine& machine, const Arguments& arguments);

  void release() override {
    last_ = Value();
    recurse_ = nullptr;
  }

 private:
  const Items items_;
  const uint32_t depth0_;
  Recurse recurse_;
  size_t index_ = 0;
  bool kept_ = false, has_last_ = false;
  Value last_;  // what changed() was last given
};

}  // namespace weft::jinja
