#include "core/platform/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace weft::platform {
namespace {

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// The number a one-line file holds; nothing for "max" or where there is no such file.
std::optional<uint64_t> read_number(const char* path) {
  std::ifstream file(path);
  uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

// What the group uses is not taken off: most of it may be file cache, which gives way.
uint64_t group_limit(const char* path) { return read_number(path).value_or(kUnlimited); }

uint64_t system_available() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  uint64_t kib = 0;
  while (file >> key >> kib) {
    if (key == "MemAvailable:") return kib * 1024;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return kUnlimited;
}

}  // namespace

uint64_t available_memory_bytes() {
  return std::min({system_available(), group_limit("/sys/fs/cgroup/memory.max"),
                   group_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
}

void prefer_large_pages(void* begin, std::size_t size_bytes) {
#if defined(__linux__)
  constexpr uintptr_t kPage = 4096;  // the smallest there is: madvise() wants whole ones
  const uintptr_t first = (reinterpret_cast<uintptr_t>(begin) + kPage - 1) / kPage * kPage;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(begin) + size_bytes) / kPage * kPage;
  // Refused where the kernel was built without: nothing is lost.
  if (first < end) (void)madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
#else
  (void)begin;
  (void)size_bytes;
#endif
}

}  // namespace weft::platform
