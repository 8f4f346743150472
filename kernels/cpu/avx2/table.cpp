#include "kernels/cpu/avx2/table.h"

#include "kernels/cpu/avx2/bf16.h"
#include "kernels/cpu/avx2/linear.h"
#include "kernels/cpu/avx2/packed8.h"
#include "kernels/cpu/avx2/simd.h"
#include "kernels/cpu/generic/table.h"

namespace weft::cpu {

const KernelTable& avx2_table() {
  using namespace avx2;
  static constexpr KernelTable kTable = [] {
    KernelTable table = generic_table<F32x8, F64x8, Half, BFloat, Byte, Madd, Maddubs, Bf16>(
        "avx2", [](const CpuFeatures& f) { return f.avx2 && f.fma && f.f16c; });
    table.linear = avx2::linear;
    table.unpack = avx2::unpack;
    return table;
  }();
  return kTable;
}

}  // namespace weft::cpu
