// How much memory this process can still get.
#pragma once

#include <cstdint>

namespace weft::platform {

// Bytes that can be allocated without swapping: what the system says is available, or the limit of
// the process's control group (version 1 or 2), whichever is less. UINT64_MAX where neither is
// known. A snapshot: others allocate too.
uint64_t available_memory_bytes();

}  // namespace weft::platform
