// Any tensor type to float32 on the device; the same bits as decode_row (core/quant/decode.h).
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "core/dtype.h"

namespace weft::cuda {

// Decodes `elements` values (a whole number of blocks) from `src` (row_bytes(type, elements)
// bytes, any alignment) into `dst`; both are device memory. Returns the status of the launch:
// cudaErrorInvalidValue for a negative or broken number of elements.
cudaError_t launch_dequantize(DType type, const void* src, float* dst, int64_t elements,
                              cudaStream_t stream);

}  // namespace weft::cuda
