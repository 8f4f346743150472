#include "kernels/cpu/scalar/table.h"

#include "kernels/cpu/generic/table.h"
#include "kernels/cpu/scalar/bf16.h"
#include "kernels/cpu/scalar/packed.h"
#include "kernels/cpu/scalar/simd.h"

namespace weft::cpu {

const KernelTable& scalar_table() {
  using namespace scalar;
  static constexpr KernelTable kTable =
      generic_table<F32x8, F64x8, Half, BFloat, Byte, Plain16, Plain8, Bf16>(
          "scalar", [](const CpuFeatures&) { return true; });
  return kTable;
}

}  // namespace weft::cpu
