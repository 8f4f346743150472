#include "kernels/cuda/kv_cache.h"

#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/kv_layout.h"

namespace weft::cuda {
namespace {

struct KvStore {
  static constexpr const char* kName = "kv_store";
  static constexpr int kThreads = 128;
  using Shared = NoShared;

  KvLayer layers[2];  // keys, values
  const float* inputs[2];
  const int32_t* slots;

  WEFT_DEVICE void operator()(Shared&) const {
    const KvLayer& layer = layers[block_index().y];
    const int64_t t = block_index().x;
    const int64_t slot = load(slots + t);
    const int cols = layer.n_kv_heads * layer.head_dim;
    const float* const row = inputs[block_index().y] + t * cols;
    for (int i = thread_index(); i < layer.n_kv_heads * layer.row_elements; i += kThreads) {
      const int head = i / layer.row_elements;
      const int element = i % layer.row_elements;
      const float value =
          element < layer.head_dim ? load(row + head * layer.head_dim + element) : 0.0f;
      const int64_t at = kv_offset(layer, slot, head) + element;
      if (layer.type == DType::kF32) {
        store(reinterpret_cast<float*>(layer.data) + at, value);
      } else {
        store(reinterpret_cast<uint16_t*>(layer.data) + at,
              layer.type == DType::kF16 ? half_of(value) : bfloat_of(value));
      }
    }
  }
};

// A thread carries the same 16 bytes of every copy, so that a block that is written and then read
// is the thread's own.
struct CopyBlocks {
  static constexpr const char* kName = "copy_blocks";
  static constexpr int kThreads = 256;
  using Shared = NoShared;

  std::byte* data;
  int64_t array_bytes, block_bytes;
  const BlockCopy* copies;
  int num_copies;

  WEFT_DEVICE void operator()(Shared&) const {
    std::byte* const blocks = data + block_index().y * array_bytes;
    const int64_t at =
        (int64_t{block_index().x} * kThreads + thread_index()) * int64_t{sizeof(Vec4)};
    if (at >= block_bytes) return;
    for (int i = 0; i < num_copies; ++i) {
      const BlockCopy copy = load(copies + i);
      const Vec4 bytes = load(reinterpret_cast<const Vec4*>(blocks + copy.from * block_bytes + at));
      store(reinterpret_cast<Vec4*>(blocks + copy.to * block_bytes + at), bytes);
    }
  }
};

}  // namespace

void kv_store(Stream& stream, const KvLayer& keys, const KvLayer& values, Mat k, Mat v,
              const int32_t* slots) {
  launch(stream, {.x = static_cast<int>(k.rows), .y = 2},
         KvStore{.layers = {keys, values}, .inputs = {k.data, v.data}, .slots = slots});
}

void copy_blocks(Stream& stream, std::byte* data, int num_arrays, int64_t array_bytes,
                 int64_t block_bytes, const BlockCopy* copies, int num_copies) {
  constexpr int64_t kPiece = CopyBlocks::kThreads * int64_t{sizeof(Vec4)};
  launch(stream, {.x = static_cast<int>((block_bytes + kPiece - 1) / kPiece), .y = num_arrays},
         CopyBlocks{.data = data,
                    .array_bytes = array_bytes,
                    .block_bytes = block_bytes,
                    .copies = copies,
                    .num_copies = num_copies});
}

}  // namespace weft::cuda
