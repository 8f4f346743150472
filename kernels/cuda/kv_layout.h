// Where a token's head lies in a layer of the cache, in bytes. Device code.
#pragma once

#include "kernels/cuda/device/device.h"
#include "kernels/cuda/kv_cache.h"

namespace weft::cuda {

// The head's tokens in a block.
WEFT_DEVICE int64_t kv_head_offset(const KvLayer& layer, int64_t block, int head) {
  return (block * layer.n_kv_heads + head) * layer.head_bytes;
}
// From there to the first element of the block's token number `offset`.
WEFT_DEVICE int kv_row_offset(const KvLayer& layer, int offset) { return offset * layer.row_bytes; }
// … to the scales of its group of tokens,
WEFT_DEVICE int kv_scale_group_offset(const KvLayer& layer, int offset) {
  return layer.block_size * layer.row_bytes +
         (offset >> layer.scale_group_shift) * layer.scale_group_bytes;
}
// … and from there to its own.
WEFT_DEVICE int kv_scale_offset_in_group(const KvLayer& layer, int offset) {
  return (offset & ((1 << layer.scale_group_shift) - 1)) * layer.scales * int{sizeof(uint16_t)};
}

// slot: block × block size + offset in the block.
WEFT_DEVICE int64_t kv_slot_offset(const KvLayer& layer, int64_t slot, int head) {
  return kv_head_offset(layer, slot >> layer.block_shift, head);
}
WEFT_DEVICE int kv_offset_in_block(const KvLayer& layer, int64_t slot) {
  return static_cast<int>(slot) & (layer.block_size - 1);
}

}  // namespace weft::cuda
