#include "tests/support/cuda_emulator/global_memory.h"

#include <cstring>

namespace weft::test {
namespace {

// Neighbouring halves may be written by different blocks.
constexpr std::size_t kGranule = 2;

// NaN as float32, float16 and bfloat16.
constexpr int kFill = 0xff;

}  // namespace

void* GlobalMemory::allocate(std::size_t size_bytes) {
  Allocation a;
  // operator new aligns to 16 bytes, as kernels need.
  a.bytes = std::make_unique_for_overwrite<std::byte[]>(size_bytes);
  a.size_bytes = size_bytes;
  std::memset(a.bytes.get(), kFill, size_bytes);
  std::byte* p = a.bytes.get();
  allocations_.emplace(p, std::move(a));
  bytes_in_use_ += size_bytes;
  return p;
}

void GlobalMemory::free(void* p) {
  const auto found = allocations_.find(static_cast<std::byte*>(p));
  if (found == allocations_.end()) return;
  bytes_in_use_ -= found->second.size_bytes;
  last_ = nullptr;
  allocations_.erase(found);
}

std::string GlobalMemory::touch(const void* p, std::size_t size_bytes, std::size_t alignment,
                                cuda::host::Access access, uint32_t block) {
  const auto* at = static_cast<const std::byte*>(p);
  const auto holds = [&](const Allocation& a) {
    return at >= a.bytes.get() && at + size_bytes <= a.bytes.get() + a.size_bytes;
  };
  const char* verb = access == cuda::host::Access::kRead ? "reads " : "writes ";
  const auto what = [&] { return verb + std::to_string(size_bytes) + " bytes of global memory"; };
  if (last_ == nullptr || !holds(*last_)) {
    auto found = allocations_.upper_bound(at);
    if (found == allocations_.begin()) return what() + " below every allocation";
    --found;
    if (!holds(found->second)) {
      return what() + " at offset " + std::to_string(at - found->first) + " of an allocation of " +
             std::to_string(found->second.size_bytes);
    }
    last_ = &found->second;
  }
  const auto offset = static_cast<std::size_t>(at - last_->bytes.get());
  if (offset % alignment != 0) {
    return what() + " at offset " + std::to_string(offset) + ", misaligned by " +
           std::to_string(offset % alignment);
  }
  if (access == cuda::host::Access::kAtomic) return "";

  const bool write = access == cuda::host::Access::kWrite;
  const auto race = [&](const Touch& other, const char* did) {
    return what() + " at offset " + std::to_string(offset) + " that block " +
           std::to_string(other.block) + " of the same launch " + did;
  };
  if (last_->writes.empty()) {
    last_->writes.resize(last_->size_bytes / kGranule + 1);
    last_->reads.resize(last_->writes.size());
  }
  for (std::size_t g = offset / kGranule; g < (offset + size_bytes + kGranule - 1) / kGranule;
       ++g) {
    const Touch& written = last_->writes[g];
    if (written.launch == launch_ && written.block != block) return race(written, "writes");
    const Touch& read = last_->reads[g];
    if (write && read.launch == launch_ && read.block != block) return race(read, "reads");
    (write ? last_->writes : last_->reads)[g] = {launch_, block};
  }
  return "";
}

}  // namespace weft::test
