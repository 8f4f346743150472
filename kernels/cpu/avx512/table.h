// The one symbol of this folder.
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// AVX-512 with byte dot products (VNNI): Intel since Ice Lake, AMD since Zen 4. What has no
// kernels of 512 bits is that of AVX2.
const KernelTable& avx512_table();

}  // namespace weft::cpu
