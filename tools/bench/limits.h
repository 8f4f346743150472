// The limits of what a benchmark ran on, probed when it is asked for.
#pragma once

#include "core/error.h"
#include "kernels/cpu/peaks.h"

namespace weft::tools {

// Of the GPU: "device_read", "tensor_f16". Fails with kDeviceError where there is none, or this
// build has no CUDA, and with kOutOfMemory.
Result<cpu::Peaks> gpu_limits();

}  // namespace weft::tools
