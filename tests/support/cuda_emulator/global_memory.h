// The emulated device's memory: which addresses are allocated, and who touched each in the launch
// that runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/device/host.h"

namespace weft::test {

class GlobalMemory {
 public:
  void* allocate(std::size_t size_bytes);
  void free(void* p);
  std::size_t bytes_in_use() const { return bytes_in_use_; }

  // Accesses before and after belong to different launches: their order is certain.
  void begin_launch() { ++launch_; }

  // What is wrong with block `block` touching this memory; "" if nothing is.
  std::string touch(const void* p, std::size_t size_bytes, std::size_t alignment,
                    cuda::host::Access access, uint32_t block);

 private:
  // Of a granule, in the launch that `launch` names: the block that touched it last.
  struct Touch {
    uint32_t launch = 0;
    uint32_t block = 0;
  };
  struct Allocation {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size_bytes = 0;
    std::vector<Touch> writes, reads;  // made when first needed
  };

  std::map<const std::byte*, Allocation> allocations_;
  Allocation* last_ = nullptr;  // most accesses are to the allocation of the access before
  std::size_t bytes_in_use_ = 0;
  uint32_t launch_ = 0;
};

}  // namespace weft::test
