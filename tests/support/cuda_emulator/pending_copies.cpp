#include "tests/support/cuda_emulator/pending_copies.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <vector>

namespace weft::test {
namespace {

struct Copy {
  void* device;
  const void* host;
  std::size_t size_bytes;
};
struct Pending {
  std::mutex mutex;
  std::vector<Copy> copies;
};

Pending& pending() {
  static Pending the_pending;
  return the_pending;
}

void finish_until(std::vector<Copy>& copies, std::vector<Copy>::iterator end) {
  for (auto copy = copies.begin(); copy != end; ++copy) {
    std::memcpy(copy->device, copy->host, copy->size_bytes);
  }
  copies.erase(copies.begin(), end);
}

}  // namespace

void queue_copy(void* device, const void* host, std::size_t size_bytes) {
  const std::lock_guard lock(pending().mutex);
  pending().copies.push_back({device, host, size_bytes});
}

void finish_copies_from(const void* host) {
  const std::lock_guard lock(pending().mutex);
  std::vector<Copy>& copies = pending().copies;
  const auto last = std::ranges::find(copies.rbegin(), copies.rend(), host, &Copy::host);
  finish_until(copies, last.base());
}

void finish_copies() {
  const std::lock_guard lock(pending().mutex);
  finish_until(pending().copies, pending().copies.end());
}

std::size_t pending_copy_count() {
  const std::lock_guard lock(pending().mutex);
  return pending().copies.size();
}

}  // namespace weft::test
