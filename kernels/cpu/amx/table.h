// The symbols of this folder.
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// What AMX does better than AVX-512; dispatch.cpp makes a table of it and the rest of AVX-512's.
struct AmxKernels {
  PackedKernels int16, int8;
};
const AmxKernels& amx_kernels();

// With AMX-BF16. Their order of sums is the tiles' own.
const PackedKernels& amx_bf16_kernels();

}  // namespace weft::cpu
