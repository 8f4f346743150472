// Object: what a template can call or take attributes of, beside plain values.
#pragma once

#include <optional>
#include <string_view>

#include "core/error.h"
#include "core/text/jinja/value.h"

namespace weft::jinja {

class Machine;

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Object {
 public:
  virtual ~Object() = default;
  virtual std::string_view type_name() const = 0;
  virtual bool callable() const { return true; }
  virtual Result<Value> call(Machine& machine, const Arguments& arguments) = 0;
  // nullopt: it has no such attribute.
  virtual std::optional<Value> attribute(std::string_view) const { return std::nullopt; }
  // As Value::depth(), of what it holds for good.
  virtual uint32_t depth() const { return 0; }
};

}  // namespace weft::jinja
