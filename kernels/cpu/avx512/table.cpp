#include "kernels/cpu/avx512/table.h"

#include "kernels/cpu/avx512/packed.h"
#include "kernels/cpu/generic/packed_table.h"

namespace weft::cpu {

// Called on every processor: a constant, so that nothing here needs AVX-512 to be executed.
const Avx512Kernels& avx512_kernels() {
  static constexpr Avx512Kernels kKernels = {
      .int16 = packed_kernels<avx512::Vnni<Int16Block>>(),
      .int8 = packed_kernels<avx512::Vnni<Int8Block>>(),
  };
  return kKernels;
}

}  // namespace weft::cpu
