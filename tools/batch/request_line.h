// A line of a batch's input: one JSON object that describes one request. Everything in it is
// checked here by name and type; what depends on the model (ids, whether it fits) is the engine's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/engine.h"
#include "core/error.h"

namespace weft::tools {

struct RequestLine {
  std::string id;  // as JSON: the request's own string or number, else the line's number
  Result<Request> request;
};

// Reads line `number` (from 1). Never fails as a whole: what is wrong with the line is in
// `request`, as kInvalidArgument or, for text that is not UTF-8, kInvalidUtf8, naming the field,
// what was found and what was wanted.
RequestLine parse_request_line(std::string_view line, int64_t number);

}  // namespace weft::tools
