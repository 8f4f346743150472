#include "kernels/cuda/cuda_weight.h"

#include "core/quant/decode.h"
#include "kernels/cuda/pack_weight.h"

namespace weft::cuda {
PackedWeight CudaWeight::tiles() const {
  const int units = units_of(cols());
  return {.tiles = memory_.as<const std::byte>(),
          .rows = static_cast<int>(rows()),
          .units = units,
          .tile_bytes = tile_layout(weight_format(type()), units).size_bytes};
}

std::size_t CudaWeight::size_bytes(const HostTensor& tensor) {
  if (weight_format(tensor.type).bits != 0) return static_cast<std::size_t>(packed_bytes(tensor));
  if (decode_row_function(tensor.type) == nullptr) return 0;
  return static_cast<std::size_t>(tensor.rows() * tensor.cols()) * sizeof(float);
}

Result<std::unique_ptr<Weight>> CudaWeight::create(WeightUploader& uploader,
                                                   const HostTensor& tensor) {
  const WeightFormat format = weight_format(tensor.type);
  const bool packed = format.bits != 0;
  Buffer memory;
  if (packed) {
    const int64_t tile_bytes = tile_layout(format, units_of(tensor.cols())).size_bytes;
    WEFT_TRY_ASSIGN(memory, uploader.upload(tiles_of(tensor.rows()), tile_bytes,
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
    WEFT_TRY_ASSIGN(memory, uploader.upload(tensor.rows(), tensor.cols() * int64_t{sizeof(float)},
                                            [&](int64_t first, int64_t last, std::byte* out) {
                                              decode(tensor.bytes.data() + first * stored,
                                                     reinterpret_cast<float*>(out),
                                                     (last - first) * tensor.cols());
                                            }));
  }
  return std::unique_ptr<Weight>(new CudaWeight(tensor, std::move(memory), packed));
}

}  // namespace weft::cuda
