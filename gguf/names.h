// What may be a key and what may be a tensor's name: the same for reader and writer.
#pragma once

#include <string_view>

#include "core/error.h"

namespace weft::gguf {

// kGgufBadKey unless it is 1 to 65535 bytes of printable ASCII, as the format asks.
Result<void> check_key(std::string_view key);

// kGgufBadTensorName unless it is 1 to 64 bytes of UTF-8 without control characters.
Result<void> check_tensor_name(std::string_view name);

}  // namespace weft::gguf
