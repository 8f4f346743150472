// Shared libraries that are looked for while the program runs: it goes on without them.
#pragma once

#include <span>

#include "core/error.h"

namespace weft::platform {

class SharedLibrary {
 public:
  // The first of `names`, file names that the system's loader looks for, which is there and can be
  // loaded. It stays loaded until the process ends. kNotFound, with what the system says of the
  // first name.
  static Result<SharedLibrary> open(std::span<const char* const> names);

  // A function's address; null where the library has none of this name.
  void* find(const char* name) const;

 private:
  explicit SharedLibrary(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace weft::platform
