// Compiled for AVX-512: nothing of it may be shared with other files, so it includes kernels alone.
#include "kernels/cpu/amx/bf16.h"
#include "tests/kernels/emulated_amx.h"
#include "tests/kernels/emulated_tiles.h"

namespace weft::test {

const cpu::PackedKernels& emulated_amx_bf16_kernels() {
  static constexpr cpu::PackedKernels kKernels = cpu::amx::bf16_kernels<EmulatedTiles>();
  return kKernels;
}

}  // namespace weft::test
