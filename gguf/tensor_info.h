// The part of a GGUF file that describes its tensors: parsing it and laying it over the data.
// Used by the reader only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"
#include "gguf/byte_cursor.h"

namespace weft::gguf {

struct TensorInfo {
  HostTensor tensor;        // name, type and shape; bytes are not set yet
  uint64_t offset = 0;      // from the start of the data
  uint64_t size_bytes = 0;  // at least 1
};

// Reads `count` descriptions. Each is sound in itself: a name, 1 to 4 extents of at least 1 whose
// product and size in bytes fit int64, a known type, rows of whole blocks.
Result<std::vector<TensorInfo>> read_tensor_infos(ByteCursor& cursor, uint64_t count);

// Sets the bytes of each: offsets are multiples of `alignment`, all lies inside `data`, and no
// two share a byte.
Result<std::vector<HostTensor>> place_tensors(std::vector<TensorInfo> infos,
                                              std::span<const std::byte> data, uint32_t alignment);

}  // namespace weft::gguf
