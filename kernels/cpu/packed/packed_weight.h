// A weight matrix in packed groups (kernels/cpu/packed/format.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "kernels/cpu/packed/format.h"
#include "kernels/cpu/packed/weight_arena.h"

namespace weft::cpu {

class PackedWeight {
 public:
  PackedWeight() = default;

  // Packs all rows of the tensor, sharing the groups out. Fails with kOutOfMemory.
  static Result<PackedWeight> create(const HostTensor& tensor, const PackedFormat& format,
                                     ThreadPool& pool, WeightArena& arena);

  bool present() const { return piece_.data != nullptr; }
  const std::byte* data() const { return piece_.data; }
  std::size_t size_bytes() const { return piece_.size_bytes; }
  // Row r of the file's matrix, bit for bit as it is decoded: [k].
  void read_row(int64_t r, float* out) const;

 private:
  const PackedFormat* format_ = nullptr;
  int64_t k_ = 0;
  WeightArena::Piece piece_;
};

}  // namespace weft::cpu
