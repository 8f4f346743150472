#include "kernels/cuda/cuda_kv_cache.h"

#include "core/check.h"

namespace weft::cuda {

std::size_t CudaKvCache::size_bytes(const KvCacheSpec& spec) {
  return static_cast<std::size_t>(2 * spec.n_layers * kv_layer_block_bytes(spec) * spec.num_blocks);
}

Result<std::unique_ptr<KvCache>> CudaKvCache::create(Gpu& gpu, const KvCacheSpec& spec) {
  switch (spec.type) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
    case DType::kQ8_0:
    case DType::kF8_E4M3:
      break;
    default:
      return fail(ErrorCode::kUnsupported, "KV cache on cuda: type " +
                                               std::string(dtype_name(spec.type)) +
                                               ", expected F32, F16, BF16, Q8_0 or F8_E4M3");
  }
  if (spec.head_dim > kMaxHeadDim) {
    return fail(ErrorCode::kUnsupported, "KV cache on cuda: heads of " +
                                             std::to_string(spec.head_dim) + ", at most " +
                                             std::to_string(kMaxHeadDim));
  }
  WEFT_CHECK(spec.block_size > 0 && kAttentionSplit % spec.block_size == 0,
             "KV block of " + std::to_string(spec.block_size) + " tokens");
  WEFT_TRY_ASSIGN(Buffer memory, gpu.allocate(size_bytes(spec)));
  return std::unique_ptr<KvCache>(new CudaKvCache(spec, std::move(memory)));
}

std::string CudaKvCache::layout() const {
  return "kv 2, " + std::string(dtype_name(spec().type)) + ", " + std::to_string(spec().n_layers) +
         " layers, " + std::to_string(spec().n_kv_heads) + " heads of " +
         std::to_string(spec().head_dim) + ", blocks of " + std::to_string(spec().block_size);
}

KvLayer CudaKvCache::array(int index) const {
  KvLayer layer = kv_layer(spec());
  layer.data = data() + index * array_bytes();
  return layer;
}

}  // namespace weft::cuda
