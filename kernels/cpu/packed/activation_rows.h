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
  // Room for `rows` rows of k elements, a multiple of 32; earlier contents are lost.
  Activations prepare(int64_t rows, int64_t k) {
    const int64_t cells = k / kCellElements;
    Activations view;
    view.row_cells = cells;
    view.cells = grow(cells_, Activations::cells_size(rows, cells)).as<std::byte>();
    view.scales = grow(scales_, Activations::scales_size(rows, cells)).as<ActivationScale>();
    return view;
  }

 private:
  static Buffer& grow(Buffer& buffer, int64_t size_bytes) {
    if (buffer.size_bytes() < static_cast<std::size_t>(size_bytes)) {
      Result<Buffer> larger = allocate_zeroed(static_cast<std::size_t>(size_bytes));
      // Less than the activations themselves, which are there: without them nothing can go on.
      WEFT_CHECK(larger.has_value(), larger.error().message);
      buffer = std::move(*larger);
    }
    return buffer;
  }

  Buffer cells_;
  Buffer scales_;
};

}  // namespace weft::cpu
