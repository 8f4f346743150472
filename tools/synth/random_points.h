// Seeded random weights of the types whose codes are points of a lattice (IQ1, IQ2, IQ3). Finding
// the points nearest to given values takes a search that nothing here has; points drawn at random
// serve as well where only shape, type and size of the values matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/dtype.h"

namespace weft::synth {

bool has_random_points(DType type);

// Writes whole blocks, the first of them number `first_block` of tensor number `tensor`. Each
// block's values have a root mean square of `deviation`, but for the rounding of its scale to a
// half float. A pure function of its arguments; thread-safe. type: one that has_random_points().
void random_points(uint64_t seed, uint32_t tensor, DType type, float deviation,
                   uint64_t first_block, std::span<std::byte> blocks);

}  // namespace weft::synth
