#include "kernels/cpu/amx/table.h"

#include "kernels/cpu/amx/packed.h"
#include "kernels/cpu/amx/tiles.h"
#include "kernels/cpu/generic/packed_table.h"

namespace weft::cpu {

// Called on every processor: a constant, so that nothing here needs AMX to be executed.
const AmxKernels& amx_kernels() {
  using namespace amx;
  static constexpr AmxKernels kKernels = {
      .int16 = packed_kernels<Amx<Int16Block, HardwareTiles>>(),
      .int8 = packed_kernels<Amx<Int8Block, HardwareTiles>>(),
  };
  return kKernels;
}

}  // namespace weft::cpu
