#include "kernels/cpu/avx2/table.h"

#include "kernels/cpu/avx2/linear.h"
#include "kernels/cpu/avx2/packed.h"
#include "kernels/cpu/avx2/simd.h"
#include "kernels/cpu/generic/attention.h"
#include "kernels/cpu/generic/elementwise.h"
#include "kernels/cpu/generic/norm.h"
#include "kernels/cpu/generic/packed_table.h"
#include "kernels/cpu/generic/store.h"

namespace weft::cpu {

const KernelTable& avx2_table() {
  using avx2::F32x8;
  static constexpr KernelTable kTable = {
      .isa = "avx2",
      .supported = [](const CpuFeatures& f) { return f.avx2 && f.fma && f.f16c; },
      .linear = avx2::linear,
      .packed_linear = packed_kernel<avx2::Madd>,
      .quantize_row = quantize_row<avx2::Madd>,
      .rms_norm = rms_norm<F32x8, avx2::F64x8>,
      .rope = rope<F32x8>,
      .attend = attend<F32x8, avx2::Half, avx2::BFloat, avx2::Byte>,
      .merge = merge<F32x8>,
      .store = store_array<F32x8, avx2::Half, avx2::BFloat, avx2::Byte>,
      .glu = glu<F32x8>,
      .add = add<F32x8>,
      .exp = exp_array<F32x8>,
      .exp2 = exp2_array<F32x8>,
      .unpack = avx2::unpack,
  };
  return kTable;
}

}  // namespace weft::cpu
