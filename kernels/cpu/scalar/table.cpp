#include "kernels/cpu/scalar/table.h"

#include "kernels/cpu/generic/attention.h"
#include "kernels/cpu/generic/elementwise.h"
#include "kernels/cpu/generic/linear.h"
#include "kernels/cpu/generic/norm.h"
#include "kernels/cpu/generic/packed_table.h"
#include "kernels/cpu/generic/store.h"
#include "kernels/cpu/scalar/packed.h"
#include "kernels/cpu/scalar/simd.h"

namespace weft::cpu {

const KernelTable& scalar_table() {
  using scalar::F32x8;
  static constexpr KernelTable kTable = {
      .isa = "scalar",
      .supported = [](const CpuFeatures&) { return true; },
      .linear = linear<F32x8>,
      .packed_linear = packed_kernel<scalar::Plain>,
      .quantize_row = quantize_row<scalar::Plain>,
      .rms_norm = rms_norm<F32x8, scalar::F64x8>,
      .rope = rope<F32x8>,
      .attend = attend<F32x8, scalar::Half, scalar::BFloat, scalar::Byte>,
      .merge = merge<F32x8>,
      .store = store_array<F32x8, scalar::Half, scalar::BFloat, scalar::Byte>,
      .glu = glu<F32x8>,
      .add = add<F32x8>,
      .exp = exp_array<F32x8>,
      .exp2 = exp2_array<F32x8>,
      .unpack = nullptr,
  };
  return kTable;
}

}  // namespace weft::cpu
