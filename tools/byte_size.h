// Sizes in bytes for people.
#pragma once

#include <cstdint>
#include <string>

namespace weft::tools {

// "812 B", "1.5 KiB", "4.0 GiB": one decimal from a KiB on.
std::string byte_size(uint64_t bytes);

}  // namespace weft::tools
