#include "kernels/cpu/avx512/table.h"
#include "kernels/cpu/avx512/wide.h"
#include "kernels/cpu/generic/elementwise.h"

namespace weft::cpu {

void avx512_glu(const float* gate, const float* up, float* out, int64_t n, Activation activation) {
  glu<avx512::Wide, avx2::F32x8>(gate, up, out, n, activation);
}

}  // namespace weft::cpu
