// The paged KV cache in device memory: where keys and values lie, storing them, copying blocks.
//
// Keys and values of a layer are [block][kv head] each, and there, for the block's tokens,
//   [token][row]                     its head's elements, padded with zeros to 16 bytes; in Q8_0
//   and
//                                    F8_E4M3 a byte each
//   [group of tokens][token][scale]  Q8_0: halves, one for 32 elements; F8_E4M3: one half. A group
//   is
//                                    eight tokens, or a whole block of fewer, padded to 16 bytes
// so that attention reads a head's tokens, and their scales, as pieces of 16 bytes.
//
// Values are finite, always: attention multiplies what a token may not see by a weight of zero. A
// token whose value of a head is not finite in the cache's type keeps zeros for it, and a key that
// is NaN, which whoever may see it will show. (F32, which tensor cores do not serve, is kept as
// is.)
#pragma once

#include "core/backend.h"
#include "kernels/cuda/stream.h"

namespace weft::cuda {

inline constexpr int kMaxHeadDim = 256;

// One layer's keys or values.
struct KvLayer {
  std::byte* data = nullptr;
  DType type = DType::kF16;  // F32, F16, BF16, Q8_0, F8_E4M3
  int n_kv_heads = 0;
  int head_dim = 0;
  int block_size = 0;
  int block_shift = 0;        // log2 of it
  int row_elements = 0;       // head_dim, padded
  int row_bytes = 0;          // without scales
  int scales = 0;             // of a token
  int scale_group_shift = 0;  // log2 of its tokens
  int scale_group_bytes = 0;  // padded
  int64_t head_bytes = 0;     // of a block's tokens of one head, scales included
};

// Without data.
KvLayer kv_layer(const KvCacheSpec& spec);
// Of one block's keys, or values, in one layer; a multiple of 16.
inline int64_t kv_layer_block_bytes(const KvCacheSpec& spec) {
  return spec.n_kv_heads * kv_layer(spec).head_bytes;
}

// Stores k and v [tokens, kv heads × head_dim] at slots [tokens], rounded to the layers' type: to
// nearest, ties to even. Q8_0 as the CPU does: a scale is a half, and bytes are the nearest under
// it. F8_E4M3: scale is the power of two that puts the row's largest magnitude into (224, 448];
// magnitudes beyond 57344 become that.
void kv_store(Stream& stream, const KvLayer& keys, const KvLayer& values, Mat k, Mat v,
              const int32_t* slots);

// copies [num_copies], in this order, within each of num_layers × 2 arrays of blocks that lie
// `array_bytes` apart from `data` on. A block is a multiple of 16 bytes.
void copy_blocks(Stream& stream, std::byte* data, int num_arrays, int64_t array_bytes,
                 int64_t block_bytes, const BlockCopy* copies, int num_copies);

}  // namespace weft::cuda
