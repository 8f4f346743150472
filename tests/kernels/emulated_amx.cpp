// Compiled for AVX-512: nothing of it may be shared with other files, so it includes kernels alone.
#include "tests/kernels/emulated_amx.h"

#include "kernels/cpu/amx/packed.h"
#include "kernels/cpu/generic/packed_table.h"
#include "tests/kernels/emulated_tiles.h"

namespace weft::test {

const cpu::AmxKernels& emulated_amx_kernels() {
  static constexpr cpu::AmxKernels kKernels = {
      .int16 = cpu::packed_kernels<cpu::amx::Amx<cpu::Int16Block, EmulatedTiles>>(),
      .int8 = cpu::packed_kernels<cpu::amx::Amx<cpu::Int8Block, EmulatedTiles>>(),
  };
  return kKernels;
}

}  // namespace weft::test
