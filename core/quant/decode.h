// Any tensor type to float32, a row at a time. The layouts and decode functions are in
// core/quant/<type>.h, one definition a format; this is the table over them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace weft {

// Decodes `elements` values from `src` (row_bytes(type, elements) bytes, any alignment) into
// `dst`, bit for bit as the format defines them. F64, I32 and I64 are rounded once, to nearest.
// `elements` is a whole number of blocks. Thread-safe.
using DecodeRow = void (*)(const std::byte* src, float* dst, int64_t elements);

DecodeRow decode_row_function(DType type);

inline void decode_row(DType type, const std::byte* src, float* dst, int64_t elements) {
  decode_row_function(type)(src, dst, elements);
}

}  // namespace weft
