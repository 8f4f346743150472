// What the CPU backend allocates: buffers, weights that view a mapped file, the KV cache.
#pragma once

#include <memory>

#include "core/backend.h"
#include "core/quant/decode.h"

namespace weft::cpu {

// Zeroed and aligned to 64 bytes; pages are touched on first use. Fails with kOutOfMemory.
Result<Buffer> allocate_zeroed(std::size_t size_bytes);

// Views the tensor's bytes. A tensor of one row (a norm's gain, a bias) also has its values as
// float32: the same bytes where they are that already, else a copy.
class CpuWeight final : public Weight {
 public:
  static Result<std::unique_ptr<Weight>> create(const HostTensor& tensor);

  const std::byte* row(int64_t r) const { return data_ + r * row_bytes_; }
  int64_t row_bytes() const { return row_bytes_; }
  DecodeRow decode() const { return decode_; }
  const float* floats() const { return floats_; }  // null if there are several rows

 private:
  CpuWeight(DType type, int64_t rows, int64_t cols) : Weight(type, rows, cols) {}

  const std::byte* data_ = nullptr;
  int64_t row_bytes_ = 0;
  DecodeRow decode_ = nullptr;
  const float* floats_ = nullptr;
  Buffer copy_;
};

// K and V as [layer][block][kv head][token][row], row = head_dim padded by zeros to whole lanes:
// the tokens of a block that one head reads lie together.
class CpuKvCache final : public KvCache {
 public:
  static Result<std::unique_ptr<KvCache>> create(const KvCacheSpec& spec);
  static std::size_t size_bytes(const KvCacheSpec& spec);  // K and V together

  int32_t row_elements() const;
  std::size_t block_bytes() const;  // of a block's K or V in one layer
  std::byte* k(int32_t layer) const;
  std::byte* v(int32_t layer) const;
  // Where the row of a token lies in k() and v(), in elements. slot: block × block size + offset.
  int64_t row_offset(int64_t slot, int32_t kv_head) const;

 private:
  explicit CpuKvCache(const KvCacheSpec& spec) : KvCache(spec) {}

  Buffer k_, v_;
};

}  // namespace weft::cpu
