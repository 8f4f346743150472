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

constexpr Lattice<uint64_t, 4096> shifted_iq1() {
  const auto up = expand_lattice<uint64_t>(kIq1Codes, {128 - 8 + 1, 128 + 1, 128 + 8 + 1});
  const auto down = expand_lattice<uint64_t>(kIq1Codes, {128 - 8 - 1, 128 - 1, 128 + 8 - 1});
  Lattice<uint64_t, 4096> both{};
  for (int i = 0; i < 2048; ++i) {
    both.points[i] = up.points[i];
    both.points[2048 + i] = down.points[i];
  }
  return both;
}

}  // namespace

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
