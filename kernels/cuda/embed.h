// The rows of a table of embeddings as float32.
#pragma once

#include "core/backend.h"
#include "kernels/cuda/stream.h"
#include "kernels/cuda/weight_format.h"

namespace weft::cuda {

// out[t] = row ids[t] of the table, bit for bit as core/quant/ decodes it. The table is a weight
// like others, because the head's weight may be the same; ids [out.rows] in device memory.
void embed_packed(Stream& stream, DType type, const PackedWeight& table, const int32_t* ids,
                  Mat out);

}  // namespace weft::cuda
