#include "kernels/cpu/avx512/vbmi.h"

#include "kernels/cpu/avx512/table.h"
#include "kernels/cpu/generic/packed_table.h"

namespace weft::cpu {
namespace {

template <class Block>
PackedLinearRun linear_i(DType type) {
  return packed_kernel<avx512::Vbmi<Block>>(type);
}

}  // namespace

const Avx512LatticeKernels& avx512_vbmi_kernels() {
  static constexpr Avx512LatticeKernels kKernels = {.int16 = linear_i<Int16Block>,
                                                    .int8 = linear_i<Int8Block>};
  return kKernels;
}

}  // namespace weft::cpu
