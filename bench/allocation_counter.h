// Counts what this thread allocates through operator new. A program that links
// allocation_counter.cpp has its operator new replaced by one that counts.
#pragma once

#include <cstdint>

namespace weft::bench {

// Allocations of the calling thread since it began.
int64_t num_allocations();

}  // namespace weft::bench
