// What the CPU backend allocates: buffers, and weights (views of a mapped file, packed copies).
#pragma once

#include <memory>
#include <optional>

#include "core/backend.h"
#include "core/quant/decode.h"
#include "kernels/cpu/packed/packed_weight.h"

namespace weft::cpu {

// Zeroed and aligned to 64 bytes; pages are touched on first use. Fails with kOutOfMemory.
Result<Buffer> allocate_zeroed(std::size_t size_bytes);

// Views the tensor's bytes. A tensor of one row (a norm's gain, a bias) also has its values as
// float32: the same bytes where they are that already, else a copy. A matrix of a packed format
// has its packed form instead where `packing` is given.
class CpuWeight final : public Weight {
 public:
  // By whom and where weights are packed.
  struct Packing {
    ThreadPool& pool;
    WeightArena& arena;
    WeightCache* cache = nullptr;  // where they are kept between runs
    bool floats = false;           // floats too, as BF16
  };
  static Result<std::unique_ptr<Weight>> create(const HostTensor& tensor,
                                                std::optional<Packing> packing = {});

  std::size_t memory_bytes() const override { return host_memory().size(); }
  std::span<const std::byte> host_memory() const override;
  bool has_own_layout() const override { return packed_.present(); }

  // The file's rows, and how they are decoded; not of a packed weight.
  const std::byte* row(int64_t r) const { return data_ + r * row_bytes_; }
  int64_t row_bytes() const { return row_bytes_; }
  DecodeRow decode() const { return decode_; }
  // Row r in float32: [cols].
  void read_row(int64_t r, float* out) const;
  const float* floats() const { return floats_; }  // null if there are several rows
  const PackedWeight& packed() const { return packed_; }

 private:
  CpuWeight(DType type, int64_t rows, int64_t cols) : Weight(type, rows, cols) {}

  const std::byte* data_ = nullptr;  // null: packed
  int64_t row_bytes_ = 0;
  DecodeRow decode_ = nullptr;
  const float* floats_ = nullptr;
  Buffer copy_;
  PackedWeight packed_;
};

}  // namespace weft::cpu
