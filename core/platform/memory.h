// How much memory this process can still get, and hints on how it is used.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/buffer.h"
#include "core/error.h"

namespace weft::platform {

// Bytes that can be allocated without swapping: what the system says is available, or the limit of
// the process's control group (version 1 or 2), whichever is less. UINT64_MAX where neither is
// known. A snapshot: others allocate too.
uint64_t available_memory_bytes();

// Zeroed memory that begins and ends with a large page, of at least `size_bytes`; large pages are
// asked for. None is taken from the system before it is touched, all is given back with the
// buffer. Fails with kOutOfMemory.
Result<Buffer> map_large_pages(size_t size_bytes);

// Asks for large pages where a range is large enough to have them: fewer misses of the address
// cache in long reads. Only a hint.
void prefer_large_pages(std::byte* data, size_t size_bytes);

}  // namespace weft::platform
