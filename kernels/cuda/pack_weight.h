// From a file's blocks to the tiles of weight_format.h. Runs on the host.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/tensor.h"
#include "kernels/cuda/weight_format.h"

namespace weft::cuda {

// Units of a matrix with this many columns.
inline int units_of(int64_t cols) {
  return static_cast<int>((cols + kUnitColumns - 1) / kUnitColumns);
}
inline int64_t tiles_of(int64_t rows) { return (rows + kTileRows - 1) / kTileRows; }

// Bytes of the packed tensor; its type has a format.
int64_t packed_bytes(const HostTensor& tensor);

// Writes tiles [first, last) of the tensor: `out` is (last - first) × the layout's size_bytes.
// Thread-safe.
void pack_tiles(const HostTensor& tensor, int64_t first, int64_t last, std::byte* out);

}  // namespace weft::cuda
