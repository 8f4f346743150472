// Tiles in plain C++ (kernels/cpu/amx/tile_shape.h): what Intel's manual says of the instructions,
// for kernels that run where no processor has them. Each file that includes this has its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/amx/tile_shape.h"

namespace weft::test {
namespace {

using cpu::amx::TileShape;

// What a processor would answer by a fault ends the program.
class EmulatedTiles {
 public:
  template <int kCount>
  explicit EmulatedTiles(const TileShape (&shapes)[kCount]) {
    static_assert(kCount <= cpu::amx::kMostTiles);
    for (int t = 0; t < kCount; ++t) {
      expect((shapes[t].rows == 0) == (shapes[t].row_bytes == 0));
      expect(shapes[t].rows <= 16 && shapes[t].row_bytes <= 64);
      tile[t] = {};
      tile[t].shape = shapes[t];
    }
  }
  // A use after this one meets tiles without rows.
  ~EmulatedTiles() {
    for (Tile& t : tile) t = {};
  }

  template <int t>
  static void zero() {
    expect(tile[t].shape.rows != 0);
    __builtin_memset(tile[t].bytes, 0, sizeof(tile[t].bytes));
  }
  template <int t>
  static void load(const void* p, std::ptrdiff_t stride) {
    zero<t>();
    for (int r = 0; r < tile[t].shape.rows; ++r) {
      __builtin_memcpy(tile[t].bytes[r], static_cast<const std::byte*>(p) + r * stride,
                       static_cast<std::size_t>(tile[t].shape.row_bytes));
    }
  }
  template <int t>
  static void store(void* p, std::ptrdiff_t stride) {
    expect(tile[t].shape.rows != 0);
    for (int r = 0; r < tile[t].shape.rows; ++r) {
      __builtin_memcpy(static_cast<std::byte*>(p) + r * stride, tile[t].bytes[r],
                       static_cast<std::size_t>(tile[t].shape.row_bytes));
    }
  }
  template <int to, int a, int b>
  static void dot() {
    expect_product(tile[to].shape, tile[a].shape, tile[b].shape);
    for (int m = 0; m < tile[a].shape.rows; ++m) {
      for (int n = 0; n < tile[b].shape.row_bytes / 4; ++n) {
        int32_t sum;
        __builtin_memcpy(&sum, &tile[to].bytes[m][4 * n], sizeof(sum));
        for (int k = 0; k < tile[a].shape.row_bytes; ++k) {
          sum += static_cast<int8_t>(tile[a].bytes[m][k]) *
                 static_cast<int>(tile[b].bytes[k / 4][4 * n + k % 4]);
        }
        __builtin_memcpy(&tile[to].bytes[m][4 * n], &sum, sizeof(sum));
      }
    }
  }
  template <int to, int a, int b>
  static void bf16_dot() {
    expect_product(tile[to].shape, tile[a].shape, tile[b].shape);
    for (int m = 0; m < tile[a].shape.rows; ++m) {
      // Of the pairs' first and second elements, by columns.
      float first[16] = {};
      float second[16] = {};
      for (int k = 0; k < tile[b].shape.rows; ++k) {
        const uint32_t x = word(tile[a], m, k);
        for (int n = 0; n < 16; ++n) {
          const uint32_t w = word(tile[b], k, n);
          first[n] = flushed(__builtin_fmaf(low(x), low(w), first[n]));
          second[n] = flushed(__builtin_fmaf(high(x), high(w), second[n]));
        }
      }
      for (int n = 0; n < tile[to].shape.row_bytes / 4; ++n) {
        float sum;
        __builtin_memcpy(&sum, &tile[to].bytes[m][4 * n], sizeof(sum));
        sum = flushed(flushed(sum) + flushed(first[n] + second[n]));
        __builtin_memcpy(&tile[to].bytes[m][4 * n], &sum, sizeof(sum));
      }
    }
  }

 private:
  struct Tile {
    alignas(64) uint8_t bytes[16][64];
    TileShape shape;
  };
  static thread_local Tile tile[cpu::amx::kMostTiles];

  static void expect(bool as_it_must_be) {
    if (!as_it_must_be) __builtin_trap();
  }
  static void expect_product(TileShape to, TileShape a, TileShape b) {
    expect(to.rows != 0 && a.rows == to.rows);
    expect(a.row_bytes == 4 * b.rows && b.row_bytes == to.row_bytes);
  }
  static uint32_t word(const Tile& of, int row, int n) {
    uint32_t bits;
    __builtin_memcpy(&bits, &of.bytes[row][4 * n], sizeof(bits));
    return bits;
  }
  static float as_float(uint32_t bits) {
    float x;
    __builtin_memcpy(&x, &bits, sizeof(x));
    return x;
  }
  // Subnormal numbers are zero, wherever they come from.
  static float flushed(float x) { return __builtin_fabsf(x) < 0x1p-126f ? 0.0f * x : x; }
  static float low(uint32_t pair) { return flushed(as_float(pair << 16)); }
  static float high(uint32_t pair) { return flushed(as_float(pair & 0xffff0000u)); }
};
thread_local EmulatedTiles::Tile EmulatedTiles::tile[cpu::amx::kMostTiles];

}  // namespace
}  // namespace weft::test
