// Packing of the types whose codes are points of a lattice (packed/format.h).
#pragma once

#include "kernels/cpu/packed/format.h"

namespace weft::cpu {

// As pack_group(), for a format that is_lattice().
void pack_lattice(const PackedFormat& format, const std::byte* rows, int64_t row_bytes, int columns,
                  int64_t k, std::byte* group);

}  // namespace weft::cpu
