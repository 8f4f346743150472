// How much memory this process can still get.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::platform {

// Bytes that can be allocated without swapping: what the system says is available, or the limit of
// the process's control group (version 1 or 2), whichever is less. UINT64_MAX where neither is
// known. A snapshot: others allocate too.
uint64_t available_memory_bytes();

// Asks the system to back these bytes by large pages, once they are written: reading far more than
// the caches hold is then faster, by a third in some virtual machines. Changes nothing where there
// are none; the ends that do not fill a page stay as they are.
void prefer_large_pages(void* begin, std::size_t size_bytes);

}  // namespace weft::platform
