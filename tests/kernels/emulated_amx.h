// The AMX kernels over tiles in plain words: on any processor with AVX-512.
#pragma once

#include "kernels/cpu/amx/table.h"

namespace weft::test {

const cpu::AmxKernels& emulated_amx_kernels();
const cpu::PackedKernels& emulated_amx_bf16_kernels();

}  // namespace weft::test
