// float32 to blocks by block rounding: scales from the extremes of the block, then every value to
// the nearest level. Fast and deterministic; no importance weights, no search.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace weft {

// Encodes `elements` values (a whole number of blocks) from `src` into `dst` (row_bytes(type,
// elements) bytes, any alignment). F32, F16 and BF16 take any value, as their rounding does. In
// block types NaN counts as zero, infinities as the largest float, and scales are limited to what
// their field can hold, so that a block always decodes to finite values. Thread-safe.
using EncodeRow = void (*)(const float* src, std::byte* dst, int64_t elements);

// nullptr for types without an encoder: integers, F64 and the IQ1, IQ2 and IQ3 lattices.
EncodeRow encode_row_function(DType type);

}  // namespace weft
