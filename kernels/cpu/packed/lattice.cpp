#include "kernels/cpu/packed/lattice.h"

#include "core/quant/iq1_grid.h"
#include "core/quant/iq2_grids.h"
#include "core/quant/iq3_grids.h"

namespace weft::cpu {
namespace {

constexpr LatticeLevels above_128(LatticeLevels levels) {
  for (uint8_t& level : levels.level) level = static_cast<uint8_t>(level + 128);
  return levels;
}

// Eight times as large, and one up or down.
constexpr LatticeLevels kIq1Up = {128 - 8 + 1, 128 + 1, 128 + 8 + 1};
constexpr LatticeLevels kIq1Down = {128 - 8 - 1, 128 - 1, 128 + 8 - 1};

constexpr Lattice<uint64_t, 4096> shifted_iq1() {
  const auto up = expand_lattice<uint64_t>(kIq1Codes, kIq1Up);
  const auto down = expand_lattice<uint64_t>(kIq1Codes, kIq1Down);
  Lattice<uint64_t, 4096> both{};
  for (int i = 0; i < 2048; ++i) {
    both.points[i] = up.points[i];
    both.points[2048 + i] = down.points[i];
  }
  return both;
}

template <int kCount>
constexpr LatticeHalves<kCount> halves_of_8(const uint16_t (&codes)[kCount]) {
  LatticeHalves<kCount> halves{};
  for (int i = 0; i < kCount; ++i) {
    halves.half[0][i] = static_cast<uint8_t>(codes[i] & 0xff);
    halves.half[1][i] = static_cast<uint8_t>(codes[i] >> 8);
  }
  return halves;
}

// Octal digits to nibbles.
template <int kCount>
constexpr LatticeHalves<kCount> halves_of_4(const uint16_t (&codes)[kCount]) {
  LatticeHalves<kCount> halves{};
  for (int i = 0; i < kCount; ++i) {
    for (int half = 0; half < 2; ++half) {
      const int two = codes[i] >> (6 * half) & 077;
      halves.half[half][i] = static_cast<uint8_t>((two & 7) | two >> 3 << 4);
    }
  }
  return halves;
}

constexpr LatticeNibbles nibbles_of_two(const LatticeLevels& levels) {
  LatticeNibbles nibbles{};
  for (int i = 0; i < 16; ++i) {
    nibbles.level[0][i] = levels.level[i & 3];
    nibbles.level[1][i] = levels.level[i >> 2];
  }
  return nibbles;
}

constexpr LatticeNibbles nibbles_of_one(const LatticeLevels& levels) {
  LatticeNibbles nibbles{};
  for (int i = 0; i < 16; ++i) nibbles.level[0][i] = levels.level[i & 7];
  return nibbles;
}

}  // namespace

constexpr LatticeHalves<256> kIq2XxsHalves = halves_of_8(kIq2XxsCodes);
constexpr LatticeHalves<512> kIq2XsHalves = halves_of_8(kIq2XsCodes);
constexpr LatticeHalves<1024> kIq2SHalves = halves_of_8(kIq2SCodes);
constexpr LatticeHalves<256> kIq3XxsHalves = halves_of_4(kIq3XxsCodes);
constexpr LatticeHalves<512> kIq3SHalves = halves_of_4(kIq3SCodes);

constexpr LatticeNibbles kIq2Nibbles = nibbles_of_two(above_128(kIq2Levels));
constexpr LatticeNibbles kIq3XxsNibbles = nibbles_of_one(above_128(kIq3XxsLevels));
constexpr LatticeNibbles kIq3SNibbles = nibbles_of_one(above_128(kIq3SLevels));

constexpr Lattice<uint64_t, 4096> kIq1Points = shifted_iq1();
constexpr Lattice<uint64_t, 256> kIq2XxsPoints =
    expand_lattice<uint64_t>(kIq2XxsCodes, above_128(kIq2Levels));
constexpr Lattice<uint64_t, 512> kIq2XsPoints =
    expand_lattice<uint64_t>(kIq2XsCodes, above_128(kIq2Levels));
constexpr Lattice<uint64_t, 1024> kIq2SPoints =
    expand_lattice<uint64_t>(kIq2SCodes, above_128(kIq2Levels));
constexpr Lattice<uint32_t, 256> kIq3XxsPoints =
    expand_lattice<uint32_t>(kIq3XxsCodes, above_128(kIq3XxsLevels));
constexpr Lattice<uint32_t, 512> kIq3SPoints =
    expand_lattice<uint32_t>(kIq3SCodes, above_128(kIq3SLevels));

}  // namespace weft::cpu
