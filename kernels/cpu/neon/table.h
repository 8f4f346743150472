// The one symbol of this folder.
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// Four lanes, and the dot products of Armv8.2: 64-bit Arm of 2018 and later.
const KernelTable& neon_table();

}  // namespace weft::cpu
