#include "tests/support/cuda_emulator/emulated_machine.h"

#include "kernels/cuda/cuda_gpu.h"
#include "tests/support/cuda_emulator/emulated_gpu.h"

namespace weft::test {

EmulatedMachine& emulated_machine() {
  static EmulatedMachine machine;
  return machine;
}

}  // namespace weft::test

namespace weft::cuda {

Result<std::unique_ptr<Gpu>> open_cuda_gpu(int) {
  const test::EmulatedMachine& machine = test::emulated_machine();
  if (!machine.has_gpu) {
    return fail(ErrorCode::kDeviceError, "device cuda: no usable GPU was found, one was wanted");
  }
  return test::make_emulated_gpu(machine.memory_bytes, machine.time);
}

}  // namespace weft::cuda
