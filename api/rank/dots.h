// Dot products of one vector with several, in the one order of summation that MaxSim has.
#pragma once

#include <cstdint>

namespace weft::rank {

// How many rows one call takes at once: their eight running sums and the query's two parts leave a
// few of the sixteen vector registers that every x86-64 and Arm processor has.
inline constexpr int kDotRows = 4;

// out[r] = q · row r of `rows` [n, dim], n ≤ kDotRows. Element i of all vectors goes to running sum
// i mod 8, in ascending order; the eight sums are then added as a tree, halves onto halves. So a
// product's bits do not depend on n.
void dots(const float* q, const float* rows, int n, int64_t dim, float* out);

}  // namespace weft::rank
