#include "core/platform/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <sys/mman.h>

namespace weft::platform {
namespace {

// Of x86-64, and of 64-bit Arm with 4 KiB pages.
constexpr uintptr_t kLargePage = uintptr_t{2} << 20;
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

Result<Buffer> map_large_pages(size_t size_bytes) {
  const auto map = [](size_t bytes) {
    return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  };
  // A mapping begins at some small page: one large page more has enough whole ones in it.
  const bool fits = size_bytes <= std::numeric_limits<size_t>::max() / 2;
  const size_t bytes = fits ? (size_bytes + kLargePage - 1) / kLargePage * kLargePage : 0;
  void* const mapped = fits ? map(bytes + kLargePage) : MAP_FAILED;
  if (mapped == MAP_FAILED) {
    return fail(ErrorCode::kOutOfMemory,
                "cannot map " + std::to_string(size_bytes) + " bytes of memory");
  }
  std::byte* const begin = static_cast<std::byte*>(mapped);
  const size_t before = (kLargePage - reinterpret_cast<uintptr_t>(begin) % kLargePage) % kLargePage;
  if (before != 0) ::munmap(begin, before);
  ::munmap(begin + before + bytes, kLargePage - before);
  prefer_large_pages(begin + before, bytes);
  return Buffer(begin + before, bytes, [](void* data, size_t size) { ::munmap(data, size); });
}

void prefer_large_pages([[maybe_unused]] std::byte* data, [[maybe_unused]] size_t size_bytes) {
#if defined(MADV_HUGEPAGE)
  const uintptr_t begin =
      (reinterpret_cast<uintptr_t>(data) + kLargePage - 1) / kLargePage * kLargePage;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + size_bytes) / kLargePage * kLargePage;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace weft::platform
