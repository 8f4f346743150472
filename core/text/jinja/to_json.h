// Values as JSON, as Python's json.dumps writes them: ", " and ": ", or indented; characters as
// they are or as \u escapes; no escaping for HTML.
#pragma once

#include <optional>
#include <string>

#include "core/text/jinja/machine.h"

namespace weft::jinja {

struct JsonStyle {
  std::optional<std::string> indent;  // of one level; none: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool ensure_ascii = false;
  bool sort_keys = false;
};

// Fails for what JSON has nothing for: undefined, functions, keys that are tuples.
Result<Text> to_json(Machine& machine, const Value& value, const JsonStyle& style = {});

}  // namespace weft::jinja
