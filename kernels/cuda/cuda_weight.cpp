#include "kernels/cuda/cuda_weight.h"

#include <algorithm>
#include <vector>

#include "core/quant/decode.h"
#include "kernels/cuda/pack_weight.h"

namespace weft::cuda {
namespace {

// Converted on the host this much at a time, so that a large tensor is never there twice.
constexpr int64_t kStagingBytes = int64_t{8} << 20;

// Uploads `items` pieces of `item_bytes`, which convert(first, last, out) writes on the host.
template <class Convert>
Result<Buffer> upload_converted(Gpu& gpu, int64_t items, int64_t item_bytes,
                                const Convert& convert) {
  WEFT_TRY_ASSIGN(Buffer memory, gpu.allocate(static_cast<std::size_t>(items * item_bytes)));
  const int64_t at_once = std::clamp<int64_t>(kStagingBytes / item_bytes, 1, items);
  std::vector<std::byte> staging(static_cast<std::size_t>(at_once * item_bytes));
  for (int64_t first = 0; first < items; first += at_once) {
    const int64_t last = std::min(first + at_once, items);
    convert(first, last, staging.data());
    gpu.upload(memory.as<std::byte>() + first * item_bytes, staging.data(),
               static_cast<std::size_t>((last - first) * item_bytes));
  }
  return memory;
}

}  // namespace

PackedWeight CudaWeight::tiles() const {
  const int units = units_of(cols());
  return {.tiles = memory_.as<const std::byte>(),
          .rows = static_cast<int>(rows()),
          .units = units,
          .tile_bytes = tile_layout(weight_format(type()), units).size_bytes};
}

Result<std::unique_ptr<Weight>> CudaWeight::create(Gpu& gpu, const HostTensor& tensor) {
  const WeightFormat format = weight_format(tensor.type);
  const bool packed = format.bits != 0;
  Buffer memory;
  if (packed) {
    const int64_t tile_bytes = tile_layout(format, units_of(tensor.cols())).size_bytes;
    WEFT_TRY_ASSIGN(memory, upload_converted(gpu, tiles_of(tensor.rows()), tile_bytes,
                                             [&](int64_t first, int64_t last, std::byte* out) {
                                               pack_tiles(tensor, first, last, out);
                                             }));
  } else {
    const DecodeRow decode = decode_row_function(tensor.type);
    if (decode == nullptr) {
      return fail(ErrorCode::kUnsupported, tensor.name + ": type " +
                                               std::string(dtype_name(tensor.type)) +
                                               ", which no CUDA kernel reads");
    }
    const int64_t stored = row_bytes(tensor.type, tensor.cols()).value();
    WEFT_TRY_ASSIGN(memory,
                    upload_converted(gpu, tensor.rows(), tensor.cols() * int64_t{sizeof(float)},
                                     [&](int64_t first, int64_t last, std::byte* out) {
                                       decode(tensor.bytes.data() + first * stored,
                                              reinterpret_cast<float*>(out),
                                              (last - first) * tensor.cols());
                                     }));
  }
  return std::unique_ptr<Weight>(new CudaWeight(tensor, std::move(memory), packed));
}

}  // namespace weft::cuda
