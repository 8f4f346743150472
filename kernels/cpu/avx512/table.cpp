#include "kernels/cpu/avx512/table.h"

#include "kernels/cpu/avx2/table.h"
#include "kernels/cpu/avx512/packed.h"
#include "kernels/cpu/generic/packed_table.h"

namespace weft::cpu {

const KernelTable& avx512_table() {
  static const KernelTable kTable = [] {
    KernelTable table = avx2_table();
    table.isa = "avx512";
    table.supported = [](const CpuFeatures& f) {
      return avx2_table().supported(f) && f.avx512f && f.avx512bw && f.avx512dq && f.avx512vl &&
             f.avx512_vnni;
    };
    table.packed_linear = packed_kernel<avx512::Vnni>;
    table.quantize_row = quantize_row<avx512::Vnni>;
    return table;
  }();
  return kTable;
}

}  // namespace weft::cpu
