// Foreign bytes made fit for a message or a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weft::gguf {

// `text` with control characters and bytes that are no UTF-8 written as \n, \t or \xNN, and cut
// after about `limit` bytes with "...". The result is always valid UTF-8.
std::string printable(std::string_view text, size_t limit = 120);

}  // namespace weft::gguf
