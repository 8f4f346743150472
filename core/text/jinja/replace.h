// Strings cut into pieces and put together otherwise, the mark of what came from a message kept.
// Linear in what goes in and comes out.
#pragma once

#include "core/text/jinja/machine.h"

namespace weft::jinja {

// The first `most` places (-1: all) of `from` replaced.
Result<Text> replaced(Machine& machine, const Text& text, const Text& from, const Text& to,
                      int64_t most);

// Lists of strings. most: cuts, -1: as many as there are; last: those at the end come first.
Result<Value> split_at(Machine& machine, const Text& text, std::string_view separator, int64_t most,
                       bool last);
Result<Value> split_words(Machine& machine, const Text& text, int64_t most, bool last);
Result<Value> split_lines(Machine& machine, const Text& text, bool keep_ends);

// In a width of so many characters: align < (left), > or ^.
Result<Value> justify(Machine& machine, const Text& text, int64_t width, std::string_view fill,
                      char align);

}  // namespace weft::jinja
