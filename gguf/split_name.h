// The names of the parts of a split model: "<stem>-00002-of-00005.gguf".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weft::gguf {

struct SplitName {
  std::string stem;    // with the folder: everything before "-00002-of-00005.gguf"
  uint32_t index = 0;  // from 0: the name counts from 1
  uint32_t count = 0;  // at least 1

  // The path of part `i` of the same model.
  std::string part(uint32_t i) const;
};

// Nothing if the path is not such a name or its numbers make no sense.
std::optional<SplitName> parse_split_name(const std::string& path);

}  // namespace weft::gguf
