// The lattices of the IQ types as packed linear layers read them: for each index a point's
// coordinates, plus 128 each, a byte a coordinate, the first lowest. A table and no code, so that
// instruction sets may share it.
//
// IQ1's points come shifted by an eighth up or down and eight times as large, so that they are
// integers: index i + 2048 is point i shifted down.
//
// For AVX-512 VBMI the points of IQ2 and IQ3 by the numbers of their coordinates' levels, which fit
// into a few registers: the first half of the coordinates and the second, a byte each.
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

// Of 8 elements four numbers of 2 bits, of 4 elements two of 4 bits, the first lowest. IQ1's are
// not shifted.
template <int kCount>
struct LatticeHalves {
  alignas(64) uint8_t half[2][kCount];
};
extern const LatticeHalves<256> kIq2XxsHalves;
extern const LatticeHalves<512> kIq2XsHalves;
extern const LatticeHalves<1024> kIq2SHalves;
extern const LatticeHalves<256> kIq3XxsHalves;
extern const LatticeHalves<512> kIq3SHalves;

// What a nibble stands for, plus 128: two numbers of 2 bits, level[0] of the lower, level[1] of the
// upper; or one number, level[0].
struct LatticeNibbles {
  alignas(16) uint8_t level[2][16];
};
extern const LatticeNibbles kIq2Nibbles;
extern const LatticeNibbles kIq3XxsNibbles;
extern const LatticeNibbles kIq3SNibbles;

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

[[gnu::always_inline]] constexpr const uint8_t* halves_of(DType type, int half) {
  switch (type) {
    case DType::kIQ2_XXS:
      return kIq2XxsHalves.half[half];
    case DType::kIQ2_XS:
      return kIq2XsHalves.half[half];
    case DType::kIQ2_S:
      return kIq2SHalves.half[half];
    case DType::kIQ3_XXS:
      return kIq3XxsHalves.half[half];
    case DType::kIQ3_S:
      return kIq3SHalves.half[half];
    default:
      return nullptr;
  }
}

[[gnu::always_inline]] constexpr const LatticeNibbles& nibbles_of(DType type) {
  switch (type) {
    case DType::kIQ3_XXS:
      return kIq3XxsNibbles;
    case DType::kIQ3_S:
      return kIq3SNibbles;
    default:
      return kIq2Nibbles;
  }
}

}  // namespace weft::cpu
