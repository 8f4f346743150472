#include "core/platform/environment.h"

#include <cstdlib>

namespace weft::platform {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace weft::platform
