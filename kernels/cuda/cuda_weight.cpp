#include "kernels/cuda/cuda_weight.h"

#include <cstring>

#include "core/quant/decode.h"
#include "kernels/cuda/pack_weight.h"

namespace weft::cuda {
namespace {

// Of a row in the plain copy; 0: none is kept.
int64_t plain_row_bytes(const HostTensor& tensor, bool wanted) {
  const bool floats = tensor.type == DType::kF16 || tensor.type == DType::kBF16;
  if (!wanted || !floats || tensor.rows() == 1) return 0;
  return int64_t{units_of(tensor.cols())} * kUnitColumns * 2;
}

}  // namespace

PackedWeight CudaWeight::tiles() const {
  const int units = units_of(cols());
  return {.tiles = memory_.as<const std::byte>(),
          .rows = static_cast<int>(rows()),
          .units = units,
          .tile_bytes = tile_layout(weight_format(type()), units).size_bytes};
}

std::size_t CudaWeight::size_bytes(const HostTensor& tensor, bool plain) {
  if (weight_format(tensor.type).bits != 0) {
    return static_cast<std::size_t>(packed_bytes(tensor) +
                                    tensor.rows() * plain_row_bytes(tensor, plain));
  }
  if (decode_row_function(tensor.type) == nullptr) return 0;
  return static_cast<std::size_t>(tensor.rows() * tensor.cols()) * sizeof(float);
}

Result<std::unique_ptr<Weight>> CudaWeight::create(WeightUploader& uploader,
                                                   const HostTensor& tensor, bool plain) {
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
  std::unique_ptr<CudaWeight> weight(new CudaWeight(tensor, std::move(memory), packed));
  if (const int64_t row = plain_row_bytes(tensor, plain); row != 0) {
    const auto stored = static_cast<std::size_t>(tensor.cols()) * 2;
    WEFT_TRY_ASSIGN(
        weight->plain_,
        uploader.upload(tensor.rows(), row, [&](int64_t first, int64_t last, std::byte* out) {
          for (int64_t r = first; r < last; ++r, out += row) {
            std::memcpy(out, tensor.bytes.data() + static_cast<std::size_t>(r) * stored, stored);
            std::memset(out + stored, 0, static_cast<std::size_t>(row) - stored);
          }
        }));
  }
  return weight;
}

}  // namespace weft::cuda
