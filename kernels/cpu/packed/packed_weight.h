// A weight matrix in packed groups (kernels/cpu/packed/format.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/error.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "core/weight_cache.h"
#include "kernels/cpu/packed/format.h"
#include "kernels/cpu/packed/weight_arena.h"

namespace weft::cpu {

class PackedWeight {
 public:
  PackedWeight() = default;

  // Packs all rows of the tensor, sharing the groups out; where there is a cache, takes what it has
  // or adds to it. Fails with kOutOfMemory.
  static Result<PackedWeight> create(const HostTensor& tensor, const PackedFormat& format,
                                     ThreadPool& pool, WeightArena& arena,
                                     WeightCache* cache = nullptr);

  bool present() const { return bytes_.data() != nullptr; }
  const std::byte* data() const { return bytes_.data(); }
  std::size_t size_bytes() const { return bytes_.size(); }
  // Row r of the file's matrix: bit for bit as it is decoded, floats rounded to BF16. [k].
  void read_row(int64_t r, float* out) const;

 private:
  const PackedFormat* format_ = nullptr;
  int64_t k_ = 0;
  std::shared_ptr<const void> holder_;  // a mapping of memory, or of the cache's file
  std::span<const std::byte> bytes_;
};

}  // namespace weft::cpu
