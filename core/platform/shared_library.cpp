#include "core/platform/shared_library.h"

#include <dlfcn.h>
#include <string>

namespace weft::platform {

Result<SharedLibrary> SharedLibrary::open(std::span<const char* const> names) {
  std::string why;
  for (const char* name : names) {
    void* const handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) return SharedLibrary(handle);
    const char* const error = dlerror();
    if (why.empty()) why = error != nullptr ? error : std::string(name) + ": cannot be loaded";
  }
  return fail(ErrorCode::kNotFound, why);
}

void* SharedLibrary::find(const char* name) const { return dlsym(handle_, name); }

}  // namespace weft::platform
