// The paged KV cache in device memory: where keys and values lie, storing them, copying blocks.
//
// Keys and values of a layer are [block][kv head][token of the block][head_dim] each, in the
// cache's type, a token's head padded with zeros to 16 bytes: attention reads a head's tokens of a
// block as one piece of memory, 16 bytes a thread.
#pragma once

#include "core/backend.h"
#include "kernels/cuda/stream.h"

namespace weft::cuda {

// Elements of one token's head as they lie.
inline int64_t kv_row_elements(const KvCacheSpec& spec) {
  const int64_t piece = spec.type == DType::kF32 ? 4 : 8;  // of 16 bytes
  return (spec.head_dim + piece - 1) / piece * piece;
}
inline int64_t kv_element_bytes(DType type) { return type == DType::kF32 ? 4 : 2; }
// Of one block's keys, or values, in one layer.
inline int64_t kv_layer_block_bytes(const KvCacheSpec& spec) {
  return int64_t{spec.n_kv_heads} * spec.block_size * kv_row_elements(spec) *
         kv_element_bytes(spec.type);
}

// One layer's keys or values.
struct KvLayer {
  std::byte* data = nullptr;
  DType type = DType::kF16;  // F32, F16, BF16
  int n_kv_heads = 0;
  int head_dim = 0;
  int row_elements = 0;
  int block_size = 0;
};

// Stores k and v [tokens, kv heads × head_dim] at slots [tokens], rounded to the layers' type.
void kv_store(Stream& stream, const KvLayer& keys, const KvLayer& values, Mat k, Mat v,
              const int32_t* slots);

// copies [num_copies], in this order, within each of num_layers × 2 arrays of blocks that lie
// `array_bytes` apart from `data` on. A block is a multiple of 16 bytes.
void copy_blocks(Stream& stream, std::byte* data, int num_arrays, int64_t array_bytes,
                 int64_t block_bytes, const BlockCopy* copies, int num_copies);

}  // namespace weft::cuda
