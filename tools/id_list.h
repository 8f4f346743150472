// Token ids as people write them on a command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"

namespace weft::tools {

// "1,2,3" or "1 2 3", also mixed and from several arguments. Fails with kInvalidArgument, naming
// what is not a number.
Result<std::vector<int32_t>> parse_ids(const std::vector<std::string>& texts);

}  // namespace weft::tools
