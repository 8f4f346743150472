// The one symbol of this folder.
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// Plain loops that every processor runs: what the operations mean, for others to be tested
// against. Fused multiply-adds may be calls into the C library, so it is slow.
const KernelTable& scalar_table();

}  // namespace weft::cpu
