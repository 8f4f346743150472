// Rotary position embedding (Su et al., 2021).
#pragma once

#include "core/backend.h"
#include "kernels/cuda/stream.h"

namespace weft::cuda {

// table[t] = cosines then sines of every pair at positions[t], times the magnitude:
// [tokens, 2 × pairs]. inverse [pairs] and positions [tokens]: device memory.
void rope_table(Stream& stream, const double* inverse, double magnitude, const int32_t* positions,
                Mat table);

// Rotates the first 2 × pairs (table.cols) elements of each head of x in place.
void rope(Stream& stream, Mat x, int32_t head_dim, RopeKind kind, Mat table);

}  // namespace weft::cuda
