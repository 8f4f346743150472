// A weight in device memory: tiles (weight_format.h), or float32 where its type has none. Vectors
// (norms, biases) are float32.
#pragma once

#include <memory>

#include "core/backend.h"
#include "kernels/cuda/weight_format.h"
#include "kernels/cuda/weight_upload.h"

namespace weft::cuda {

class CudaWeight final : public Weight {
 public:
  // `plain`: matrices of 16-bit floats are kept row by row as well. kUnsupported for a type that
  // cannot be decoded; else fails as WeightUploader::upload().
  static Result<std::unique_ptr<Weight>> create(WeightUploader& uploader, const HostTensor& tensor,
                                                bool plain = false);

  // What create() allocates; 0 for a type that cannot be decoded.
  static std::size_t size_bytes(const HostTensor& tensor, bool plain = false);

  std::size_t memory_bytes() const override { return memory_.size_bytes() + plain_.size_bytes(); }
  bool has_own_layout() const override { return true; }

  bool packed() const { return packed_; }
  bool bfloat() const { return type() == DType::kBF16; }
  PackedWeight tiles() const;
  // [rows, units × 64], zeros beyond the columns; null where there is no such copy.
  const uint16_t* plain() const { return plain_.as<const uint16_t>(); }
  const float* floats() const { return memory_.as<const float>(); }

 private:
  CudaWeight(const HostTensor& tensor, Buffer memory, bool packed)
      : Weight(tensor.type, tensor.rows(), tensor.cols()),
        memory_(std::move(memory)),
        packed_(packed) {}

  Buffer memory_;
  Buffer plain_;
  bool packed_;
};

}  // namespace weft::cuda
