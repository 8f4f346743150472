// Where a token's head lies in a layer of the cache. Device code.
#pragma once

#include "kernels/cuda/device/device.h"
#include "kernels/cuda/kv_cache.h"

namespace weft::cuda {

// Of its first element, in elements. slot: block × block size + offset in the block.
WEFT_DEVICE int64_t kv_offset(const KvLayer& layer, int64_t slot, int head) {
  const int64_t block = slot / layer.block_size;
  return ((block * layer.n_kv_heads + head) * layer.block_size + slot % layer.block_size) *
         layer.row_elements;
}

}  // namespace weft::cuda
