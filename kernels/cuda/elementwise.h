// Operations that take each element, or each row, by itself.
#pragma once

#include "core/backend.h"
#include "core/model/config.h"
#include "kernels/cuda/stream.h"

namespace weft::cuda {

// out = activation(gate) × up. out may be gate or up.
void glu(Stream& stream, Mat gate, Mat up, Activation activation, Mat out);

// x += y.
void add(Stream& stream, Mat x, Mat y);

// out[i] = x[rows[i]]; rows in device memory.
void gather_rows(Stream& stream, Mat x, const int32_t* rows, Mat out);

}  // namespace weft::cuda
