// Compiled for AVX-512: nothing of it may be shared with other files, so it includes kernels alone.
#include "tests/kernels/emulated_amx.h"

#include "kernels/cpu/amx/packed.h"
#include "kernels/cpu/generic/packed_table.h"

namespace weft::test {
namespace {

// What Intel's manual says of the instructions: rows of bytes, products of quads.
class EmulatedTiles {
 public:
  explicit EmulatedTiles(const cpu::amx::TileShape (&shapes)[cpu::amx::kTiles]) {
    for (int t = 0; t < cpu::amx::kTiles; ++t) {
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
    __builtin_memset(tile[t].bytes, 0, sizeof(tile[t].bytes));
  }
  template <int t>
  static void load(const std::byte* p, std::ptrdiff_t stride) {
    zero<t>();
    for (int r = 0; r < tile[t].shape.rows; ++r) {
      __builtin_memcpy(tile[t].bytes[r], p + r * stride,
                       static_cast<std::size_t>(tile[t].shape.row_bytes));
    }
  }
  template <int t>
  static void store(void* p, std::ptrdiff_t stride) {
    for (int r = 0; r < tile[t].shape.rows; ++r) {
      __builtin_memcpy(static_cast<std::byte*>(p) + r * stride, tile[t].bytes[r],
                       static_cast<std::size_t>(tile[t].shape.row_bytes));
    }
  }
  template <int to, int a, int b>
  static void dot() {
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

 private:
  struct Tile {
    uint8_t bytes[16][64];
    cpu::amx::TileShape shape;
  };
  static thread_local Tile tile[cpu::amx::kTiles];
};
thread_local EmulatedTiles::Tile EmulatedTiles::tile[cpu::amx::kTiles];

}  // namespace

const cpu::AmxKernels& emulated_amx_kernels() {
  static constexpr cpu::AmxKernels kKernels = {
      .int16 = cpu::packed_kernels<cpu::amx::Amx<cpu::Int16Block, EmulatedTiles>>(),
      .int8 = cpu::packed_kernels<cpu::amx::Amx<cpu::Int8Block, EmulatedTiles>>(),
  };
  return kKernels;
}

}  // namespace weft::test
