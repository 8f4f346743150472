// The kernels that are one text for every instruction set, over its vector types.
#pragma once

#include "kernels/cpu/generic/attention.h"
#include "kernels/cpu/generic/bf16_linear.h"
#include "kernels/cpu/generic/elementwise.h"
#include "kernels/cpu/generic/linear.h"
#include "kernels/cpu/generic/norm.h"
#include "kernels/cpu/generic/packed_table.h"
#include "kernels/cpu/generic/store.h"

namespace weft::cpu {

// Floats, Doubles: vectors of 8 (scalar/simd.h). Half, BFloat, Byte: storage of the KV cache.
// Packed16, Packed8: as generic/packed_linear.h wants them; Bf16: as generic/bf16_linear.h. A table
// with kernels of its own sets them after.
template <class Floats, class Doubles, class Half, class BFloat, class Byte, class Packed16,
          class Packed8, class Bf16>
static constexpr KernelTable generic_table(const char* isa,
                                           bool (*supported)(const CpuFeatures& features)) {
  return {
      .isa = isa,
      .supported = supported,
      .linear = linear<Floats>,
      .int16 = packed_kernels<Packed16>(),
      .int8 = packed_kernels<Packed8>(),
      .bf16 = bf16_kernels<Bf16>(),
      .rms_norm = rms_norm<Floats, Doubles>,
      .rope = rope<Floats>,
      .attend = attend<Floats, Floats, Half, BFloat, Byte>,
      .merge = merge<Floats>,
      .store = store_array<Floats, Half, BFloat, Byte>,
      .glu = glu<Floats>,
      .add = add<Floats>,
      .exp = exp_array<Floats>,
      .exp2 = exp2_array<Floats>,
      .unpack = nullptr,
  };
}

}  // namespace weft::cpu
