// The machine in which the engine looks for a GPU: defines cuda::open_cuda_gpu(), so that programs
// which link this instead of the CUDA runtime find the emulated one.
#pragma once

#include <cstddef>

namespace weft::test {

struct EmulatedMachine {
  bool has_gpu = true;
  std::size_t memory_bytes = std::size_t{1} << 30;  // of a GPU that is opened from now on
};

EmulatedMachine& emulated_machine();

}  // namespace weft::test
