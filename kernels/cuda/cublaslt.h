// cuBLASLt as PlainProducts. Found when it is asked for, not linked: nothing else needs it.
#pragma once

#include <memory>

#include "core/error.h"
#include "kernels/cuda/gpu.h"
#include "kernels/cuda/plain_products.h"

namespace weft::cuda {

// kUnsupported where no libcublasLt.so.13 or .12 can be loaded, or it lacks a function;
// kDeviceError where it does not start on this device; else fails as Gpu::allocate() does (its
// workspace).
Result<std::unique_ptr<PlainProducts>> load_cublaslt(Gpu& gpu);

}  // namespace weft::cuda
