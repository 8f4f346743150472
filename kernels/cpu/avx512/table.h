// The symbols of this folder.
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// What AVX-512 with byte dot products (VNNI: Intel since Ice Lake, AMD since Zen 4) does better
// than AVX2; dispatch.cpp makes a table of it and the rest of AVX2's.
struct Avx512Kernels {
  PackedKernels int16, int8;
};
const Avx512Kernels& avx512_kernels();

// PackedKernels::linear of the lattice types with AVX-512 VBMI, which not all of those have; null
// for other types.
struct Avx512LatticeKernels {
  PackedLinearRun (*int16)(DType type);
  PackedLinearRun (*int8)(DType type);
};
const Avx512LatticeKernels& avx512_vbmi_kernels();

// KernelTable::linear.
void avx512_linear(const LinearArgs& args, int64_t begin, int64_t end, float* scratch);

// KernelTable::attend.
void avx512_attend(const AttentionTile& tile, float* partials, float* scratch);

// KernelTable::glu.
void avx512_glu(const float* gate, const float* up, float* out, int64_t n, Activation activation);

// With AVX-512 BF16, which not all of those have.
const PackedKernels& avx512_bf16_kernels();

}  // namespace weft::cpu
