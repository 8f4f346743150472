// Copies from page-locked memory, which a GPU makes some time later: the emulator as late as may
// be, so that what is overwritten before its copy was waited for arrives wrong. Thread-safe.
#pragma once

#include <cstddef>

namespace weft::test {

void queue_copy(void* device, const void* host, std::size_t size_bytes);
// Makes those from `host`, and what was queued before them.
void finish_copies_from(const void* host);
// Makes all that are pending. Whatever comes after them on a stream calls it.
void finish_copies();
std::size_t pending_copy_count();

}  // namespace weft::test
