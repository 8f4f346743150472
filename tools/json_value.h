// JSON as values of chat templates.
#pragma once

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text/jinja/value.h"

namespace weft::tools {

// Keys keep their order. Texts count as a message's (special tokens in them stay text), those
// under the key "role" as chat_template.h says. `what` names it in errors: kLimitExceeded for more
// than 64 lists and objects inside each other. An integer above 2^63 - 1 becomes a float.
Result<jinja::Value> json_value(const nlohmann::ordered_json& json, std::string_view what);

// All of a file.
Result<std::string> read_text_file(const std::string& path);

// A file with one JSON value in it. Fails with an error of the file, or kInvalidArgument.
Result<jinja::Value> read_json_value(const std::string& path);

}  // namespace weft::tools
