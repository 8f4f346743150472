#include "kernels/cpu/amx/bf16.h"

#include "kernels/cpu/amx/table.h"
#include "kernels/cpu/amx/tiles.h"

namespace weft::cpu {

const PackedKernels& amx_bf16_kernels() {
  static constexpr PackedKernels kKernels = amx::bf16_kernels<amx::HardwareTiles>();
  return kKernels;
}

}  // namespace weft::cpu
