// The quantised inputs of one linear layer: memory that grows to the largest step and is used
// again.
#pragma once

#include "core/check.h"
#include "kernels/cpu/cpu_memory.h"
#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

class ActivationRows {
 public:
  // Room for `rows` rows of k elements, as these kernels have them; earlier contents are lost.
  Activations prepare(int64_t rows, int64_t k, const PackedKernels& kernels) {
    const auto size_bytes = static_cast<std::size_t>(rows * kernels.row_bytes(k));
    if (buffer_.size_bytes() < size_bytes) {
      Result<Buffer> larger = allocate_zeroed(size_bytes);
      // Less than the activations themselves, which are there: without them nothing can go on.
      WEFT_CHECK(larger.has_value(), larger.error().message);
      buffer_ = std::move(*larger);
    }
    return kernels.activations(buffer_.as<std::byte>(), rows, k);
  }

 private:
  Buffer buffer_;
};

}  // namespace weft::cpu
