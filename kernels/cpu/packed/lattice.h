// The lattices of the IQ types as packed linear layers read them: for each index a point's
// coordinates, plus 128 each, a byte a coordinate, the first lowest. A table and no code, so that
// instruction sets may share it.
//
// IQ1's points come shifted by an eighth up or down and eight times as large, so that they are
// integers: index i + 2048 is point i shifted down.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/quant/lattice.h"

namespace weft::cpu {

extern const Lattice<uint64_t, 4096> kIq1Points;
extern const Lattice<uint64_t, 256> kIq2XxsPoints;
extern const Lattice<uint64_t, 512> kIq2XsPoints;
extern const Lattice<uint64_t, 1024> kIq2SPoints;
extern const Lattice<uint32_t, 256> kIq3XxsPoints;
extern const Lattice<uint32_t, 512> kIq3SPoints;

// Points of 8 elements.
[[gnu::always_inline]] constexpr const uint64_t* points_of_8(DType type) {
  switch (type) {
    case DType::kIQ1_S:
    case DType::kIQ1_M:
      return kIq1Points.points;
    case DType::kIQ2_XXS:
      return kIq2XxsPoints.points;
    case DType::kIQ2_XS:
      return kIq2XsPoints.points;
    case DType::kIQ2_S:
      return kIq2SPoints.points;
    default:
      return nullptr;
  }
}

// Points of 4 elements.
[[gnu::always_inline]] constexpr const uint32_t* points_of_4(DType type) {
  switch (type) {
    case DType::kIQ3_XXS:
      return kIq3XxsPoints.points;
    case DType::kIQ3_S:
      return kIq3SPoints.points;
    default:
      return nullptr;
  }
}

}  // namespace weft::cpu
