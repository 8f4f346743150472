#include "core/platform/amx.h"

#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace weft::platform {

bool request_amx_tiles() {
#if defined(__linux__) && defined(__x86_64__)
  // Linux: Documentation/arch/x86/xstate.rst.
  constexpr long kArchReqXcompPerm = 0x1023;
  constexpr long kXfeatureXtileData = 18;
  return syscall(SYS_arch_prctl, kArchReqXcompPerm, kXfeatureXtileData) == 0;
#else
  return false;
#endif
}

}  // namespace weft::platform
