#include "kernels/cpu/neon/table.h"

#include "kernels/cpu/generic/attention.h"
#include "kernels/cpu/generic/elementwise.h"
#include "kernels/cpu/generic/linear.h"
#include "kernels/cpu/generic/norm.h"
#include "kernels/cpu/generic/packed_table.h"
#include "kernels/cpu/generic/store.h"
#include "kernels/cpu/neon/packed.h"
#include "kernels/cpu/neon/simd.h"

namespace weft::cpu {

const KernelTable& neon_table() {
  using neon::F32x8;
  static constexpr KernelTable kTable = {
      .isa = "neon",
      .supported = [](const CpuFeatures& f) { return f.neon && f.arm_dotprod; },
      .linear = linear<F32x8>,
      .packed_linear = packed_kernel<neon::Sdot>,
      .quantize_row = quantize_row<neon::Sdot>,
      .rms_norm = rms_norm<F32x8, neon::F64x8>,
      .rope = rope<F32x8>,
      .attend = attend<F32x8, neon::Half, neon::BFloat, neon::Byte>,
      .merge = merge<F32x8>,
      .store = store_array<F32x8, neon::Half, neon::BFloat, neon::Byte>,
      .glu = glu<F32x8>,
      .add = add<F32x8>,
      .exp = exp_array<F32x8>,
      .exp2 = exp2_array<F32x8>,
      .unpack = nullptr,
  };
  return kTable;
}

}  // namespace weft::cpu
