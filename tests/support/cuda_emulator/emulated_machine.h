// The machine in which the engine looks for a GPU: defines cuda::open_cuda_gpu(), so that programs
// which link this instead of the CUDA runtime find the emulated one.
#pragma once

#include <cstddef>

#include "tests/support/cuda_emulator/emulated_gpu.h"

namespace weft::test {

struct EmulatedMachine {
  bool has_gpu = true;
  // Of a GPU that is opened from now on:
  std::size_t memory_bytes = std::size_t{1} << 30;
  EmulatedTime time = EmulatedTime::kWaitedFor;
};

EmulatedMachine& emulated_machine();

}  // namespace weft::test
