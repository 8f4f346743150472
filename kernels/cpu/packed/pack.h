// From a file's blocks to packed groups (kernels/cpu/packed/format.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/packed/format.h"

namespace weft::cpu {

// What packed bytes are called where they are kept; counted up when they change. One for every
// instruction set and mode.
inline constexpr const char* kPackedLayout = "packed 3";

// Packs one group: `columns` <= 16 rows of the file's matrix, k elements each (whole blocks), which
// start at `rows` and lie row_bytes apart. Columns that are missing become zeros. Writes
// format.group_size(k) bytes. Thread-safe.
void pack_group(const PackedFormat& format, const std::byte* rows, int64_t row_bytes, int columns,
                int64_t k, std::byte* group);

}  // namespace weft::cpu
