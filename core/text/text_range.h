// A stretch of a text, in bytes.
#pragma once

#include <cstddef>

namespace weft {

// From `begin` until before `end`.
struct TextRange {
  size_t begin = 0;  // of its first byte
  size_t end = 0;    // behind its last byte
  bool operator==(const TextRange&) const = default;
};

}  // namespace weft
