// RMS norm (Zhang & Sennrich, 2019), alone and after a residual addition.
#pragma once

#include "core/backend.h"
#include "kernels/cuda/stream.h"

namespace weft::cuda {

// out[r] = x[r] / sqrt(mean(x[r]²) + eps) × gain. With y: x += y first. x and out may be the same.
void rms_norm(Stream& stream, Mat x, const float* y, const float* gain, float eps, Mat out);

}  // namespace weft::cuda
