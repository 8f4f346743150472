// The quantised inputs of one linear layer: memory that grows to the largest step and is used
// again.
#pragma once

#include "core/check.h"
#include "kernels/cpu/cpu_memory.h"
#include "kernels/cpu/packed/activations.h"
#include "kernels/cpu/packed/format.h"

namespace weft::cpu {

class ActivationRows {
 public:
  // Room for `rows` rows of k elements in blocks of block_bytes; earlier contents are lost.
  Activations prepare(int64_t rows, int64_t k, int64_t block_bytes) {
    const int64_t row_bytes = Activations::row_size(k, block_bytes);
    const auto size_bytes = static_cast<std::size_t>(rows * row_bytes);
    if (buffer_.size_bytes() < size_bytes) {
      Result<Buffer> larger = allocate_zeroed(size_bytes);
      // Less than the activations themselves, which are there: without them nothing can go on.
      WEFT_CHECK(larger.has_value(), larger.error().message);
      buffer_ = std::move(*larger);
    }
    return {.rows = buffer_.as<std::byte>(), .row_bytes = row_bytes};
  }

 private:
  Buffer buffer_;
};

}  // namespace weft::cpu
