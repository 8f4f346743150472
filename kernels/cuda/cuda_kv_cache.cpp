#include "kernels/cuda/cuda_kv_cache.h"

#include "kernels/cuda/attention.h"

namespace weft::cuda {

std::size_t CudaKvCache::size_bytes(const KvCacheSpec& spec) {
  return static_cast<std::size_t>(2 * spec.n_layers * kv_layer_block_bytes(spec) * spec.num_blocks);
}

Result<std::unique_ptr<KvCache>> CudaKvCache::create(Gpu& gpu, const KvCacheSpec& spec) {
  if (spec.type != DType::kF32 && spec.type != DType::kF16 && spec.type != DType::kBF16) {
    return fail(ErrorCode::kUnsupported, "KV cache on cuda: type " +
                                             std::string(dtype_name(spec.type)) +
                                             ", expected F32, F16 or BF16");
  }
  if (spec.head_dim > kMaxHeadDim) {
    return fail(ErrorCode::kUnsupported, "KV cache on cuda: heads of " +
                                             std::to_string(spec.head_dim) + ", at most " +
                                             std::to_string(kMaxHeadDim));
  }
  WEFT_TRY_ASSIGN(Buffer memory, gpu.allocate(size_bytes(spec)));
  return std::unique_ptr<KvCache>(new CudaKvCache(spec, std::move(memory)));
}

std::string CudaKvCache::layout() const {
  return "kv 1, " + std::string(dtype_name(spec().type)) + ", " + std::to_string(spec().n_layers) +
         " layers, " + std::to_string(spec().n_kv_heads) + " heads of " +
         std::to_string(spec().head_dim) + ", blocks of " + std::to_string(spec().block_size);
}

KvLayer CudaKvCache::array(int index) const {
  return {.data = data() + index * array_bytes(),
          .type = spec().type,
          .n_kv_heads = spec().n_kv_heads,
          .head_dim = spec().head_dim,
          .row_elements = static_cast<int>(kv_row_elements(spec())),
          .block_size = spec().block_size};
}

}  // namespace weft::cuda
