// From packed groups (kernels/cpu/packed/format.h) back to the numbers of one row of the file's
// matrix: the way of embeddings, a row a token, and of tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/packed/format.h"

namespace weft::cpu {

// The k elements of the group's column, bit for bit as core/quant decodes the file's row.
// Thread-safe.
void unpack_row(const PackedFormat& format, const std::byte* group, int column, int64_t k,
                float* out);

}  // namespace weft::cpu
