// The instructions that the kernels of this folder are written over (amx/tile_shape.h).
#pragma once

#include <immintrin.h>

#include "kernels/cpu/amx/tile_shape.h"

namespace weft::cpu::amx {
namespace {

class HardwareTiles {
 public:
  template <int kCount>
  explicit HardwareTiles(const TileShape (&shapes)[kCount]) {
    static_assert(kCount <= kMostTiles);
    // LDTILECFG's operand (Intel SDM volume 1, 18.2).
    struct alignas(64) Config {
      uint8_t palette = 1;
      uint8_t start_row = 0;
      uint8_t reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    static_assert(sizeof(config) == 64);
    for (int t = 0; t < kCount; ++t) {
      config.row_bytes[t] = static_cast<uint16_t>(shapes[t].row_bytes);
      config.rows[t] = static_cast<uint8_t>(shapes[t].rows);
    }
    // GCC's intrinsic says that it reads eight bytes of its operand.
    asm volatile("" : : "m"(config));
    _tile_loadconfig(&config);
  }
  ~HardwareTiles() { _tile_release(); }
  HardwareTiles(const HardwareTiles&) = delete;
  HardwareTiles& operator=(const HardwareTiles&) = delete;

  // Tile numbers are part of the instruction: the macros below take literals only.
  template <int t>
  static void zero() {
    static_assert(t >= 0 && t <= 3);
    if constexpr (t == 0) _tile_zero(0);
    if constexpr (t == 1) _tile_zero(1);
    if constexpr (t == 2) _tile_zero(2);
    if constexpr (t == 3) _tile_zero(3);
  }
  template <int t>
  static void load(const void* p, std::ptrdiff_t stride) {
    static_assert(t >= 0 && t <= 7);
    // The intrinsics do not say that they read memory, nor store() that it writes.
    asm volatile("" ::: "memory");
    if constexpr (t == 0) _tile_loadd(0, p, stride);
    if constexpr (t == 1) _tile_loadd(1, p, stride);
    if constexpr (t == 2) _tile_loadd(2, p, stride);
    if constexpr (t == 3) _tile_loadd(3, p, stride);
    if constexpr (t == 4) _tile_loadd(4, p, stride);
    if constexpr (t == 5) _tile_loadd(5, p, stride);
    if constexpr (t == 6) _tile_loadd(6, p, stride);
    if constexpr (t == 7) _tile_loadd(7, p, stride);
  }
  template <int t>
  static void store(void* p, std::ptrdiff_t stride) {
    static_assert(t >= 0 && t <= 3);
    if constexpr (t == 0) _tile_stored(0, p, stride);
    if constexpr (t == 1) _tile_stored(1, p, stride);
    if constexpr (t == 2) _tile_stored(2, p, stride);
    if constexpr (t == 3) _tile_stored(3, p, stride);
    asm volatile("" ::: "memory");
  }
  template <int to, int a, int b>
  static void dot() {
    static_assert(b == 4 && (to == 0 ? a == 2 : to == 1 && a == 3));
    if constexpr (to == 0) _tile_dpbsud(0, 2, 4);
    if constexpr (to == 1) _tile_dpbsud(1, 3, 4);
  }
  template <int to, int a, int b>
  static void bf16_dot() {
    static_assert(to >= 0 && to <= 3 && a == 4 + to / 2 && b == 6 + to % 2);
    if constexpr (to == 0) _tile_dpbf16ps(0, 4, 6);
    if constexpr (to == 1) _tile_dpbf16ps(1, 4, 7);
    if constexpr (to == 2) _tile_dpbf16ps(2, 5, 6);
    if constexpr (to == 3) _tile_dpbf16ps(3, 5, 7);
  }
};

}  // namespace
}  // namespace weft::cpu::amx
