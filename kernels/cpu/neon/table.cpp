#include "kernels/cpu/neon/table.h"

#include "kernels/cpu/generic/table.h"
#include "kernels/cpu/neon/bf16.h"
#include "kernels/cpu/neon/packed.h"
#include "kernels/cpu/neon/simd.h"

namespace weft::cpu {

const KernelTable& neon_table() {
  using namespace neon;
  static constexpr KernelTable kTable =
      generic_table<F32x8, F64x8, Half, BFloat, Byte, Sdot<Int16Block>, Sdot<Int8Block>, Bf16>(
          "neon", [](const CpuFeatures& f) { return f.neon && f.arm_dotprod; });
  return kTable;
}

}  // namespace weft::cpu
