// A stretch of a text, in bytes.
#pragma once

#include <cstddef>

namespace weft {

struct TextRange {
  size_t begin = 0;
  size_t end = 0;  // behind its last byte
  bool operator==(const TextRange&) const = default;
};

}  // namespace weft
