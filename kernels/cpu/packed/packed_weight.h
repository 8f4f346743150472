// A weight matrix in packed groups (kernels/cpu/packed/format.h), in memory of its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/buffer.h"
#include "core/error.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "kernels/cpu/packed/format.h"

namespace weft::cpu {

class PackedWeight {
 public:
  PackedWeight() = default;

  // Packs all rows of the tensor, sharing the groups out. Fails with kOutOfMemory.
  static Result<PackedWeight> create(const HostTensor& tensor, const PackedFormat& format,
                                     ThreadPool& pool);

  bool present() const { return data_.size_bytes() != 0; }
  const std::byte* data() const { return data_.as<std::byte>(); }
  std::size_t size_bytes() const { return data_.size_bytes(); }

 private:
  Buffer data_;
};

}  // namespace weft::cpu
