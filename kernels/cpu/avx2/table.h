// The one symbol of this folder.
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// Eight lanes, fused multiply-add and half conversion: x86 of 2013 and later.
const KernelTable& avx2_table();

}  // namespace weft::cpu
