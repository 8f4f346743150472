// AMX tiles of 16 rows of 64 bytes: products of BF16 pairs and of int8 quads.
#include <immintrin.h>

#include "kernels/cpu/peaks/probe.h"

namespace weft::cpu {
namespace {

// LDTILECFG's operand (Intel SDM volume 1, 18.2).
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

// Four sums, since a product issues every 16 cycles and takes 52; two tiles for each side.
void start_tiles() {
  const TileConfig config;
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
}
constexpr double kProducts = 4;

void bf16(int64_t rounds) {
  start_tiles();
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}

void int8(int64_t rounds) {
  start_tiles();
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_release();
}

bool has_bf16(const CpuFeatures& features) { return features.amx_tile && features.amx_bf16; }
bool has_int8(const CpuFeatures& features) { return features.amx_tile && features.amx_int8; }

constexpr ArithmeticProbe kProbes[] = {
    {"amx_bf16", has_bf16, kProducts * 16 * 16 * 32 * 2, bf16},
    {"amx_int8", has_int8, kProducts * 16 * 16 * 64 * 2, int8},
};

}  // namespace

ProbeList amx_probes() { return {kProbes, sizeof kProbes / sizeof *kProbes}; }

}  // namespace weft::cpu
