// The CUDA runtime as a Gpu.
#pragma once

#include <memory>

#include "kernels/cuda/gpu.h"

namespace weft::cuda {

// Device `index`. kDeviceError where there is none, no driver, or one for which this build holds no
// code; the message says what was found and what was wanted.
Result<std::unique_ptr<Gpu>> open_cuda_gpu(int index = 0);

}  // namespace weft::cuda
