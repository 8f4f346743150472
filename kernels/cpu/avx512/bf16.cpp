#include "kernels/cpu/avx512/bf16.h"

#include "kernels/cpu/avx512/table.h"

namespace weft::cpu {

const PackedKernels& avx512_bf16_kernels() {
  static constexpr PackedKernels kKernels = bf16_kernels<avx512::Bf16>();
  return kKernels;
}

}  // namespace weft::cpu
