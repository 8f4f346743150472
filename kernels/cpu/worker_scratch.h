// One block of memory for each worker, grown before a parallel region and never inside one.
#pragma once

#include <vector>

#include "core/check.h"
#include "kernels/cpu/cpu_memory.h"

namespace weft::cpu {

class WorkerScratch {
 public:
  explicit WorkerScratch(int workers) : buffers_(static_cast<std::size_t>(workers)) {}

  // Afterwards each worker has at least this many bytes; earlier contents are lost.
  void reserve(std::size_t size_bytes) {
    if (size_bytes <= size_bytes_) return;
    for (Buffer& buffer : buffers_) {
      Result<Buffer> larger = allocate_zeroed(size_bytes);
      // Under a MiB a thread: without them nothing can go on.
      WEFT_CHECK(larger.has_value(), larger.error().message);
      buffer = std::move(*larger);
    }
    size_bytes_ = size_bytes;
  }

  // Aligned to 64 bytes.
  float* floats(int worker) const { return buffers_[static_cast<std::size_t>(worker)].as<float>(); }
  std::byte* bytes(int worker) const {
    return buffers_[static_cast<std::size_t>(worker)].as<std::byte>();
  }

 private:
  std::vector<Buffer> buffers_;
  std::size_t size_bytes_ = 0;
};

}  // namespace weft::cpu
