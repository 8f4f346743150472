// How much memory this process can still get, and hints on how it is used.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::platform {

// Bytes that can be allocated without swapping: what the system says is available, or the limit of
// the process's control group (version 1 or 2), whichever is less. UINT64_MAX where neither is
// known. A snapshot: others allocate too.
uint64_t available_memory_bytes();

// Asks for large pages where a range is large enough to have them: fewer misses of the address
// cache in long reads. Only a hint.
void prefer_large_pages(std::byte* data, size_t size_bytes);

}  // namespace weft::platform
