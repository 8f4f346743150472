// The instructions that amx/packed.h is written over.
#pragma once

#include <immintrin.h>

#include "kernels/cpu/amx/packed.h"

namespace weft::cpu::amx {
namespace {

class HardwareTiles {
 public:
  explicit HardwareTiles(const TileShape (&shapes)[kTiles]) {
    // LDTILECFG's operand (Intel SDM volume 1, 18.2).
    struct alignas(64) Config {
      uint8_t palette = 1;
      uint8_t start_row = 0;
      uint8_t reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    static_assert(sizeof(config) == 64);
    for (int t = 0; t < kTiles; ++t) {
      config.row_bytes[t] = static_cast<uint16_t>(shapes[t].row_bytes);
      config.rows[t] = static_cast<uint8_t>(shapes[t].rows);
    }
    _tile_loadconfig(&config);
  }
  ~HardwareTiles() { _tile_release(); }
  HardwareTiles(const HardwareTiles&) = delete;
  HardwareTiles& operator=(const HardwareTiles&) = delete;

  // Tile numbers are part of the instruction: the macros below take literals only.
  template <int t>
  static void zero() {
    static_assert(t == 0 || t == 1);
    if constexpr (t == 0) _tile_zero(0);
    if constexpr (t == 1) _tile_zero(1);
  }
  template <int t>
  static void load(const void* p, std::ptrdiff_t stride) {
    static_assert(t >= 2 && t <= 4);
    // The intrinsics do not say that they read memory, nor store() that it writes.
    asm volatile("" ::: "memory");
    if constexpr (t == 2) _tile_loadd(2, p, stride);
    if constexpr (t == 3) _tile_loadd(3, p, stride);
    if constexpr (t == 4) _tile_loadd(4, p, stride);
  }
  template <int t>
  static void store(void* p, std::ptrdiff_t stride) {
    static_assert(t == 0 || t == 1);
    if constexpr (t == 0) _tile_stored(0, p, stride);
    if constexpr (t == 1) _tile_stored(1, p, stride);
    asm volatile("" ::: "memory");
  }
  template <int to, int a, int b>
  static void dot() {
    static_assert(b == 4 && (to == 0 ? a == 2 : to == 1 && a == 3));
    if constexpr (to == 0) _tile_dpbsud(0, 2, 4);
    if constexpr (to == 1) _tile_dpbsud(1, 3, 4);
  }
};

}  // namespace
}  // namespace weft::cpu::amx
