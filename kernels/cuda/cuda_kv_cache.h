// The paged KV cache of a group of layers in device memory: for each layer its keys, then its
// values, as kv_cache.h lays them out.
#pragma once

#include <memory>
#include <string>

#include "core/backend.h"
#include "kernels/cuda/gpu.h"
#include "kernels/cuda/kv_cache.h"

namespace weft::cuda {

class CudaKvCache final : public KvCache {
 public:
  // F32, F16, BF16, Q8_0 or F8_E4M3; kUnsupported for another type or too wide a head.
  static Result<std::unique_ptr<KvCache>> create(Gpu& gpu, const KvCacheSpec& spec);
  static std::size_t size_bytes(const KvCacheSpec& spec);

  // Names all that decides where a number lies in a block, and how it is written.
  std::string layout() const;

  KvLayer keys(int32_t layer) const { return array(2 * layer); }
  KvLayer values(int32_t layer) const { return array(2 * layer + 1); }

  std::byte* data() const { return memory_.as<std::byte>(); }
  int num_arrays() const { return 2 * spec().n_layers; }
  int64_t array_bytes() const { return block_bytes() * spec().num_blocks; }
  int64_t block_bytes() const { return kv_layer_block_bytes(spec()); }  // in one array

 private:
  CudaKvCache(const KvCacheSpec& spec, Buffer memory) : KvCache(spec), memory_(std::move(memory)) {}
  KvLayer array(int index) const;

  Buffer memory_;
};

}  // namespace weft::cuda
