#include "bench/allocation_counter.h"

#include <cstdlib>
#include <new>

namespace weft::bench {
namespace {

thread_local int64_t count = 0;

void* counted(void* memory) {
  ++count;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

int64_t num_allocations() { return count; }

void* allocate(std::size_t size) { return counted(std::malloc(size > 0 ? size : 1)); }
void* allocate(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(align, (size + align - 1) / align * align));
}

}  // namespace weft::bench

// The array and nothrow forms call these.
void* operator new(std::size_t size) { return weft::bench::allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return weft::bench::allocate(size, alignment);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
