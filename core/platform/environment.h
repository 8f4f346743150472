// Environment variables: the one place where weft reads them. Each is documented where it is used.
#pragma once

#include <string>

namespace weft::platform {

// The variable's value; "" where it is not set.
std::string environment(const char* name);

}  // namespace weft::platform
